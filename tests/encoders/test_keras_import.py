"""Loading Keras: quick, and without a trace in the process but Keras itself."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CODE = """
import gc, sys
from app.encoders.keras_import import UNUSED, load_keras
load_keras().layers.Dense(1)
assert gc.isenabled()
assert not sys.modules.keys() & {*UNUSED}
import pandas
pandas.DataFrame()
"""


def test_keras_brings_nothing_that_is_not_for_us() -> None:
    """And who wants it afterwards has it."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
