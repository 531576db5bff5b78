"""similar_to, cosine_similarity and centroid, against the same sums in NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector

Connection = psycopg.Connection[Any]
GROUP = [10001, 10041, 10044]


def vectors(connection: Connection, ids: Sequence[int]) -> NDArray[np.float32]:
    rows = connection.execute(
        "SELECT embedding FROM item_embeddings WHERE item_id = ANY (%s) ORDER BY item_id", [ids]
    ).fetchall()
    assert len(rows) == len(ids)
    return np.stack([row[0].to_numpy() for row in rows]).astype(np.float32)


def one(connection: Connection, question: str, *values: Any) -> Any:
    row = connection.execute(question.encode(), values).fetchone()
    assert row is not None
    return row[0]


def test_similar_to_a_products_vector_is_like_similar_items(drawn: Connection) -> None:
    (own,) = vectors(drawn, GROUP[:1])
    around = drawn.execute("SELECT * FROM similar_to(%s, 8)", [HalfVector(own)]).fetchall()
    assert around[0][0] == GROUP[0]
    beside = drawn.execute("SELECT * FROM similar_items(%s, 7)", GROUP[:1]).fetchall()
    assert around[1:] == beside
    # Vectors of single precision and the text form serve as well.
    for given in (Vector(own), Vector(own).to_text()):
        same = drawn.execute("SELECT * FROM similar_to(%s, 8)", [given]).fetchall()
        assert same == around


def test_similar_to_takes_filter_and_threshold(drawn: Connection) -> None:
    rows = drawn.execute(
        "SELECT article_type, similarity FROM similar_to(centroid(%s), top_n => 50, "
        'filter => \'{"article_type": "Dresses"}\', min_similarity => 0.5)',
        [GROUP],
    ).fetchall()
    assert len(rows) > 1
    assert {article_type for article_type, _ in rows} == {"Dresses"}
    assert min(similarity for _, similarity in rows) >= 0.5


def test_a_vector_of_another_length_names_both_lengths(drawn: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        drawn.execute("SELECT * FROM similar_to('[1, 2, 3]')")
    assert caught.value.diag.message_primary == (
        "the vector has 3 dimensions, those of the active model compact have 256"
    )


def test_similar_to_nothing_is_nothing(drawn: Connection) -> None:
    assert drawn.execute("SELECT * FROM similar_to(NULL)").fetchall() == []
    assert drawn.execute("SELECT * FROM similar_to(centroid('{}'::bigint[]))").fetchall() == []
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no direction"):
        drawn.execute("SELECT * FROM similar_to(%s)", [HalfVector([0] * 256)])


def test_without_a_model_there_is_nothing_to_compare_with(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        register_vector(connection)
        assert one(connection, "SELECT cosine_similarity(1, 2)") is None
        assert one(connection, "SELECT centroid(ARRAY[1])") is None
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="no embedding model"):
            connection.execute("SELECT * FROM similar_to('[1]')")


def test_cosine_similarity_is_the_cosine(drawn: Connection) -> None:
    a, b = vectors(drawn, GROUP[:2])
    cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    found = one(drawn, "SELECT cosine_similarity(%s, %s)", *GROUP[:2])
    assert found == pytest.approx(cosine, abs=1e-5)
    assert found == one(drawn, "SELECT cosine_similarity(%s, %s)", *reversed(GROUP[:2]))
    assert one(drawn, "SELECT cosine_similarity(%s, %s)", GROUP[0], GROUP[0]) == pytest.approx(1)


def test_cosine_similarity_without_a_vector_is_null(drawn: Connection) -> None:
    without_photo = one(
        drawn, "SELECT min(item_id) FROM items WHERE item_id NOT IN (SELECT item_id FROM photos)"
    )
    for other in (without_photo, 1, None):
        assert one(drawn, "SELECT cosine_similarity(%s, %s)", GROUP[0], other) is None


def test_centroid_is_the_mean_direction(drawn: Connection) -> None:
    mean = vectors(drawn, GROUP).mean(axis=0)
    found = one(drawn, "SELECT centroid(%s)", GROUP).to_numpy()
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-3)
    assert np.linalg.norm(found.astype(np.float32)) == pytest.approx(1, abs=1e-3)


def test_centroid_counts_each_product_that_has_a_vector_once(drawn: Connection) -> None:
    expected = one(drawn, "SELECT centroid(%s)", GROUP)
    assert one(drawn, "SELECT centroid(%s)", [*GROUP, GROUP[0], 1]) == expected
    for nobody in ([], [1], None):
        assert one(drawn, "SELECT centroid(%s::bigint[])", nobody) is None


BAD_NUMBERS = ["0", "1001", "NULL", "-1"]


@pytest.mark.parametrize("top_n", BAD_NUMBERS)
@pytest.mark.parametrize(
    "call", ["similar_items(10001, {})", "similar_to(centroid(ARRAY[10001]), {})"]
)
def test_top_n_has_bounds(drawn: Connection, call: str, top_n: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"top_n is .*, it must be"):
        drawn.execute(f"SELECT * FROM {call.format(top_n)}".encode())


@pytest.mark.parametrize(
    "call",
    [
        "similar_items(NULL::bigint)",
        "similar_items(NULL::text)",
        "similar_items('no such sku')",
        "similar_items(1)",
        "similar_to(NULL)",
        "similar_to(centroid(NULL::bigint[]))",
        "similar_to(centroid(ARRAY[1, 2]))",
        "nearest_items(NULL, 5, '{}', NULL, '{}')",
        "nearest_items(centroid(ARRAY['no such sku']), 5, '{}', NULL, '{}')",
    ],
)
def test_nothing_is_similar_to_nothing(drawn: Connection, call: str) -> None:
    assert drawn.execute(f"SELECT * FROM {call}".encode()).fetchall() == []


def test_null_among_the_excluded_excludes_nothing_else(drawn: Connection) -> None:
    search = "SELECT item_id FROM nearest_items(centroid(ARRAY[10001]), 5, {}, NULL, {})"
    plain = drawn.execute(search.format("'{}'", "ARRAY[10001]").encode()).fetchall()
    assert len(plain) == 5
    for excluded in ("ARRAY[10001, NULL]", "ARRAY[NULL, 10001, 10001]"):
        assert drawn.execute(search.format("'{}'", excluded).encode()).fetchall() == plain
    assert drawn.execute(search.format("NULL", "ARRAY[10001]").encode()).fetchall() == plain
    (first, *_) = drawn.execute(search.format("'{}'", "NULL").encode()).fetchall()
    assert first == (10001,)


@pytest.mark.parametrize(
    "function", ["similar_to({})", "nearest_items({}, 5, '{{}}', NULL, '{{}}')"]
)
@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ("'[1, 2, 3]'", "the vector has 3 dimensions"),
        ("array_fill(0, ARRAY[256])::halfvec", "zeros"),
    ],
)
def test_a_vector_that_can_not_be_compared(
    drawn: Connection, function: str, vector: str, words: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=words):
        drawn.execute(f"SELECT * FROM {function.format(vector)}".encode())


@pytest.mark.parametrize("empty", ["NULL", "'null'", '\'{"gender": null, "year_min": null}\''])
@pytest.mark.parametrize(
    "search",
    [
        "similar_items(10001, 7, {})",
        "similar_to(centroid(ARRAY[10001]), 7, {})",
        "nearest_items(centroid(ARRAY[10001]), 7, {}, NULL, '{{}}')",
        "filter_items({})",
    ],
)
def test_null_means_no_filter(grown: Connection, search: str, empty: str) -> None:
    statement = "SELECT * FROM {} ORDER BY item_id"
    plain = grown.execute(statement.format(search.format("'{}'")).encode()).fetchall()
    assert len(plain) >= 7
    filtered = grown.execute(statement.format(search.format(empty)).encode()).fetchall()
    assert filtered == plain


def test_a_key_that_is_null_is_checked_and_costs_nothing(grown: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='unknown filter "size"'):
        grown.execute("SELECT * FROM similar_items(10001, 5, '{\"size\": null}')")
    grown.rollback()
    given = '{"gender": null, "available": null}'
    reason = "SELECT reason FROM search_candidates(centroid(ARRAY[10001]), 5, %s, '{}')"
    assert one(grown, reason, given) == one(grown, reason, "{}") == "there is no filter"


@pytest.mark.parametrize("threshold", ["2", "-1.5", "'NaN'"])
def test_min_similarity_is_a_cosine(drawn: Connection, threshold: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="between -1 and 1"):
        drawn.execute(f"SELECT * FROM similar_items(10001, 5, '{{}}', {threshold})".encode())


@pytest.mark.parametrize("value", ["abc", "0", "1001", "-5", "3.5"])
def test_ef_search_is_a_number_in_range(grown: Connection, value: str) -> None:
    grown.execute(f"SET LOCAL lookalike.ef_search = '{value}'".encode())
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"lookalike\.ef_search is"):
        grown.execute("SELECT * FROM similar_items(10001)")


def test_a_product_is_named_by_its_sku_too(drawn: Connection) -> None:
    for by_id, by_sku in [
        ("SELECT * FROM similar_items(10001, 7)", "SELECT * FROM similar_items('10001', 7)"),
        ("SELECT cosine_similarity(10001, 10041)", "SELECT cosine_similarity('10001', '10041')"),
        ("SELECT centroid(ARRAY[10001, 10041])", "SELECT centroid(ARRAY['10001', '10041'])"),
    ]:
        assert drawn.execute(by_sku.encode()).fetchall() == drawn.execute(by_id.encode()).fetchall()


def test_an_unknown_label_lists_those_there_are(drawn: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="known are gender, master_cat"):
        drawn.execute("SELECT * FROM label_cohesion('price')")
