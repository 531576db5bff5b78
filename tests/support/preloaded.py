"""Imported by the process that commands are forked from where some of them need TensorFlow."""

import logging

from app.encoders.keras_import import load_keras

load_keras()
# It gave itself a handler, since nobody had configured logging yet; a command does that first.
logging.getLogger("tensorflow").handlers.clear()
