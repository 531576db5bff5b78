"""`lookalike embed`: it does what is to do, does it once, and leaves alone what did not change."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.conftest import Cli, cli_environment
from tests.support.commands import run_apart
from tests.support.vectors import assert_complete, cosine, vectors
from tests.support.waiting import execute

VISIBLE = "SELECT item_id FROM item_embeddings"
PROGRESS = "SELECT items, embedded, pending, failed, percent FROM embedding_progress"


def test_everything_is_embedded(catalog_url: str, cli: Cli) -> None:
    assert_complete(catalog_url)
    stored = vectors(catalog_url)
    photos = len(stored)
    lengths = [float(np.linalg.norm(vector.embedding)) for vector in stored.values()]
    np.testing.assert_allclose(lengths, 1, atol=1e-3)
    assert execute(catalog_url, PROGRESS) == [(photos, photos, 0, 0, 100)]
    status = json.loads(cli(catalog_url, "status", "--json").stdout)
    assert status["with_photo"] == photos
    (model,) = status["models"]
    last = model.pop("last_embedded_at")
    assert last[:19] == str(max(vector.embedded_at for vector in stored.values()))[:19]
    assert 0 <= model.pop("per_minute") <= photos
    assert model == {
        "name": "compact",
        "active": True,
        "items": photos,
        "embedded": photos,
        "pending": 0,
        "failed": 0,
        "percent": 100.0,
        "index": "valid",
    }


def test_a_second_run_embeds_nothing_and_loads_no_network(catalog_url: str, home: Path) -> None:
    before = vectors(catalog_url)
    # The interpreter reports every import on standard error.
    environment = cli_environment(catalog_url, home, PYTHONPROFILEIMPORTTIME="1")
    done = run_apart(["embed"], environment)
    assert (done.returncode, done.stdout) == (0, "compact: nothing to embed\n")
    assert "worker.embedding.run" in done.stderr
    assert "tensorflow" not in done.stderr
    after = vectors(catalog_url)
    assert {item: vector.embedded_at for item, vector in after.items()} == {
        item: vector.embedded_at for item, vector in before.items()
    }


@pytest.mark.slow
def test_what_changes_and_what_does_not(catalog_url: str, cli: Cli, catalog: Path) -> None:
    before = vectors(catalog_url)
    changed, edited, vanished, bare = sorted(before)[:4]
    photos = {item: catalog / "images" / f"{item}.jpg" for item in before}
    ImageOps.flip(Image.open(photos[changed])).save(photos[changed])
    whole = Path(shutil.copytree(catalog, catalog.with_name("whole")))
    photos[bare].unlink()
    styles = (catalog / "styles.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in styles if not line.startswith(f"{vanished},")]
    renamed = [
        f"{line.rstrip()} renamed\n" if line.startswith(f"{edited},") else line for line in kept
    ]
    (catalog / "styles.csv").write_text("".join(renamed), encoding="utf-8")

    done = cli(catalog_url, "ingest", catalog)
    assert "3 changed, " in done.stdout, done.stderr
    assert done.stdout.endswith(" 1 removed\n")
    # Until the new vector is there the old one answers; what left the catalog no longer does.
    assert execute(catalog_url, PROGRESS)[0][1:4] == (len(before) - 3, 1, 0)
    assert {item for (item,) in execute(catalog_url, VISIBLE)} == before.keys() - {vanished, bare}
    assert cli(catalog_url, "similar", changed).returncode == 0

    done = cli(catalog_url, "embed")
    assert done.returncode == 0, done.stderr
    assert "compact: 1 embedded, 0 failed" in done.stdout
    after = vectors(catalog_url)
    assert before.keys() - after.keys() == {bare}  # with its photo went its vector
    assert {item for item in after if after[item].embedded_at != before[item].embedded_at} == {
        changed
    }
    assert cosine(after[changed].embedding, before[changed].embedding) < 0.999
    assert_complete(catalog_url)

    # Product, photo and name come back: the product's vector is still there.
    assert "3 changed, " in cli(catalog_url, "ingest", whole).stdout
    done = cli(catalog_url, "embed")
    assert "compact: 1 embedded, 0 failed" in done.stdout
    assert {item for (item,) in execute(catalog_url, VISIBLE)} == before.keys()
    now = vectors(catalog_url)
    assert {item for item in after if now[item].embedded_at != after[item].embedded_at} == set()
    assert cosine(now[bare].embedding, before[bare].embedding) >= 0.9999
