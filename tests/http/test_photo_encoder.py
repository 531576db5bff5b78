"""The encoder behind the search by photo: loaded once, and that of the model in use."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app.database import Database
from app.encoders import cache
from app.encoders.encoder import Encoder
from app.models import activate
from tests.http.conftest import Product, ask, ids, refusal


class Loads:
    """Counts the encoders that are made, and makes them only when it may."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, *arguments: Any) -> Encoder:
        self.count += 1
        self.begun.set()
        assert self.may_go_on.wait(60)
        return Encoder(*arguments)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loads]:
    """Stands in front of the encoder that the process would load."""
    found = Loads()
    monkeypatch.setattr(cache, "Encoder", found)
    yield found
    found.may_go_on.set()


def test_the_encoder_loads_once_and_keeps_no_query_by_id_waiting(
    client: FlaskClient, product: Product, loads: Loads
) -> None:
    item_id, photo = product
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, client.application.test_client(), photo) for _ in range(6)]
        assert loads.begun.wait(60)
        assert client.get(f"/api/v1/items/{item_id}/similar").status_code == 200
        assert not any(question.done() for question in asked)
        loads.may_go_on.set()
        answers = [question.result().get_json() for question in asked]
    assert all(answer["results"] == answers[0]["results"] for answer in answers)
    assert ids(answers[0])[0] == item_id
    assert ask(client, photo).status_code == 200
    assert loads.count == 1


@pytest.fixture
def second_model(catalog_url: str, catalog_database: Database) -> Database:
    """The catalog's database with a second model that sees the opposite of what the first does."""
    with psycopg.connect(catalog_url) as connection:
        connection.execute(
            "INSERT INTO embedding_models (name, backbone, pooling, dimensions, input_size, "
            "preprocessing, weights_sha256, precision) SELECT 'second', backbone, pooling, "
            "dimensions, input_size, preprocessing, weights_sha256, precision FROM embedding_models"
        )
        connection.execute("CREATE TABLE embeddings_2 PARTITION OF embeddings FOR VALUES IN (2)")
        connection.execute(
            "INSERT INTO embeddings (model_id, item_id, embedding, image_sha256) "
            "SELECT 2, item_id, embedding * array_fill(-1::real, ARRAY[256])::halfvec, "
            "image_sha256 FROM embeddings"
        )
    return catalog_database


@pytest.fixture
def switches(second_model: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of models that become active, one each time that a photo is embedded."""
    names: list[str] = []
    encode = Encoder.encode

    def encode_while_switching(self: Encoder, photos: Any) -> Any:
        if names:
            assert activate(second_model, names.pop(0), force=True)
        return encode(self, photos)

    monkeypatch.setattr(Encoder, "encode", encode_while_switching)
    return names


def test_another_model_may_become_active_while_the_photo_is_embedded(
    client: FlaskClient, product: Product, switches: list[str]
) -> None:
    item_id, photo = product
    switches.append("second")
    answer = ask(client, photo, top_n=1000).get_json()
    assert answer["model"] == "second"
    assert ids(answer)[-1] == item_id


def test_models_that_keep_changing_are_told(
    client: FlaskClient, product: Product, switches: list[str]
) -> None:
    switches += ["second", "compact"]
    assert "try again" in refusal(ask(client, product[1]), 503)["detail"]
    assert switches == []
    assert ask(client, product[1]).get_json()["model"] == "compact"
