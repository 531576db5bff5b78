"""The cookbook: every query runs as the analyst, and uses the index where the page says so."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]+) -->\n)?```sql\n(?P<query>.*?)```", re.DOTALL)
SEARCHES = re.compile(r"similar_items|similar_to|nearest_items|brand_neighbours|cohesion")
INDEX = "embeddings_1_hnsw"
SCANS = f"SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '{INDEX}'"


class Recipe(NamedTuple):
    """A query of the page, and what the comment before it promises."""

    query: bytes
    mark: str | None


def recipes() -> list[Recipe]:
    page = PAGE.read_text(encoding="utf-8")
    return [Recipe(found["query"].encode(), found["mark"]) for found in BLOCK.finditer(page)]


def title(recipe: Recipe) -> str:
    return " ".join(recipe.query.decode().split())[:60]


RECIPES = recipes()
INDEXED = [recipe for recipe in RECIPES if recipe.mark == "index"]
SEARCHING = [recipe for recipe in INDEXED if SEARCHES.search(recipe.query.decode())]
PLAIN = [recipe for recipe in INDEXED if recipe not in SEARCHING]


def test_the_page_answers_questions() -> None:
    assert len(re.findall(r"\*\*[^*]+\?\*\*", PAGE.read_text(encoding="utf-8"))) >= 12
    assert {recipe.mark for recipe in RECIPES} == {None, "index", "may be empty"}
    assert PLAIN
    assert SEARCHING


@pytest.mark.parametrize("recipe", RECIPES, ids=title)
def test_every_query_runs(drawn: psycopg.Connection[Any], recipe: Recipe) -> None:
    rows = drawn.execute(recipe.query).fetchall()
    assert rows or recipe.mark == "may be empty"


@pytest.mark.parametrize("recipe", PLAIN, ids=title)
def test_what_is_written_by_hand_uses_the_index(
    grown: psycopg.Connection[Any], recipe: Recipe
) -> None:
    row = grown.execute(b"EXPLAIN (FORMAT JSON) " + recipe.query).fetchone()
    assert row is not None
    assert INDEX in indexes(row[0][0]["Plan"])


@pytest.mark.parametrize("recipe", SEARCHING, ids=title)
def test_what_calls_a_search_uses_the_index(grown: psycopg.Connection[Any], recipe: Recipe) -> None:
    """EXPLAIN doesn't look into functions, so the index itself is asked."""
    before = scans(grown)
    grown.execute(recipe.query).fetchall()
    assert scans(grown) > before


def indexes(plan: dict[str, Any]) -> set[str | None]:
    return {plan.get("Index Name")}.union(*(indexes(child) for child in plan.get("Plans", [])))


def scans(connection: psycopg.Connection[Any]) -> int:
    connection.commit()
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.commit()
    row = connection.execute(SCANS).fetchone()
    assert row is not None
    return int(row[0])
