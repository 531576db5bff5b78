"""The encoder behind the search by photo: loaded once, and that of the model in use."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray

from app.database import Database
from app.encoders.cache import EncoderCache, EncoderSpec, load_encoder
from app.encoders.encoder import Encoder
from app.models import activate
from tests.conftest import client_of
from tests.http.conftest import Product, ask, ids, refusal

pytestmark = pytest.mark.slow


class Loads:
    """Counts the encoders that are loaded, and loads them only when it may."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, spec: EncoderSpec, home: Path) -> Encoder:
        self.count += 1
        self.begun.set()
        assert self.may_go_on.wait(60)
        return load_encoder(spec, home)


def test_the_encoder_loads_once_and_keeps_no_query_by_id_waiting(
    catalog_url: str, home: Path, product: Product
) -> None:
    item_id, photo = product
    loads = Loads()
    with (
        client_of(catalog_url, home, EncoderCache(home, loads)) as client,
        ThreadPoolExecutor(6) as pool,
    ):
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
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "SELECT 2, item_id, position, embedding * array_fill(-1::real, ARRAY[256])::halfvec, "
            "image_sha256 FROM embeddings"
        )
    return catalog_database


class SwitchingEncoder:
    """An encoder while whose work another model becomes active, one of the names each time."""

    def __init__(self, encoder: Encoder, database: Database, names: list[str]) -> None:
        self.encoder = encoder
        self.backbone = encoder.backbone
        self.database = database
        self.names = names

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.names:
            assert activate(self.database, self.names.pop(0), force=True)
        return self.encoder.encode(photos)


@pytest.fixture
def switches() -> list[str]:
    """Names of models that become active, one each time that a photo is embedded."""
    return []


@pytest.fixture
def switching_client(
    catalog_url: str, home: Path, second_model: Database, switches: list[str]
) -> Iterator[FlaskClient]:
    """A client of an application whose encoders do that."""

    def load(spec: EncoderSpec, home: Path) -> Encoder:
        encoder = SwitchingEncoder(load_encoder(spec, home), second_model, switches)
        return cast("Encoder", encoder)

    with client_of(catalog_url, home, EncoderCache(home, load)) as client:
        yield client


def test_another_model_may_become_active_while_the_photo_is_embedded(
    switching_client: FlaskClient, product: Product, switches: list[str]
) -> None:
    item_id, photo = product
    switches.append("second")
    answer = ask(switching_client, photo, top_n=1000).get_json()
    assert answer["model"] == "second"
    assert ids(answer)[-1] == item_id


def test_models_that_keep_changing_are_told(
    switching_client: FlaskClient, product: Product, switches: list[str]
) -> None:
    switches += ["second", "compact"]
    assert "try again" in refusal(ask(switching_client, product[1]), 503)["detail"]
    assert switches == []
    assert ask(switching_client, product[1]).get_json()["model"] == "compact"
