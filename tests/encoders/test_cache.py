"""The encoder that a process keeps: loaded once, and replaced with its model."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.encoders.cache import EncoderCache, EncoderSpec, load_encoder
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, sha256_of
from app.errors import LookalikeError

MISSING = EncoderSpec("compact", "letterbox resize", "0" * 64, "float32")


@pytest.mark.slow
def test_an_encoder_is_loaded_once_and_replaced_by_the_next(tmp_path: Path) -> None:
    sha256 = sha256_of(default_file(get_backbone("compact")))
    spec = EncoderSpec("compact", "letterbox resize, inside the network", sha256, "float32")
    loaded: list[EncoderSpec] = []

    def load(spec: EncoderSpec, home: Path) -> Encoder:
        loaded.append(spec)
        return load_encoder(spec, home)

    cache = EncoderCache(tmp_path, load)
    first = cache.get(spec)
    assert cache.get(spec) is first
    other = spec._replace(preprocessing="nearest resize, inside the network")
    assert cache.get(other) is not first
    assert cache.get(other).backbone.resize == "nearest"
    assert loaded == [spec, other]


def test_calls_that_waited_share_a_failure_and_the_next_tries_again(tmp_path: Path) -> None:
    tries: list[EncoderSpec] = []
    may_fail = threading.Event()

    def load(spec: EncoderSpec, _: Path) -> Encoder:
        tries.append(spec)
        assert may_fail.wait(60)
        raise LookalikeError("the weights are missing")

    cache = EncoderCache(tmp_path, load)

    def reason() -> str:
        with pytest.raises(LookalikeError) as error:
            cache.get(MISSING)
        return str(error.value)

    with ThreadPoolExecutor(3) as pool:
        reasons = [pool.submit(reason) for _ in range(3)]
        until = time.monotonic() + 60
        while waiting_calls() < 2 and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.05)  # enough to have read the clock
        may_fail.set()
        assert {one.result() for one in reasons} == {"the weights are missing"}
    assert len(tries) == 1
    assert reason() == "the weights are missing"
    assert len(tries) == 2


def waiting_calls() -> int:
    """How many threads are in `EncoderCache.get` itself: one that loads is deeper."""
    code = EncoderCache.get.__code__
    return sum(frame.f_code is code for frame in sys._current_frames().values())
