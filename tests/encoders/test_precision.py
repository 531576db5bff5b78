"""The precision is chosen by what the processor has and the network bears."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.encoders import encoder, precision
from app.encoders.encoder import Encoder
from app.encoders.precision import LEAST_COSINE, Precision
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file
from app.photos.decode import load_photo, read_photo

COMPACT = get_backbone("compact")


@pytest.fixture(scope="module")
def pixels(sample_catalog: Path) -> NDArray[np.uint8]:
    """Photos as `compact` takes them, shape `(8, 112, 112, 3)`."""
    files = sorted((sample_catalog / "images").glob("*.jpg"))[:8]
    return np.stack([load_photo(read_photo(file), 112, COMPACT.resize) for file in files])


def compact(asked: Precision) -> Encoder:
    return Encoder(COMPACT, default_file(COMPACT), asked)


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
def test_the_processor_says_what_it_has(
    cpuinfo: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    monkeypatch.setattr(precision, "CPUINFO", file)
    assert precision.has_bfloat16() is expected
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "missing")
    assert precision.has_bfloat16() is False


def test_without_the_instructions_it_is_float32(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(encoder, "has_bfloat16", lambda: False)
    assert compact(Precision.AUTO).precision is Precision.FLOAT32
    assert caplog.text == ""
    assert compact(Precision.BFLOAT16).precision is Precision.FLOAT32
    assert "not fast at bfloat16: computing compact in float32" in caplog.text


@pytest.mark.parametrize(
    ("least_cosine", "expected"), [(-1.0, Precision.BFLOAT16), (1.1, Precision.FLOAT32)]
)
def test_auto_settles_on_the_first_batch(
    least_cosine: float,
    expected: Precision,
    pixels: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(encoder, "has_bfloat16", lambda: True)
    monkeypatch.setattr(encoder, "LEAST_COSINE", least_cosine)
    caplog.set_level(logging.INFO)
    auto = compact(Precision.AUTO)
    assert auto.precision is Precision.AUTO
    settled = auto.encode(pixels)
    assert auto.precision is expected
    assert f"computing in {expected}" in caplog.text
    np.testing.assert_array_equal(settled, compact(expected).encode(pixels))


def test_bfloat16_agrees_with_float32(
    pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "has_bfloat16", lambda: True)
    narrow, wide = (compact(p).encode(pixels) for p in (Precision.BFLOAT16, Precision.FLOAT32))
    assert ((narrow * wide).sum(axis=1) >= LEAST_COSINE).all()
    if precision.CPUINFO.exists() and precision.has_bfloat16():
        assert (narrow != wide).any()  # else nothing was computed in bfloat16


def test_a_vector_without_direction_decides_nothing() -> None:
    one = np.array([[3, 4], [0, 0]], np.float32)
    assert encoder._least_cosine(one, one) == pytest.approx(1)
    assert encoder._least_cosine(one, one[:, ::-1]) == pytest.approx(24 / 25)
