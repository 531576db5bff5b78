"""What a user's environment holds changes no vector: files of Keras's, variables of all kinds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.encoders.keras_import import keras_home, steering_variables
from app.encoders.registry import get_backbone
from tests.encoders import canonical

pytestmark = pytest.mark.slow

CODE = """
import json, sys
from pathlib import Path
from app.encoders.registry import get_backbone
from tests.encoders import canonical
print(json.dumps(canonical.vectors(get_backbone("compact"), Path()).tolist()))
"""

OTHER = {
    "image_data_format": "channels_first",
    "floatx": "float16",
    "backend": "torch",
    "epsilon": 0.5,
    "nnx_enabled": True,
}

MISTAKEN = {"floatx": "bfloat7", "epsilon": 1}

REMOVED = {
    "KERAS_BACKEND": "jax",
    "KERAS_NNX_ENABLED": "true",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_TORCH_DEVICE": "meta",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "DNNL_DEFAULT_FPMATH_MODE": "BF16",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "TF_ENABLE_AUTO_MIXED_PRECISION": "1",
    "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LEVEL": "UNSAFE_FORCE_ALL",
    "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_IGNORE_PERFORMANCE": "1",
    "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_SIMULATE_GPU": "1",
    "TF_CONV2D_USE_FP16_ACCUMULATE": "1",
    "TF_USE_DEEP_CONV2D": "1",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit --no_such_flag",
    "XLA_FLAGS": "--no_such_flag=1",
    "TF_CONFIG": "{",
    "TF_CPU_ALLOCATOR_USE_BFC": "yes",
    "TF_OVERRIDE_GLOBAL_THREADPOOL": "1",
    "NVIDIA_TF32_OVERRIDE": "1",
}

RESPECTED = {
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "OMP_DYNAMIC": "true",
    "KMP_AFFINITY": "compact",
    "KMP_BLOCKTIME": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}

NONSENSE = {
    "OMP_NUM_THREADS": "many",
    "KMP_AFFINITY": "?",
    "TF_NUM_INTRAOP_THREADS": "all",
    "TF_NUM_INTEROP_THREADS": "-7",
    "TF_CPP_MIN_LOG_LEVEL": "loud",
    "TF_GPU_THREAD_MODE": "?",
    "CUDA_VISIBLE_DEVICES": "none",
}


def vectors(home: Path, variables: dict[str, str]) -> NDArray[np.float32]:
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**clean, "HOME": str(home), **variables},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout), np.float32)


@pytest.fixture(scope="module")
def expected() -> NDArray[np.float32]:
    return canonical.vectors(get_backbone("compact"), Path())


@pytest.mark.parametrize(
    ("config", "folder", "variables"),
    [
        (OTHER, ".keras", RESPECTED),
        (MISTAKEN, "elsewhere", NONSENSE),
        (None, ".keras", REMOVED),
    ],
    ids=[
        "a configuration in the home, threads and devices chosen",
        "a mistaken one in KERAS_HOME, nonsense chosen",
        "variables that change what is computed",
    ],
)
def test_nothing_of_the_environment_changes_a_vector(
    expected: NDArray[np.float32],
    tmp_path: Path,
    config: dict[str, Any] | None,
    folder: str,
    variables: dict[str, str],
) -> None:
    file = tmp_path / folder / "keras.json"
    if config is not None:
        file.parent.mkdir()
        file.write_text(json.dumps(config))
    if folder != ".keras":
        variables = {**variables, "KERAS_HOME": str(file.parent)}
    np.testing.assert_allclose(vectors(tmp_path, variables), expected, atol=1e-5)
    if config is not None:
        assert json.loads(file.read_text()) == config
    else:
        assert list(tmp_path.iterdir()) == []  # Keras would leave a `keras.json` behind


def test_an_operators_choices_are_left_and_everything_else_is_not() -> None:
    assert set(steering_variables([*REMOVED, *RESPECTED, "PATH", "TFOO", "KERAS_HOME"])) == set(
        REMOVED
    )


@pytest.mark.parametrize(
    ("home", "folder"), [("/srv/keras", "/srv/keras"), ("", "~/.keras"), (None, "~/.keras")]
)
def test_the_folder_of_downloads_is_the_users_choice(
    monkeypatch: pytest.MonkeyPatch, home: str | None, folder: str
) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("KERAS_HOME", home)
    assert keras_home() == folder


def test_another_backend_that_is_in_use_already_is_refused() -> None:
    code = (
        "import sys, types\n"
        "keras = types.ModuleType('keras')\n"
        "keras.config = types.SimpleNamespace(backend=lambda: 'jax')\n"
        "sys.modules.update(keras=keras, tensorflow=types.ModuleType('tensorflow'))\n"
        "from app.encoders.keras_import import load_keras\n"
        "load_keras()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "LookalikeError: Keras is already running on jax in this process" in done.stderr
