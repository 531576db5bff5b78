"""`lookalike ingest` of a shop's own files: paths and URLs of photos, updates, bad input."""

import csv
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.ingest.conftest import PRIVATE, report, rows
from tests.support.photo_server import PhotoServer


@pytest.fixture
def feed(tmp_path: Path, sample_catalog: Path, photo_server: PhotoServer) -> Path:
    """A file with text skus; the photos are a path, an URL, two of each, and none."""
    photos = sorted(photo.name for photo in (sample_catalog / "images").iterdir())[:5]
    folder = tmp_path / "feed"
    shutil.copytree(sample_catalog / "images", folder / "pictures")
    path, url = "pictures/{}", photo_server.url + "/images/{}"
    lines = [
        ("TS-100/RED", "Red shirt", path.format(photos[0]), "12,90 €", "Cotton"),
        ("TS 200", "Blue shirt", url.format(photos[1]), "$15", "Wool"),
        (
            "both",
            "Two",
            f"{path}|{url}".format(*photos[2:4]),
            "1.299,00 €",
            "Cotton",
        ),
        ("none", "No photo", "", "cheap", "Wool"),
        ("", "No sku", "", "1", "Wool"),
        ("none", "Twice", "", "1", "Wool"),
    ]
    file = folder / "feed.csv"
    with file.open("w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(["sku", "title", "image_url", "price", "material"])
        writer.writerows(lines)
    return file


def test_a_plain_file_without_a_profile(bare_url: str, cli: Cli, feed: Path) -> None:
    done = cli(bare_url, "ingest", feed, **PRIVATE)
    assert done.returncode == 0, done.stderr
    assert "6 rows read: 4 stored (0 of them repaired), 2 rejected" in done.stdout
    assert "stored as empty: 1 of price" in done.stdout
    assert "3 with a photo, 1 without; 4 photos, 0 of them unchanged" in done.stdout
    assert "no profile was given" in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(bare_url, "SELECT sku, price::text FROM items ORDER BY product_display_name") == [
        ("TS 200", "15"),
        ("none", None),
        ("TS-100/RED", "12.90"),
        ("both", "1299.00"),
    ]
    photos = rows(
        bare_url,
        "SELECT sku, position, width FROM photos JOIN items USING (item_id) ORDER BY sku, position",
    )
    assert {(sku, position) for sku, position, width in photos if width} == {
        ("TS-100/RED", 1),
        ("TS 200", 1),
        ("both", 1),
        ("both", 2),
    }
    again = report(cli, bare_url, feed, **PRIVATE)
    assert (again["unchanged"], again["unchanged_photos"]) == (4, 4)


def test_every_problem_is_in_the_file_of_rejects(
    bare_url: str, cli: Cli, feed: Path, tmp_path: Path, photo_server: PhotoServer
) -> None:
    report(cli, bare_url, feed, **PRIVATE)
    stored = rows(bare_url, "SELECT * FROM photos ORDER BY 1, 2")
    for path in list(photo_server.folder.joinpath("images").iterdir()):
        photo_server.statuses[f"/images/{path.name}"] = 403
    # Not all of them: an empty folder would be a share that isn't mounted.
    for path in sorted((feed.parent / "pictures").iterdir())[:5]:
        path.unlink()
    file = tmp_path / "rejects.csv"
    counts = report(cli, bare_url, feed, "--rejects", file, **PRIVATE)
    with file.open(newline="", encoding="utf-8") as output:
        found = [(int(row["line"]), row["reason"], row["raw"]) for row in csv.DictReader(output)]
    assert counts["unavailable_photos"] == 4
    assert len(found) == 2 + 1 + 4
    assert {line for line, _, _ in found} == {2, 3, 4, 5, 6, 7}
    assert rows(bare_url, "SELECT * FROM photos ORDER BY 1, 2") == stored
    assert counts["unchanged"] == 4


def test_private_addresses_are_not_fetched_unless_allowed(
    bare_url: str, cli: Cli, feed: Path
) -> None:
    done = cli(bare_url, "ingest", feed)
    assert done.returncode == 0
    assert "2 photos can't be read now" in done.stdout
    assert "2 with a photo" in done.stdout


def test_an_update_from_elsewhere_keeps_the_photos_root(
    bare_url: str, cli: Cli, feed: Path, tmp_path: Path
) -> None:
    report(cli, bare_url, feed, **PRIVATE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stock = elsewhere / "stock.csv"
    stock.write_text("sku,price,image_url\nTS-100/RED,9,pictures/nothing.jpg\nnew,1,\n")
    counts = report(cli, bare_url, stock, "--update", **PRIVATE)
    assert (counts["added"], counts["changed"], counts["removed"]) == (1, 1, 0)
    assert counts["unavailable_photos"] == 1
    assert rows(bare_url, "SELECT root FROM catalogs") == [(str(feed.parent.resolve()),)]
    assert rows(
        bare_url, "SELECT product_display_name, price::text, material FROM items WHERE price = 9"
    ) == [("Red shirt", "9", "Cotton")]
    assert len(rows(bare_url, "SELECT FROM photos")) == 4


def test_another_root_can_be_named(bare_url: str, cli: Cli, feed: Path, tmp_path: Path) -> None:
    shutil.copytree(feed.parent / "pictures", tmp_path / "cdn" / "pictures")
    shutil.rmtree(feed.parent / "pictures")
    counts = report(cli, bare_url, feed, "--root", tmp_path / "cdn", **PRIVATE)
    assert counts["photos"] == 4
    assert rows(bare_url, "SELECT root FROM catalogs") == [(str(tmp_path / "cdn"),)]


@pytest.mark.parametrize(
    ("name", "content", "options", "complaint"),
    [
        ("feed.csv", "<!doctype html><html><body>Sign in</body></html>", [], "HTML"),
        ("feed.csv", "", [], "empty"),
        ("feed.csv", "sku,title,image_url,price,material\n", [], "no product"),
        ("feed.parquet", "PAR1 and no more", [], "feed.parquet"),
        ("feed.csv", "title,material\nx,Wool\n", ["--profile", "{profile}"], "'sku'"),
        ("feed.csv", "sku,title\na,A\n", ["--query", "SELECT 1"], "--query"),
        ("nothing.csv", None, [], "nothing.csv"),
    ],
)
def test_what_can_not_be_used_costs_one_line_and_nothing_else(
    bare_url: str,
    cli: Cli,
    feed: Path,
    tmp_path: Path,
    name: str,
    content: str | None,
    options: list[str],
    complaint: str,
) -> None:
    report(cli, bare_url, feed, **PRIVATE)
    stored = rows(bare_url, "SELECT * FROM items ORDER BY 1")
    profile = tmp_path / "shop.toml"
    profile.write_text(
        '[source]\nformat = "csv"\nsku = "sku"\n[attributes.material]\ntype = "text"\n'
    )
    bad = tmp_path / name
    if content is not None:
        bad.write_text(content)
    options = [option.format(profile=profile) for option in options]
    done = cli(bare_url, "ingest", bad, *options)
    assert done.returncode == 1, done.stdout
    assert complaint in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("lookalike: ")
    assert "Traceback" not in done.stderr
    assert rows(bare_url, "SELECT * FROM items ORDER BY 1") == stored


def test_a_shops_own_table_is_followed(bare_url: str, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as shop:
        shop.execute("CREATE TABLE products (code text, name text, price real, colour text)")
        shop.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?)",
            [(f"P-{n}", f"Lamp {n}", n + 0.5, "red" if n % 2 else "blue") for n in range(40)],
        )
    url = f"sqlite:///{file}"
    select = "SELECT code AS sku, name AS title, price, colour FROM products"
    assert report(cli, bare_url, url, "--query", select)["added"] == 40
    with sqlite3.connect(file) as shop:
        shop.execute("UPDATE products SET price = 99 WHERE code = 'P-7'")
    assert report(cli, bare_url, url, "--query", select)["changed"] == 1
    refused = cli(bare_url, "ingest", url, "--query", "DELETE FROM products")
    assert refused.returncode == 1
    assert "SELECT" in refused.stderr.splitlines()[-1]


def test_json_is_one_document(bare_url: str, cli: Cli, feed: Path) -> None:
    done = cli(bare_url, "ingest", feed, "--json", **PRIVATE)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["bad_values"] == {"price": 1}
