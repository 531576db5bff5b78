"""What TensorFlow raises becomes one line that a person can act on."""

import numpy as np
import pytest

from app.encoders.encoder import Encoder, tensorflow_errors_in_words
from app.encoders.keras_import import load_keras
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file
from app.errors import LookalikeError

pytestmark = pytest.mark.slow


def test_out_of_memory_says_what_helps() -> None:
    """TensorFlow waits ten seconds for memory before it raises this error; here it is made."""
    load_keras()
    from tensorflow import errors

    failures = (
        errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\nHint: none"),
        MemoryError(),
    )
    for error in failures:
        with pytest.raises(LookalikeError) as failure, tensorflow_errors_in_words("compact"):
            raise error
        assert str(failure.value).startswith("compact can't compute: out of memory; ")
        assert "LOOKALIKE_BATCH_SIZE" in str(failure.value)


def test_another_failure_of_tensorflow_is_one_line() -> None:
    load_keras()
    from tensorflow import io

    with pytest.raises(LookalikeError) as failure, tensorflow_errors_in_words("compact"):
        io.decode_png(b"no PNG")
    assert str(failure.value).startswith("compact can't compute: TensorFlow says ")
    assert "\n" not in str(failure.value)


def test_a_mistake_of_the_program_stays_what_it_is() -> None:
    backbone = get_backbone("compact")
    encoder = Encoder(backbone, default_file(backbone))
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        encoder.encode(np.zeros((1, 50, 50, 3), np.uint8))
