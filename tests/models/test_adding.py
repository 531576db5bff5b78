"""`lookalike models add`: with weights that load, or a line that says why not."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.models.test_models import MODELS, PARTITIONS, refused
from tests.support.waiting import execute

pytestmark = pytest.mark.slow


def test_adding(models_url: str, cli: Cli, home: Path, tmp_path: Path) -> None:
    url = models_url
    assert refused(cli, url, "models", "add", "compact") == (
        "a model called 'compact' is registered already: choose another name with --as"
    )
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_text("no weights at all")
    line = refused(cli, url, "models", "add", "compact", "--as", "b", "--weights", wrong)
    assert line.startswith(f"{wrong} holds no weights of compact (")
    assert "there is no backbone called 'alexnet'" in refused(cli, url, "models", "add", "alexnet")
    missing = refused(cli, url, "models", "add", "compact", "--as", "b", "--weights", "nowhere.h5")
    assert missing == "can't read the weights file nowhere.h5: No such file or directory"
    homeless = cli(url, "models", "add", "compact", "--as", "b", LOOKALIKE_HOME=str(wrong / "home"))
    assert (homeless.returncode, homeless.stderr) == (
        1,
        f"lookalike: {wrong}/home/weights: Not a directory\n",
    )
    assert execute(url, MODELS) == [("compact", True)]
    assert execute(url, PARTITIONS) == [("embeddings_1", False)]

    done = cli(url, "models", "add", "compact", "--as", "second")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("registered second: 256 dimensions, weights ")
    done = cli(url, "models", "list", "--json")
    (second,) = [model for model in json.loads(done.stdout)["models"] if model["name"] == "second"]
    assert (second["active"], second["dimensions"]) == (False, 256)
    assert (home / "weights" / f"{second['weights_sha256']}.weights.h5").is_file()
