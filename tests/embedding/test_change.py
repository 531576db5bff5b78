"""A catalog that changed: what `ingest` counts, what `embed` computes and what `similar` shows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.conftest import Cli
from tests.support.vectors import assert_complete, vectors
from tests.support.waiting import execute

pytestmark = pytest.mark.slow

NOTHING = "compact: nothing to embed\n"
COPIED = "compact: {} had the same file as another photo: its vector was copied\n"
NEW = 999_999_999
WITH_PHOTO = (
    "SELECT item_id FROM photos WHERE sha256 IN "
    "(SELECT sha256 FROM photos GROUP BY 1 HAVING count(*) = 1) ORDER BY 1"
)
WITHOUT_PHOTO = (
    "SELECT item_id FROM items WHERE item_id NOT IN (SELECT item_id FROM photos) ORDER BY 1"
)


class Shop:
    """A catalog that a test changes, and the commands over it."""

    def __init__(self, url: str, cli: Cli, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._cli = cli
        self.with_photo: list[int] = [row[0] for row in execute(url, WITH_PHOTO)]
        self.without_photo: list[int] = [row[0] for row in execute(url, WITHOUT_PHOTO)]

    def photo(self, item_id: int) -> Path:
        return self.folder / "images" / f"{item_id}.jpg"

    def edit(self, change: Callable[[str], str]) -> None:
        """Put each product's line through a function; an empty line is no product."""
        styles = self.folder / "styles.csv"
        header, *lines = styles.read_text(encoding="utf-8").splitlines()
        styles.write_text("\n".join([header, *map(change, lines)]) + "\n", encoding="utf-8")

    def ingest(self) -> tuple[int, int, int]:
        """Ingest; return how many products were added, changed and removed, as it said."""
        done = self._cli(self.url, "ingest", self.folder)
        assert done.returncode == 0, done.stderr
        counts = [int(part.split()[0]) for part in done.stdout.splitlines()[-1].split(", ")]
        added, changed, unchanged, removed = counts
        ((on_sale,),) = execute(self.url, "SELECT count(*) FROM items WHERE removed_at IS NULL")
        assert added + changed + unchanged == on_sale
        return added, changed, removed

    def embed(self) -> str:
        """Embed; return what it said."""
        done = self._cli(self.url, "embed")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def similar(self, item_id: int) -> dict[int, dict[str, Any]]:
        """Return everything that is similar to a product, by id."""
        done = self._cli(self.url, "similar", item_id, "--top-n", 1000, "--json")
        assert done.returncode == 0, done.stderr
        return {found["item_id"]: found for found in json.loads(done.stdout)["results"]}

    def refusal(self, item_id: int) -> str:
        """Return why nothing is similar to a product."""
        done = self._cli(self.url, "similar", item_id)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    def states(self) -> dict[int, tuple[bytes, Any]]:
        """Return each product's vector and when it was written."""
        return {
            item_id: (vector.embedding.tobytes(), vector.embedded_at)
            for item_id, vector in vectors(self.url).items()
        }


@pytest.fixture
def shop(catalog_url: str, cli: Cli, catalog: Path) -> Shop:
    """The sample catalog, embedded."""
    return Shop(catalog_url, cli, catalog)


def test_a_changed_photo_answers_by_its_old_vector_until_the_new_one_is_written(
    shop: Shop,
) -> None:
    changed, other = shop.with_photo[:2]
    before, states = shop.similar(changed), shop.states()
    ImageOps.flip(Image.open(shop.photo(changed))).save(shop.photo(changed))
    assert shop.ingest() == (0, 1, 0)
    assert shop.similar(changed) == before
    assert shop.similar(other)[changed]["similarity"] == before[other]["similarity"]
    assert "compact: 1 embedded, 0 failed" in shop.embed()
    assert shop.similar(changed)[other]["similarity"] != before[other]["similarity"]
    after = shop.states()
    assert {item_id for item_id in states if after[item_id] != states[item_id]} == {changed}
    assert_complete(shop.url)


def test_an_edited_attribute_shows_at_once_and_embeds_nothing(shop: Shop) -> None:
    edited, other = shop.with_photo[:2]
    before, states = shop.similar(other), shop.states()
    shop.edit(lambda line: f"{line} anew" if line.startswith(f"{edited},") else line)
    assert shop.ingest() == (0, 1, 0)
    before[edited]["product_display_name"] += " anew"
    assert shop.similar(other) == before
    assert shop.embed() == NOTHING
    assert shop.states() == states


def test_a_vanished_product_leaves_the_results_and_returns_with_its_vector(shop: Shop) -> None:
    vanished, other = shop.with_photo[:2]
    whole = (shop.folder / "styles.csv").read_bytes()
    before, states = shop.similar(other), shop.states()
    shop.edit(lambda line: "" if line.startswith(f"{vanished},") else line)
    assert shop.ingest() == (0, 0, 1)
    assert shop.similar(other) == {key: before[key] for key in before if key != vanished}
    assert f"product {vanished} is not listed any more" in shop.refusal(vanished)
    assert shop.embed() == NOTHING
    assert shop.ingest() == (0, 0, 0)
    (shop.folder / "styles.csv").write_bytes(whole)
    assert shop.ingest() == (0, 1, 0)
    assert shop.similar(other) == before
    assert shop.embed() == NOTHING
    assert shop.states() == states


def test_a_vanished_photo_leaves_the_results_until_it_is_back_and_embedded(shop: Shop) -> None:
    bare, other = shop.with_photo[:2]
    photo = shop.photo(bare).read_bytes()
    before, states = shop.similar(other), shop.states()
    shop.photo(bare).unlink()
    assert shop.ingest() == (0, 1, 0)
    assert shop.similar(other) == {key: before[key] for key in before if key != bare}
    assert f"product {bare} has no photo" in shop.refusal(bare)
    assert shop.embed() == NOTHING
    shop.photo(bare).write_bytes(photo)
    assert shop.ingest() == (0, 1, 0)
    assert "compact: 1 embedded, 0 failed" in shop.embed()
    assert shop.similar(other).keys() == before.keys()
    after = shop.states()
    assert {item_id for item_id in states if after[item_id] != states[item_id]} == {bare}
    assert_complete(shop.url)


def test_a_photo_renamed_to_another_product_is_embedded_as_that_ones(shop: Shop) -> None:
    loser, other = shop.with_photo[:2]
    winner = shop.without_photo[0]
    before = shop.similar(loser)
    shop.photo(loser).rename(shop.photo(winner))
    assert shop.ingest() == (0, 2, 0)
    assert loser not in shop.similar(other)
    assert f"product {loser} has no photo" in shop.refusal(loser)
    assert f"product {winner} is not embedded" in shop.refusal(winner)
    assert "compact: 1 embedded, 0 failed" in shop.embed()
    assert shop.similar(winner).keys() == before.keys()
    assert_complete(shop.url)
    assert shop.embed() == NOTHING


def test_two_products_that_swap_their_photos_swap_their_vectors(shop: Shop) -> None:
    one, other = shop.with_photo[:2]
    states = shop.states()
    shop.photo(one).rename(shop.folder / "aside")
    shop.photo(other).rename(shop.photo(one))
    (shop.folder / "aside").rename(shop.photo(other))
    assert shop.ingest() == (0, 2, 0)
    assert shop.embed() == COPIED.format(2)
    after = shop.states()
    assert (after[one][0], after[other][0]) == (states[other][0], states[one][0])
    assert {item_id for item_id in states if after[item_id] != states[item_id]} == {one, other}
    assert_complete(shop.url)


def test_a_product_with_a_new_id_takes_its_vector_along(shop: Shop) -> None:
    renumbered = shop.with_photo[0]
    before = shop.similar(renumbered)
    shop.edit(lambda line: line.replace(f"{renumbered},", f"{NEW},", 1))
    shop.photo(renumbered).rename(shop.photo(NEW))
    assert shop.ingest() == (1, 0, 1)
    assert shop.embed() == COPIED.format(1)
    assert shop.similar(NEW) == before
    assert f"product {renumbered} is not listed any more" in shop.refusal(renumbered)
    assert_complete(shop.url)
