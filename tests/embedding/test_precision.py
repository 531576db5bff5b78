"""The precision that a model is computed in is asked for, or chosen, and on record."""

import json

import pytest

from app.encoders.precision import has_bfloat16
from tests.conftest import Cli
from tests.support.waiting import execute

pytestmark = pytest.mark.slow


def test_the_models_row_says_what_was_used(unembedded_url: str, cli: Cli) -> None:
    execute(unembedded_url, "UPDATE embedding_models SET precision = 'auto'")
    assert cli(unembedded_url, "embed").returncode == 0
    (model,) = json.loads(cli(unembedded_url, "models", "list", "--json").stdout)["models"]
    assert model["precision"] in ({"bfloat16", "float32"} if has_bfloat16() else {"float32"})


def test_the_precision_may_be_asked_for(unembedded_url: str, cli: Cli) -> None:
    for asked in ("float32", "bfloat16"):
        added = cli(unembedded_url, "models", "add", "compact", "--as", asked, "--precision", asked)
        assert added.returncode == 0, added.stderr
    assert cli(unembedded_url, "embed").returncode == 0
    assert execute(
        unembedded_url, "SELECT name FROM embedding_models WHERE name = precision ORDER BY 1"
    ) == [("bfloat16",), ("float32",)]
    agreement = (
        "SELECT min(1 - (a.embedding <=> b.embedding)) FROM embeddings a JOIN embeddings b "
        "USING (item_id, position) WHERE a.model_id = 2 AND b.model_id = 3"
    )
    assert execute(unembedded_url, agreement)[0][0] >= 0.99
