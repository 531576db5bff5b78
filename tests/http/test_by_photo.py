"""Similar to an uploaded photo: any picture, no matter how stored; what is none, refused."""

import io
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageOps

from app.database import Database
from app.embedding_models import activate
from app.encoders import loaded
from app.encoders.encoder import Encoder
from app.errors import LookalikeError
from tests.conftest import client_of
from tests.http.conftest import ask, encoded, refusal, upload

Product = tuple[int, bytes]


def ids(body: dict[str, Any]) -> list[int]:
    return [result["item_id"] for result in body["results"]]


def test_a_photo_of_the_catalog_finds_its_product_and_then_what_that_finds(
    reader: FlaskClient, product: Product
) -> None:
    item_id, photo = product
    body = ask(reader, photo, top_n=6).get_json()
    by_id = reader.get(f"/api/v1/items/{item_id}/similar?top_n=5").get_json()
    assert body.keys() == by_id.keys()
    assert (body["model"], body["search"], body["returned"]) == ("compact", "exact", 6)
    first, *others = body["results"]
    assert first["item_id"] == item_id
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert others == [
        {**result, **{name: pytest.approx(result[name], abs=1e-3) for name in MEASURED}}
        for result in by_id["results"]
    ]


MEASURED = ("similarity", "distance")


def test_the_answer_says_which_photo_it_is_about(reader: FlaskClient, product: Product) -> None:
    _, photo = product
    image = ImageOps.fit(Image.open(io.BytesIO(photo)), (90, 120))
    body = ask(reader, encoded(image), gender="Men").get_json()
    asked = body["query"]["image"]
    assert (len(asked["sha256"]), asked["width"], asked["height"]) == (64, 90, 120)
    assert body["query"] == {"image": asked, "top_n": 5, "filters": {"gender": ["Men"]}}


def turned(image: Image.Image, orientation: int) -> bytes:
    """A PNG whose pixels are turned and whose EXIF says how to turn them back."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image.transpose(Image.Transpose(back[orientation])), "PNG", exif=exif)


LOSSLESS: dict[str, Callable[[Image.Image], bytes]] = {
    "TIFF": lambda image: encoded(image, "TIFF", compression="tiff_lzw"),
    "BMP": lambda image: encoded(image, "BMP"),
    "WebP": lambda image: encoded(image, "WEBP", lossless=True),
    "alpha": lambda image: encoded(image.convert("RGBA"), "PNG"),
    "PNG of other compression": lambda image: encoded(image, "PNG", compress_level=1),
    **{f"turned {at}": lambda image, at=at: turned(image, at) for at in range(2, 9)},  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def answered(reader: FlaskClient, product: Product) -> dict[str, Any]:
    """The answer about the product's photo, as a PNG."""
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    return dict(ask(reader, encoded(image), top_n=10).get_json())


@pytest.mark.parametrize("way", LOSSLESS)
def test_the_same_picture_stored_two_ways_has_the_same_neighbours(
    reader: FlaskClient, product: Product, answered: dict[str, Any], way: str
) -> None:
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    body = ask(reader, LOSSLESS[way](image), top_n=10).get_json()
    assert body["results"] == answered["results"]


LOSSY: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda image: encoded(image, "JPEG", quality=92),
    "CMYK": lambda image: encoded(image.convert("CMYK"), "JPEG", quality=92),
    "WebP": lambda image: encoded(image, "WEBP", quality=90),
    "AVIF": lambda image: encoded(image, "AVIF", quality=90),
    "palette": lambda image: encoded(image.quantize(256)),
    "animated GIF": lambda image: encoded(
        image, "GIF", save_all=True, append_images=[Image.new("RGB", image.size, "red")]
    ),
    "larger": lambda image: encoded(image.resize((image.width * 2, image.height * 2)), "PNG"),
}


@pytest.mark.parametrize("way", LOSSY)
def test_a_lossy_copy_still_finds_its_product(
    reader: FlaskClient, product: Product, way: str
) -> None:
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    first = ask(reader, LOSSY[way](image), top_n=1).get_json()["results"][0]
    assert first["item_id"] == product[0]
    assert first["similarity"] > 0.9


def test_grey_pictures_are_one_however_deep(reader: FlaskClient, product: Product) -> None:
    grey = Image.open(io.BytesIO(product[1])).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    answers = [
        ask(reader, encoded(image), top_n=10).get_json()["results"]
        for image in (grey, deep, grey.convert("RGB"), grey.convert("LA"))
    ]
    assert answers == [answers[0]] * 4
    assert len(answers[0]) == 10


def test_parameters_may_stand_in_the_form_or_in_the_url(
    reader: FlaskClient, product: Product
) -> None:
    _, photo = product
    every = ask(reader, photo, top_n=1000).get_json()["results"]
    colours = sorted({result["base_colour"] for result in every})[:2]
    expected = [result["item_id"] for result in every if result["base_colour"] in colours]
    in_form = ask(reader, photo, top_n="1000", base_colour=colours).get_json()
    in_url = reader.post(
        "/api/v1/similar",
        query_string={"top_n": "1000", "base_colour": colours},
        data={"image": upload(photo)},
    ).get_json()
    both = reader.post(
        "/api/v1/similar",
        query_string={"top_n": "3", "base_colour": "Mauve"},
        data={"image": upload(photo), "top_n": "1000", "base_colour": colours},
    ).get_json()
    assert ids(in_form) == ids(in_url) == ids(both) == expected
    assert in_form["query"] == in_url["query"] == both["query"]


def test_numbers_of_a_form_stay_the_text_they_are(reader: FlaskClient, product: Product) -> None:
    response = ask(reader, product[1], brand_name=["1999", "null"], year_min="2011")
    asked = response.get_json()["query"]["filters"]
    assert asked == {"brand_name": ["1999", "null"], "year_min": 2011}


def test_the_product_of_the_photo_is_a_duplicate(reader: FlaskClient, product: Product) -> None:
    item_id, photo = product
    assert ids(ask(reader, photo).get_json())[0] == item_id
    answer = ask(reader, photo, exclude_duplicates="true", explain="true").get_json()
    assert item_id not in ids(answer)
    assert answer["returned"] == 5
    assert answer["explain"]["model"] == "compact"


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def giant_png() -> bytes:
    """A file of some bytes that claims 60,000 × 60,000 pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


NO_PHOTOS: dict[str, tuple[bytes, int, str]] = {
    "text": (b"this is no photo", 415, "not an image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not an image"),
    "zip": (b"PK\x03\x04" + bytes(100), 415, "not an image"),
    "PDF": (b"%PDF-1.7\n" + bytes(100), 415, "not an image"),
    "empty": (b"", 422, "the file is empty"),
    "bomb": (giant_png(), 422, "60000 x 60000 pixels are more than the 50,000,000 allowed"),
    "cut in its header": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", 422, "unreadable image header"),
}


@pytest.mark.parametrize("what", NO_PHOTOS)
def test_what_is_no_photo_is_refused_with_a_reason(reader: FlaskClient, what: str) -> None:
    data, status, reason = NO_PHOTOS[what]
    problem = refusal(ask(reader, data), status)
    assert problem["parameters"] == ["image"]
    assert reason in problem["detail"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_photo_is_refused_with_a_reason(reader: FlaskClient, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for size in (60, len(data) // 2, len(data) * 9 // 10):
        problem = refusal(ask(reader, data[:size]), 422)
        assert problem["parameters"] == ["image"]
        assert len(problem["detail"]) > len("image: ")


def test_a_missing_photo_is_named(reader: FlaskClient, product: Product) -> None:
    _, photo = product
    cases: list[dict[str, Any]] = [
        {"data": {"top_n": "3"}, "content_type": "multipart/form-data"},
        {"data": {"image": "a text"}, "content_type": "multipart/form-data"},
        {"data": {"image": upload(b"", "")}},
        {"data": {"image": [upload(photo), upload(photo)]}},
        {"data": photo, "content_type": "image/jpeg"},
        {"data": b"image=1", "content_type": "application/x-www-form-urlencoded"},
        {"json": {"image": "a text"}},
        {},
    ]
    for case in cases:
        problem = refusal(reader.post("/api/v1/similar", **case), 422)
        assert problem["parameters"] == ["image"]


@pytest.mark.parametrize(
    "question", ["top_n=0", "top_n=many", "min_similarity=2", "colour=Red", "gender=%00"]
)
def test_a_bad_parameter_is_named(reader: FlaskClient, product: Product, question: str) -> None:
    name, _, value = question.partition("=")
    value = value.replace("%00", "\0")
    in_form = ask(reader, product[1], **{name: value})
    in_url = reader.post(
        "/api/v1/similar", query_string={name: value}, data={"image": upload(product[1])}
    )
    for response in (in_form, in_url):
        problem = refusal(response, 422)
        assert [part.partition(".")[0] for part in problem["parameters"]] == [name]
    assert refusal(ask(reader, product[1], top_n=["1", "2"]), 422)["parameters"] == ["top_n"]
    second_file = {"image": upload(product[1]), "photo": upload(product[1])}
    refused = reader.post("/api/v1/similar", data=second_file)
    assert refusal(refused, 422)["parameters"] == ["photo"]


def test_a_large_upload_is_refused_by_its_length(reader: FlaskClient) -> None:
    response = reader.post(
        "/api/v1/similar",
        input_stream=io.BytesIO(),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "20000001"},
    )
    assert "20 MB" in refusal(response, 413)["detail"]


def test_without_a_model_there_is_no_answer(empty_url: str, home: Path, product: Product) -> None:
    with client_of(empty_url, home) as client:
        problem = refusal(ask(client, product[1]), 503)
    assert "run `lookalike embed`" in problem["detail"]


def test_missing_weights_are_named(
    client: FlaskClient, catalog_url: str, home: Path, product: Product
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE embedding_models SET weights_sha256 = %s", ["ab" * 32])
    detail = refusal(ask(client, product[1]), 503)["detail"]
    assert "ab" * 32 in detail
    assert str(home / "weights") in detail
    assert client.get(f"/api/v1/items/{product[0]}/similar").status_code == 200


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
    monkeypatch.setattr(loaded, "Encoder", found)
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


class WatchedLock:
    """A lock that tells how many have asked for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.asked.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_those_who_waited_share_a_failure_and_the_next_tries_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []
    may_go_on = threading.Event()
    lock = WatchedLock()

    def find(*_arguments: Any) -> Path:
        searches.append(1)
        assert may_go_on.wait(60)
        raise LookalikeError("the weights are missing")

    monkeypatch.setattr(loaded, "find", find)
    monkeypatch.setattr(loaded, "Lock", lambda: lock)
    keeper = loaded.LoadedEncoder(home)
    spec = loaded.EncoderSpec("compact", "letterbox resize", "0", "float32")

    def reason() -> str:
        with pytest.raises(LookalikeError) as error:
            keeper.get(spec)
        return str(error.value)

    with ThreadPoolExecutor(3) as pool:
        reasons = [pool.submit(reason) for _ in range(3)]
        for _ in reasons:
            assert lock.asked.acquire(timeout=60)
        may_go_on.set()
        assert {found.result() for found in reasons} == {"the weights are missing"}
    assert len(searches) == 1
    assert reason() == "the weights are missing"
    assert len(searches) == 2


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
