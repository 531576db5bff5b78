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
    assert drawn.execute("SELECT * FROM similar_to(centroid('{}'))").fetchall() == []
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
    without_photo = one(drawn, "SELECT min(item_id) FROM items WHERE image_path IS NULL")
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
