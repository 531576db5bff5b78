"""The precision is chosen by what the processor has and what is exact enough."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.encoders import encoder
from app.encoders.encoder import Encoder
from app.encoders.precision import LEAST_COSINE, Precision, has_bfloat16
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file
from app.photos.decode import load_photo
from tests.encoders import canonical

pytestmark = pytest.mark.slow

COMPACT = get_backbone("compact")


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    """Drawn photos as `compact` takes them, shape `(3, 80, 80, 3)`."""
    return np.stack(
        [load_photo(photo, COMPACT.input_size, COMPACT.resize) for photo in canonical.photos()]
    )


def compact(asked: Precision, **options: Any) -> Encoder:
    return Encoder(COMPACT, default_file(COMPACT), asked, **options)


def test_of_no_photos_there_are_no_embeddings(pixels: NDArray[np.uint8]) -> None:
    encoder = compact(Precision.FLOAT32)
    assert encoder.encode(pixels[:0]).shape == (0, 256)
    assert encoder.encode(pixels[:1]).shape == (1, 256)


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 sse\n", True),
        ("processor : 0\nflags\t\t: fpu amx_bf16\n", True),
        ("processor : 0\nflags\t\t: fpu avx512f avx2\n", False),
        ("processor : 0\nFeatures : fp asimd\n", False),
        ("", False),
    ],
)
def test_the_processor_says_what_it_has(cpuinfo: str, expected: bool, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    assert has_bfloat16(file) is expected
    assert has_bfloat16(tmp_path / "missing") is False


def test_without_the_instructions_it_is_float32(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert compact(Precision.AUTO, has_bfloat16=False).precision is Precision.FLOAT32
    assert caplog.text == ""
    assert compact(Precision.BFLOAT16, has_bfloat16=False).precision is Precision.FLOAT32
    assert "not fast at bfloat16: computing compact in float32" in caplog.text


@pytest.mark.parametrize(
    ("least_cosine", "expected"), [(-1.0, Precision.BFLOAT16), (1.1, Precision.FLOAT32)]
)
def test_auto_settles_on_the_first_batch(
    least_cosine: float,
    expected: Precision,
    pixels: NDArray[np.uint8],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    auto = compact(Precision.AUTO, has_bfloat16=True, least_cosine=least_cosine)
    assert auto.precision is Precision.AUTO
    settled = auto.encode(pixels)
    assert auto.precision is expected
    assert f"computing in {expected}" in caplog.text
    np.testing.assert_array_equal(settled, compact(expected, has_bfloat16=True).encode(pixels))


def test_bfloat16_agrees_with_float32(pixels: NDArray[np.uint8]) -> None:
    narrow, wide = (
        compact(asked, has_bfloat16=True).encode(pixels)
        for asked in (Precision.BFLOAT16, Precision.FLOAT32)
    )
    assert ((narrow * wide).sum(axis=1) >= LEAST_COSINE).all()
    if has_bfloat16():
        assert (narrow != wide).any()  # else nothing was computed in bfloat16


def test_a_vector_without_direction_decides_nothing() -> None:
    one = np.array([[3, 4], [0, 0]], np.float32)
    assert encoder._least_cosine(one, one) == pytest.approx(1)
    assert encoder._least_cosine(one, one[:, ::-1]) == pytest.approx(24 / 25)
