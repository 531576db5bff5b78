"""`lookalike ingest` of the dataset's folder: what it stores, says and refuses."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.ingest.conftest import add_line, product_lines, report, rows

HEADER = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)


@pytest.mark.slow
def test_the_real_catalog(empty_url: str, cli: Cli, shared_catalog: Path) -> None:
    first = cli(empty_url, "ingest", shared_catalog)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [
        "44,446 rows read: 44,446 stored (22 of them repaired), 0 rejected",
        "8,001 with a photo, 36,445 without; 8,001 photos, 0 of them unchanged",
        "10 with metadata",
        "44,446 added, 0 changed, 0 unchanged, 0 removed",
    ]
    second = cli(empty_url, "ingest", shared_catalog)
    assert "0 added, 0 changed, 44,446 unchanged, 0 removed" in second.stdout
    ((usages,),) = rows(empty_url, "SELECT count(*) FROM items WHERE season = 'NA'")
    raw = (shared_catalog / "styles.csv").read_text(encoding="utf-8").splitlines()
    assert usages == sum(line.split(",")[6] == "NA" for line in raw)
    ((name,),) = rows(empty_url, "SELECT product_display_name FROM items WHERE item_id = 39403")
    (line,) = (line for line in raw if line.startswith("39403,"))
    assert name == line.split(",", 9)[9]


def test_photos_and_metadata_are_found(empty_url: str, cli: Cli, catalog: Path) -> None:
    counts = report(cli, empty_url, catalog)
    photos = list((catalog / "images").glob("*.jpg"))
    assert counts["with_photo"] == len(photos)
    assert counts["with_details"] == len(list((catalog / "styles").glob("*.json")))
    ((path, sha256, width, height),) = rows(
        empty_url,
        "SELECT reference, sha256, width, height FROM photos "
        f"WHERE item_id = {photos[0].stem} AND position = 1",
    )
    assert path == f"images/{photos[0].name}"
    assert len(sha256) == 64
    assert (width, height) == (224, 224)
    metadata = next((catalog / "styles").glob("*.json"))
    data = json.loads(metadata.read_text())["data"]
    ((price, brand, details),) = rows(
        empty_url,
        f"SELECT price, brand_name, details FROM items WHERE item_id = {metadata.stem}",
    )
    assert float(price) == data["price"]
    assert brand == data["brandName"]
    assert details["gender"] == data["gender"]
    assert "price" not in details


def test_changes_are_counted(empty_url: str, cli: Cli, catalog: Path) -> None:
    before = report(cli, empty_url, catalog)
    assert report(cli, empty_url, catalog)["unchanged"] == before["stored"]
    lines = product_lines(catalog)
    lines[0] = lines[0].rpartition(",")[0] + ",Another name"
    photo = next((catalog / "images").glob("*.jpg"))
    gone = next(n for n, line in enumerate(lines) if n and not line.startswith(f"{photo.stem},"))
    del lines[gone]
    (catalog / "styles.csv").write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    add_line(catalog, "\n999999,Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,New")
    photo.write_bytes(photo.read_bytes() + b"\0")
    after = report(cli, empty_url, catalog)
    assert (after["added"], after["removed"]) == (1, 1)
    assert after["changed"] == len({lines[0].partition(",")[0], photo.stem})


def test_what_did_not_change_is_not_written(empty_url: str, cli: Cli, catalog: Path) -> None:
    report(cli, empty_url, catalog)
    versions = "SELECT item_id, ctid::text, xmin::text, xmax::text FROM items ORDER BY item_id"
    before = rows(empty_url, versions)
    lines = product_lines(catalog)
    edited = int(lines[0].partition(",")[0])
    lines[0] += " anew"
    (catalog / "styles.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    assert report(cli, empty_url, catalog)["changed"] == 1
    after = rows(empty_url, versions)
    # A row's version tells of each write, and its xmax of each lock.
    assert {new[0] for old, new in zip(before, after, strict=True) if old != new} == {edited}


def test_a_product_that_returns_is_listed_again(empty_url: str, cli: Cli, catalog: Path) -> None:
    report(cli, empty_url, catalog)
    whole = (catalog / "styles.csv").read_text(encoding="utf-8")
    (catalog / "styles.csv").write_text("\n".join(whole.splitlines()[:-1]) + "\n", encoding="utf-8")
    assert report(cli, empty_url, catalog)["removed"] == 1
    (catalog / "styles.csv").write_text(whole, encoding="utf-8")
    assert report(cli, empty_url, catalog)["changed"] == 1
    assert rows(empty_url, "SELECT count(*) FROM items WHERE removed_at IS NOT NULL") == [(0,)]


BROKEN_METADATA = [
    "", "{", "[]", "null", '{"data": []}', '{"nothing": 1}', '{"data": {"a": "\\u0000"}}',
    '{"data": {"a": "\\ud800"}}', "[" * 100_000, "\udcff",
]  # fmt: skip
BAD_VALUES = [
    '{"data": {"price": "free", "a": 1}}', '{"data": {"price": NaN, "a": 1}}',
    '{"data": {"price": ' + "9" * 310 + ', "a": 1}}', '{"data": {"price": 1e999, "a": 1}}',
    '{"data": {"brandName": ["X"], "a": 1}}', '{"data": {"brandName": "' + "B" * 2001 + '"}}',
]  # fmt: skip


def test_broken_metadata_is_counted(empty_url: str, cli: Cli, catalog: Path) -> None:
    shutil.rmtree(catalog / "styles")
    (catalog / "styles").mkdir()
    lines = product_lines(catalog)
    for line, content in zip(lines, BROKEN_METADATA + BAD_VALUES, strict=False):
        file = catalog / "styles" / f"{line.partition(',')[0]}.json"
        file.write_bytes(content.encode(errors="surrogateescape"))
    counts = report(cli, empty_url, catalog)
    assert counts["bad_values"]["details"] == len(BROKEN_METADATA)
    assert counts["with_details"] <= len(BAD_VALUES)
    assert counts["stored"] == len(lines)


def test_a_truncated_catalog_is_refused(empty_url: str, cli: Cli, catalog: Path) -> None:
    report(cli, empty_url, catalog)
    whole = product_lines(catalog)
    tenth = whole[: len(whole) // 10]
    (catalog / "styles.csv").write_text("\n".join([HEADER, *tenth]), encoding="utf-8")
    refused = cli(empty_url, "ingest", catalog)
    assert refused.returncode == 1
    assert f"lacks {len(whole) - len(tenth):,} of the {len(whole):,} products" in refused.stderr
    assert "--allow-removals" in refused.stderr
    listed = "SELECT count(*) FROM items WHERE removed_at IS NULL"
    assert rows(empty_url, listed) == [(len(whole),)]
    assert report(cli, empty_url, catalog, "--allow-removals")["removed"] == len(whole) - len(tenth)
    assert rows(empty_url, listed) == [(len(tenth),)]


def test_a_catalog_whose_photos_are_away_is_refused(
    empty_url: str, cli: Cli, catalog: Path
) -> None:
    counts = report(cli, empty_url, catalog)
    (catalog / "images").rename(catalog / "elsewhere")
    refused = cli(empty_url, "ingest", catalog)
    assert refused.returncode == 1
    assert (
        f"lacks {counts['with_photo']:,} of the {counts['with_photo']:,} photos" in refused.stderr
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "styles.csv is missing"),
        ("", "styles.csv is empty"),
        ("name\nx\n", "no column called id"),
        (HEADER + "\n", "holds no product"),
        (HEADER + "\n1,2\n", "has 1 row, and none is a product"),
    ],
)
def test_an_unusable_catalog_changes_nothing(
    empty_url: str, cli: Cli, catalog: Path, content: str | None, complaint: str
) -> None:
    report(cli, empty_url, catalog)
    stored = rows(empty_url, "SELECT * FROM items ORDER BY item_id")
    (catalog / "styles.csv").unlink()
    if content is not None:
        (catalog / "styles.csv").write_text(content, encoding="utf-8")
    refused = cli(empty_url, "ingest", catalog)
    assert refused.returncode == 1
    errors = [line for line in refused.stderr.splitlines() if line.startswith("lookalike: ")]
    assert complaint in errors[-1]
    assert "Traceback" not in refused.stderr
    assert rows(empty_url, "SELECT * FROM items ORDER BY item_id") == stored


def test_an_update_without_metadata_files_leaves_what_they_said(
    empty_url: str, cli: Cli, catalog: Path
) -> None:
    said = "SELECT brand_name, price, discounted_price, details FROM items ORDER BY item_id"
    report(cli, empty_url, catalog)
    stored = rows(empty_url, said)
    assert any(price for _, price, *_ in stored)
    file, *others = sorted((catalog / "styles").glob("*.json"))
    for other in others:
        other.unlink()
    described = json.loads(file.read_text())
    described["data"] |= {"price": 7.5}
    file.write_text(json.dumps(described))
    assert report(cli, empty_url, catalog, "--update")["changed"] == 1
    ((price,),) = rows(empty_url, f"SELECT price FROM items WHERE item_id = {file.stem}")
    assert float(price) == 7.5
    changed = [(a, b) for a, b in zip(stored, rows(empty_url, said), strict=True) if a != b]
    assert len(changed) == 1
    report(cli, empty_url, catalog)  # a snapshot says that they are gone
    assert sum(details is not None for *_, details in rows(empty_url, said)) == 1


def test_odd_photo_files_do_no_harm(empty_url: str, cli: Cli, catalog: Path) -> None:
    first, second, third, fourth, fifth = sorted((catalog / "images").glob("*.jpg"))[:5]
    first.write_bytes(b"")
    second.unlink()
    second.mkdir()
    third.unlink()
    third.symlink_to(catalog / "nowhere")
    fourth.unlink()
    fourth.symlink_to(fourth.name)
    fifth.unlink()
    os.mkfifo(fifth)
    counts = report(cli, empty_url, catalog)
    assert counts["with_photo"] == len(list((catalog / "images").glob("*.jpg"))) - 4
    assert counts["unavailable_photos"] == 1
    ((width,),) = rows(empty_url, f"SELECT width FROM photos WHERE item_id = {first.stem}")
    assert width is None
