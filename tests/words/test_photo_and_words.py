"""A photo with words beside it: like this, but of another colour."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image

from app.encoders.cache import EncoderCache, EncoderSpec
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from tests.conftest import client_of
from tests.http.conftest import ask, encoded, refusal, upload
from tests.http.html import Page
from tests.support.products import unit_vectors
from tests.support.words import COLOURS, DIMENSIONS, KINDS, numbers

PHOTO = encoded(Image.new("RGB", (60, 80), "red"))


class RedDress:
    """Stands for the network: sees a red dress in every photo."""

    backbone = replace(get_backbone("compact"), dimensions=DIMENSIONS)

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        looks = unit_vectors(len(COLOURS["en"]) + len(KINDS["en"]), DIMENSIONS)
        vector = looks[0] + looks[len(COLOURS["en"])]
        return np.stack([vector / np.linalg.norm(vector)] * len(photos))


def red_dress(_spec: EncoderSpec, _home: Path) -> Encoder:
    return cast("Encoder", RedDress())


@pytest.fixture(scope="session")
def sender(shop_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of an application over the shop, whose network is a `RedDress`."""
    with client_of(shop_url, home, EncoderCache(home, red_dress)) as found:
        yield found


def looks(client: FlaskClient, **fields: Any) -> set[tuple[int, int]]:
    response = ask(client, PHOTO, top_n="5", **fields)
    assert response.status_code == 200, response.text
    return set(numbers([result["sku"] for result in response.get_json()["results"]]))


def test_words_are_added_and_taken_away(sender: FlaskClient) -> None:
    assert looks(sender) == {(0, 0)}
    assert looks(sender, text="dress") == {(0, 0)}
    assert {colour for colour, _ in looks(sender, text="yellow", text_weight="3")} == {3}
    assert {kind for _, kind in looks(sender, text="dress", text_weight="-2")}.isdisjoint({0})


def test_the_page_adds_words_too(sender: FlaskClient) -> None:
    form = {"image": upload(PHOTO), "text": "yellow handbag"}
    page = Page(sender.post("/search", data=form, content_type="multipart/form-data").text)
    found = [card["data-sku"] for card in page.all("a", **{"class": "card"})]
    answer = ask(sender, PHOTO, top_n="24", text="yellow handbag").get_json()
    assert found == [result["sku"] for result in answer["results"]]
    assert page.all("input", name="text", value="yellow handbag")


def test_the_answer_repeats_the_words(sender: FlaskClient) -> None:
    query = ask(sender, PHOTO, text="navy blue", text_weight="1e308").get_json()["query"]
    assert (query["text"], query["text_weight"]) == ("navy blue", 1e308)
    assert query["image"]["width"] == 60


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"text": "  "}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"text": "qqzzxx"}, "text"),
        ({"text": "red", "text_weight": "nan"}, "text_weight"),
        ({"text": "red", "text_weight": "much"}, "text_weight"),
    ],
)
def test_bad_words_are_named(sender: FlaskClient, fields: dict[str, str], name: str) -> None:
    assert refusal(ask(sender, PHOTO, **fields), 422)["parameters"] == [name]
