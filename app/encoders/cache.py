"""A cache of one encoder, loaded when it is first needed."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.encoders.registry import registered_backbone
from app.encoders.weights import find
from app.errors import LookalikeError


class EncoderSpec(NamedTuple):
    """The columns of a model's row that its vectors depend on."""

    backbone: str
    preprocessing: str
    weights_sha256: str
    precision: str


def load_encoder(spec: EncoderSpec, home: Path) -> Encoder:
    """Load a registered model's network with the weights of this machine.

    Raises:
        LookalikeError: this machine lacks the weights, or this version lacks the backbone.
    """
    backbone = registered_backbone(spec.backbone, spec.preprocessing)
    return Encoder(backbone, find(spec.weights_sha256, backbone, home), Precision(spec.precision))


class EncoderCache:
    """Holds at most one encoder, that of the model last used. Thread-safe.

    Args:
        home: folder with the weights.
        load: loads an encoder, as `load_encoder` does.
    """

    def __init__(
        self, home: Path, load: Callable[[EncoderSpec, Path], Encoder] = load_encoder
    ) -> None:
        self.home = home
        self._load_encoder = load
        self._lock = Lock()
        self._cached: tuple[EncoderSpec, Encoder] | None = None
        self._failure: tuple[EncoderSpec, float, str] | None = None

    def get(self, spec: EncoderSpec) -> Encoder:
        """Return a model's encoder; load it if it isn't in the cache.

        A cached encoder is returned without a lock; other calls wait while one loads it.

        Raises:
            LookalikeError: this machine lacks the weights, or this version lacks the backbone.
        """
        asked_at = time.monotonic()
        cached = self._cached
        if cached is None or cached[0] != spec:
            with self._lock:
                cached = self._cached
                if cached is None or cached[0] != spec:
                    cached = self._cached = (spec, self._load(spec, asked_at))
        return cached[1]

    def _load(self, spec: EncoderSpec, asked_at: float) -> Encoder:
        # Looking for weights can take long, so calls that waited for a failed load fail too.
        if self._failure is not None:
            failed_spec, failed_at, reason = self._failure
            if failed_spec == spec and failed_at >= asked_at:
                raise LookalikeError(reason)
        try:
            return self._load_encoder(spec, self.home)
        except LookalikeError as error:
            self._failure = (spec, time.monotonic(), str(error))
            raise
