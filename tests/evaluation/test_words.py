"""`lookalike evaluate --words`, over a shop of which everything is known."""

import json

import pytest

from app.database import Database
from app.errors import LookalikeError
from app.models import activate
from tests.conftest import Cli
from tests.support.products import store_model
from tests.support.vectors import model_of
from tests.support.waiting import execute
from tests.support.words import learn, stock
from worker.evaluation.words import evaluate_words


@pytest.mark.slow
def test_figures_are_printed_and_stored(
    empty_database: Database, empty_url: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_database.connection() as connection:
        stock(connection)
    learn(empty_database)
    monkeypatch.setattr("worker.evaluation.words.MIN_PRODUCTS", 8)
    report = evaluate_words(empty_database, model_of(empty_database, "made_up"))
    assert report["gallery"] == 160
    assert 0 < report["queries"] < 80
    for side in ("look", "search"):
        # Eight products have both, so that of ten no more can.
        assert report[side]["both precision@10"] == pytest.approx(0.8, abs=0.02)
        assert report[side]["misspelt both precision@10"] > 0.7
    assert report["full text"]["both precision@10"] == 0.8
    assert report["full text"]["misspelt both precision@10"] < 0.2
    assert report["look"]["name to photo recall@100, all"] == 1
    assert report["search"]["sku first"] == report["search"]["brand first"] == 1
    ((figures,),) = execute(empty_url, "SELECT figures FROM evaluations")
    assert figures["words"]["search"] == report["search"]
    done = cli(empty_url, "evaluate", "--words")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("made_up: 160 products, ")
    printed = json.loads(cli(empty_url, "evaluate", "--words", "--json").stdout)
    assert printed["name"] == "made_up"


@pytest.mark.slow
def test_what_cannot_be_measured_is_told(empty_database: Database) -> None:
    with empty_database.connection() as connection:
        stock(connection)
        store_model(connection, 24, "other")
    model = model_of(empty_database, "made_up")
    with pytest.raises(LookalikeError, match="has no word vectors yet"):
        evaluate_words(empty_database, model)
    learn(empty_database, held_out=0)
    with pytest.raises(LookalikeError, match="nothing to measure by"):
        evaluate_words(empty_database, model)
    activate(empty_database, "other", force=True)
    with pytest.raises(LookalikeError, match="made_up is not active"):
        evaluate_words(empty_database, model_of(empty_database, "made_up"))
