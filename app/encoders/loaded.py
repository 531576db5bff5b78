"""The encoder that a process keeps: loaded when a photo first needs it, replaced with its model."""

import time
from pathlib import Path
from threading import Lock

from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.encoders.weights import find
from app.errors import LookalikeError


def load_encoder(backbone_name: str, weights_sha256: str, home: Path) -> Encoder:
    """Load a registered model's network with the weights of this machine.

    Raises:
        LookalikeError: this machine lacks the weights, or this version the backbone.
    """
    backbone = get_backbone(backbone_name)
    return Encoder(backbone, find(weights_sha256, backbone, home))


class LoadedEncoder:
    """At most one encoder, that of the model asked for last; for all threads of a process.

    Args:
        home: folder that weights are kept in.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._kept: tuple[tuple[str, str], Encoder] | None = None
        self._failure: tuple[tuple[str, str], float, str] | None = None

    def get(self, backbone: str, weights_sha256: str) -> Encoder:
        """Return a model's encoder, loading it if another or none is kept.

        Those who ask while it is being loaded wait; those who find it take no lock.

        Raises:
            LookalikeError: this machine lacks the weights, or this version the backbone.
        """
        wanted = (backbone, weights_sha256)
        asked = time.monotonic()
        kept = self._kept
        if kept is None or kept[0] != wanted:
            with self._lock:
                kept = self._kept
                if kept is None or kept[0] != wanted:
                    kept = self._kept = (wanted, self._load(wanted, asked))
        return kept[1]

    def _load(self, wanted: tuple[str, str], asked: float) -> Encoder:
        # Looking for missing weights can take long: who waited meanwhile shares the outcome.
        if self._failure is not None and self._failure[0] == wanted and self._failure[1] >= asked:
            raise LookalikeError(self._failure[2])
        try:
            return load_encoder(*wanted, self._home)
        except LookalikeError as error:
            self._failure = (wanted, time.monotonic(), str(error))
            raise
