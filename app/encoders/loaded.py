"""The encoder that a process keeps: loaded when a photo first needs it, replaced with its model."""

import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.encoders.registry import registered_backbone
from app.encoders.weights import find
from app.errors import LookalikeError


class EncoderSpec(NamedTuple):
    """All of a registered model that decides what its vectors are: columns of its row."""

    backbone: str
    preprocessing: str
    weights_sha256: str
    precision: str


def load_encoder(spec: EncoderSpec, home: Path) -> Encoder:
    """Load a registered model's network with the weights of this machine.

    Raises:
        LookalikeError: this machine lacks the weights, or this version the backbone.
    """
    backbone = registered_backbone(spec.backbone, spec.preprocessing)
    return Encoder(backbone, find(spec.weights_sha256, backbone, home), Precision(spec.precision))


class LoadedEncoder:
    """At most one encoder, that of the model asked for last; for all threads of a process.

    Args:
        home: folder that weights are kept in.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._kept: tuple[EncoderSpec, Encoder] | None = None
        self._failure: tuple[EncoderSpec, float, str] | None = None

    def get(self, wanted: EncoderSpec) -> Encoder:
        """Return a model's encoder, loading it if another or none is kept.

        Those who ask while it is being loaded wait; those who find it take no lock.

        Raises:
            LookalikeError: this machine lacks the weights, or this version the backbone.
        """
        asked = time.monotonic()
        kept = self._kept
        if kept is None or kept[0] != wanted:
            with self._lock:
                kept = self._kept
                if kept is None or kept[0] != wanted:
                    kept = self._kept = (wanted, self._load(wanted, asked))
        return kept[1]

    def _load(self, wanted: EncoderSpec, asked: float) -> Encoder:
        # Looking for missing weights can take long: who waited meanwhile shares the outcome.
        if self._failure is not None and self._failure[0] == wanted and self._failure[1] >= asked:
            raise LookalikeError(self._failure[2])
        try:
            return load_encoder(wanted, self._home)
        except LookalikeError as error:
            self._failure = (wanted, time.monotonic(), str(error))
            raise
