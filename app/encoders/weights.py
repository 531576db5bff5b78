"""Weights files: finding or downloading them, and copies stored by hash."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from app.encoders.keras_import import keras_home, load_keras
from app.encoders.registry import Backbone
from app.errors import LookalikeError, MissingWeightsError


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises:
        LookalikeError: the file can't be read.
    """
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise LookalikeError(f"can't read the weights file {file}: {error.strerror}") from None


def kept_file(sha256: str, home: Path) -> Path:
    """Return the path of the weights file with that hash, whether or not it exists."""
    return home / "weights" / f"{sha256}.weights.h5"


def keep(file: Path, home: Path) -> str:
    """Copy a weights file to the path of its hash, and return the hash."""
    sha256 = sha256_of(file)
    target = kept_file(sha256, home)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when complete, so that a killed process leaves no partial file under the name.
        descriptor, partial = tempfile.mkstemp(dir=target.parent, suffix=".partial")
        os.close(descriptor)
        try:
            shutil.copyfile(file, partial)
            Path(partial).chmod(0o644)  # mkstemp lets only the user read it; a home may be shared
            Path(partial).replace(target)
        finally:
            Path(partial).unlink(missing_ok=True)
    return sha256


def default_file(backbone: Backbone) -> Path:
    """Return a backbone's default weights: bundled, or in Keras's cache, downloaded if need be.

    Raises:
        LookalikeError: they can't be downloaded; the text names both solutions.
    """
    if backbone.download is None:
        with as_file(files("app.encoders") / "weights" / backbone.default_weights) as file:
            return file
    keras = load_keras()
    try:
        # Keras reports its download on standard output, which may be JSON.
        with contextlib.redirect_stdout(sys.stderr):
            path = keras.utils.get_file(
                backbone.default_weights,
                f"{backbone.download}/{backbone.default_weights}",
                cache_dir=keras_home(),
                cache_subdir="models",
            )
    except Exception as error:  # whatever the network raised
        reason = " ".join(str(error).split())[-100:]
        raise LookalikeError(
            f"the ImageNet weights of {backbone.name} can't be downloaded ({reason}): connect to "
            "the internet, or name a weights file with `lookalike models add "
            f"{backbone.name} --weights FILE`"
        ) from None
    return Path(path)


def find(sha256: str, backbone: Backbone, home: Path) -> Path:
    """Return the weights file of that hash on this machine.

    Raises:
        MissingWeightsError: it isn't on this machine; the text says where to put it.
    """
    kept = kept_file(sha256, home)
    if kept.exists():
        # Vectors of other weights can't be compared with those in the database.
        if (found := sha256_of(kept)) != sha256:
            raise MissingWeightsError(
                f"{kept} has the SHA-256 {found}: replace it with the weights of "
                f"{backbone.name} that it is named after"
            )
        return kept
    # Another machine may have registered the model with weights that this one can download too.
    with contextlib.suppress(LookalikeError):
        default = default_file(backbone)
        if sha256_of(default) == sha256:
            return default
    raise MissingWeightsError(
        f"this machine lacks the weights of {backbone.name} with SHA-256 {sha256}: "
        f"put that file at {kept}"
    )
