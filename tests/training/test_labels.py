"""Labels: encoded, weighted, and refused where nothing can be learned from them."""

import pytest

from app.errors import LookalikeError
from worker.evaluation.metrics import MISSING
from worker.training.labels import encode_labels, require_enough

WORDS: dict[str, list[str | None]] = {
    "article_type": ["Shirts", "Jeans", None, "Shirts", "Sarees"],
    "gender": ["Men", "Men", "Men", "Men", None],
    "usage": [None, None, "", None, None],
    "title": ["a", "b", "c", "d", None],
    "season": ["Fall", "Fall", "Fall", "Summer", "Fall"],
}


def test_missing_words_and_words_seen_once_are_allowed() -> None:
    labels = encode_labels(WORDS, {"article_type": 2.0})
    assert labels.codes.tolist() == [[2], [0], [MISSING], [2], [1]]
    assert labels.columns[0].classes == 3
    assert labels.weights == {"article_type": 2.0}


def test_labels_together_are_one_label() -> None:
    labels = encode_labels(WORDS, {"gender+season": 1.0})
    assert labels.codes.tolist() == [[0], [0], [0], [1], [MISSING]]
    assert labels.columns[0].classes == 2


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"gender": 1.0}, "the label gender has one value only, 'Men'"),
        ({"usage": 1.0}, "the label usage is empty"),
        ({"title": 1.0}, "no two products have the same title: nothing can be learned"),
        ({"season+colour": 1.0}, "there is no label called 'colour'"),
        ({"colour": 1.0}, "there is no label called 'colour'; there are article_type, gender"),
        ({"article_type": 0.0}, "the weight of article_type is 0.0"),
        ({"article_type": float("nan")}, "has to be above 0"),
        ({}, "name at least one label"),
    ],
)
def test_what_cant_be_learned_is_a_clear_word(weights: dict[str, float], message: str) -> None:
    with pytest.raises(LookalikeError, match=message):
        encode_labels(WORDS, weights)


def test_five_photos_are_too_few() -> None:
    with pytest.raises(LookalikeError, match="5 products to train on are too few"):
        require_enough(5)
