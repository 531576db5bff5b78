"""Answers without duplicates, within caps, diverse, and explained."""

from collections import Counter

import numpy as np
import pytest

from app.catalog.attributes import Catalog
from app.catalog.profile import DATASET, load_profile
from app.database import Database
from app.items.parameters import ParameterError
from app.search.answers import SimilarItems
from app.search.options import SearchOptions
from app.search.variety import DUPLICATE_DISTANCE
from tests.search.conftest import COUNT, FIRST_ID, Gallery, ask

TWINS = range(FIRST_ID + 10, FIRST_ID + 15)


def rows(answer: SimilarItems) -> list[int]:
    return [item.item_id - FIRST_ID for item in answer.results]


def test_twins_of_the_question_are_left_out(gallery_database: Database) -> None:
    plain = ask(gallery_database, FIRST_ID + 10, top_n=20)
    assert set(TWINS) - {FIRST_ID + 10} <= {item.item_id for item in plain.results}
    without = ask(gallery_database, FIRST_ID + 10, top_n=20, exclude_duplicates=True)
    assert without.returned == 20
    assert not set(TWINS) & {item.item_id for item in without.results}


def test_of_twins_among_the_answers_one_stays(gallery_database: Database, gallery: Gallery) -> None:
    similarity = gallery.embeddings @ gallery.embeddings[10]
    similarity[10:15] = -1
    neighbour = int(similarity.argmax())
    answer = rows(ask(gallery_database, FIRST_ID + neighbour, top_n=300, exclude_duplicates=True))
    assert len(set(answer) & set(range(10, 15))) == 1
    chosen = gallery.embeddings[answer]
    between = chosen @ chosen.T - np.eye(len(chosen))
    assert between.max() < 1 - DUPLICATE_DISTANCE + 1e-3


def test_the_same_file_is_a_duplicate_whatever_its_vector(gallery_database: Database) -> None:
    first = ask(gallery_database, FIRST_ID + 100, top_n=3).results[0].item_id
    with gallery_database.connection() as connection:
        connection.execute(
            "UPDATE photos SET sha256 = (SELECT sha256 FROM photos WHERE item_id = %s) "
            "WHERE item_id = %s",
            [FIRST_ID + 100, first],
        )
    answer = ask(gallery_database, FIRST_ID + 100, top_n=3, exclude_duplicates=True)
    assert first not in {item.item_id for item in answer.results}


def test_caps_hold_and_the_answer_is_still_full(gallery_database: Database) -> None:
    answer = ask(gallery_database, FIRST_ID + 7, top_n=12, max_per=["base_colour:3", "gender:5"])
    assert answer.returned == 12
    assert max(Counter(item.value("base_colour") for item in answer.results).values()) <= 3
    assert max(Counter(item.value("gender") for item in answer.results).values()) <= 5
    nearest = ask(gallery_database, FIRST_ID + 7, top_n=1000)
    expected, colours, genders = [], Counter[str](), Counter[str]()
    for item in nearest.results:
        if colours[str(item.value("base_colour"))] < 3 and genders[str(item.value("gender"))] < 5:
            expected.append(item.item_id)
            colours[str(item.value("base_colour"))] += 1
            genders[str(item.value("gender"))] += 1
    # The index gives other candidates for a pool of another size, so the tail may differ.
    assert [item.item_id for item in answer.results][:6] == expected[:6]


def test_a_rare_kind_is_searched_for_in_all_of_them(gallery_database: Database) -> None:
    """Two of each type: fewer than asked for are found only when every vector was looked at."""
    answer = ask(gallery_database, FIRST_ID + 7, top_n=1000, max_per="article_type:1")
    with gallery_database.connection() as connection:
        row = connection.execute(
            "SELECT count(DISTINCT article_type) FROM items WHERE item_id <> %s", [FIRST_ID + 7]
        ).fetchone()
    assert row is not None
    assert answer.returned == row[0]


def test_diversity_lowers_the_likeness_among_the_answers(
    gallery_database: Database, gallery: Gallery
) -> None:
    def likeness(diversity: float) -> float:
        chosen = gallery.embeddings[
            rows(ask(gallery_database, FIRST_ID + 12, top_n=10, diversity=diversity))
        ]
        assert len(chosen) == 10
        between = chosen @ chosen.T
        return float(between[np.triu_indices(10, 1)].mean())

    plain, some, much = likeness(0), likeness(0.4), likeness(0.9)
    assert plain > some > much


@pytest.mark.parametrize("cap", ["article_type", "article_type:0", "price:2", "type:2", ":", ""])
def test_a_cap_that_makes_no_sense_is_refused(cap: str) -> None:
    catalog = Catalog(1, load_profile(DATASET).attributes)
    with pytest.raises(ParameterError, match="ATTRIBUTE:NUMBER, the attribute one of gender,"):
        SearchOptions.read(catalog, {"max_per": cap})


def test_explain_says_how(gallery_database: Database) -> None:
    found = ask(gallery_database, FIRST_ID + 3, explain=True)
    assert found.explain is not None
    assert (found.explain.search, found.explain.ef_search) == ("approximate", 30)
    assert found.explain.reason == "there is no filter"
    assert 5 <= found.explain.candidates < COUNT
    assert found.explain.sql_milliseconds > 0
    filtered = ask(gallery_database, FIRST_ID + 3, explain=True, gender="Men")
    assert filtered.explain is not None
    assert (filtered.explain.search, filtered.explain.ef_search) == ("exact", None)
    assert "so few products" in filtered.explain.reason
    with gallery_database.connection() as connection:
        row = connection.execute("SELECT count(*) FROM items WHERE gender = 'Men'").fetchone()
    assert row == (filtered.explain.candidates,)
    assert "explain" not in ask(gallery_database, FIRST_ID + 3).as_json()
