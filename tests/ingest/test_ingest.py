"""`lookalike ingest`, run for real: what it stores, what it says, what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from worker.ingest.photos import photo_path

from tests.conftest import Cli
from tests.ingest.conftest import account, add_line, product_lines, rows

HEADER = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)


def test_the_real_catalog(empty_url: str, cli: Cli, shared_catalog: Path) -> None:
    first = cli(empty_url, "ingest", shared_catalog)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [
        "44,446 rows read: 44,446 stored (22 of them repaired), 0 rejected",
        "8,001 with a photo, 36,445 without, 10 with metadata",
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
    counts = account(cli, empty_url, catalog)
    photos = list((catalog / "images").glob("*.jpg"))
    assert counts["with_photo"] == len(photos)
    assert counts["with_metadata"] == len(list((catalog / "styles").glob("*.json")))
    ((path, sha256, width, height),) = rows(
        empty_url,
        "SELECT image_path, image_sha256, image_width, image_height FROM items "
        f"WHERE item_id = {photos[0].stem}",
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
    before = account(cli, empty_url, catalog)
    assert account(cli, empty_url, catalog)["unchanged"] == before["stored"]
    lines = product_lines(catalog)
    lines[0] = lines[0].rpartition(",")[0] + ",Another name"
    photo = next((catalog / "images").glob("*.jpg"))
    gone = next(n for n, line in enumerate(lines) if n and not line.startswith(f"{photo.stem},"))
    del lines[gone]
    (catalog / "styles.csv").write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    add_line(catalog, "\n999999,Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,New")
    photo.write_bytes(photo.read_bytes() + b"\0")
    after = account(cli, empty_url, catalog)
    assert (after["added"], after["removed"]) == (1, 1)
    assert after["changed"] == len({lines[0].partition(",")[0], photo.stem})


def test_what_did_not_change_is_not_written(empty_url: str, cli: Cli, catalog: Path) -> None:
    account(cli, empty_url, catalog)
    versions = "SELECT item_id, ctid::text, xmin::text, xmax::text FROM items ORDER BY item_id"
    before = rows(empty_url, versions)
    lines = product_lines(catalog)
    edited = int(lines[0].partition(",")[0])
    lines[0] += " anew"
    (catalog / "styles.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    assert account(cli, empty_url, catalog)["changed"] == 1
    after = rows(empty_url, versions)
    # A row's version tells of each write, and its xmax of each lock.
    assert {new[0] for old, new in zip(before, after, strict=True) if old != new} == {edited}


def test_a_product_that_returns_is_on_sale_again(empty_url: str, cli: Cli, catalog: Path) -> None:
    account(cli, empty_url, catalog)
    whole = (catalog / "styles.csv").read_text(encoding="utf-8")
    (catalog / "styles.csv").write_text("\n".join(whole.splitlines()[:-1]) + "\n", encoding="utf-8")
    assert account(cli, empty_url, catalog)["removed"] == 1
    (catalog / "styles.csv").write_text(whole, encoding="utf-8")
    assert account(cli, empty_url, catalog)["changed"] == 1
    assert rows(empty_url, "SELECT count(*) FROM items WHERE removed_at IS NOT NULL") == [(0,)]


BROKEN_METADATA = [
    "", "{", "[]", "null", '{"data": []}', '{"data": {"price": "free"}}', '{"nothing": 1}',
    '{"data": {"price": NaN}}', '{"data": {"a": "\\u0000"}}', '{"data": {"a": "\\ud800"}}',
    '{"data": {"price": 1e999}}', '{"data": {"brandName": 5}}', "[" * 100_000, "\udcff",
    '{"data": {"brandName": "' + "B" * 2001 + '"}}',
]  # fmt: skip


def test_broken_metadata_is_counted(empty_url: str, cli: Cli, catalog: Path) -> None:
    shutil.rmtree(catalog / "styles")
    (catalog / "styles").mkdir()
    lines = product_lines(catalog)
    for line, content in zip(lines, BROKEN_METADATA, strict=False):
        file = catalog / "styles" / f"{line.partition(',')[0]}.json"
        file.write_bytes(content.encode(errors="surrogateescape"))
    counts = account(cli, empty_url, catalog)
    assert counts["broken_metadata"] == len(BROKEN_METADATA)
    assert counts["with_metadata"] == 0
    assert counts["stored"] == len(lines)


def test_a_truncated_catalog_is_refused(empty_url: str, cli: Cli, catalog: Path) -> None:
    account(cli, empty_url, catalog)
    whole = product_lines(catalog)
    tenth = whole[: len(whole) // 10]
    (catalog / "styles.csv").write_text("\n".join([HEADER, *tenth]), encoding="utf-8")
    refused = cli(empty_url, "ingest", catalog)
    assert refused.returncode == 1
    assert f"lacks {len(whole) - len(tenth):,} of the {len(whole):,} products" in refused.stderr
    assert "--allow-removals" in refused.stderr
    on_sale = "SELECT count(*) FROM items WHERE removed_at IS NULL"
    assert rows(empty_url, on_sale) == [(len(whole),)]
    assert account(cli, empty_url, catalog, "--allow-removals")["removed"] == len(whole) - len(
        tenth
    )
    assert rows(empty_url, on_sale) == [(len(tenth),)]


def test_a_catalog_whose_photos_are_away_is_refused(
    empty_url: str, cli: Cli, catalog: Path
) -> None:
    counts = account(cli, empty_url, catalog)
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
        (HEADER + "\n", "a header and no product"),
        (HEADER + "\n1,2\n", "all 1 lines were rejected"),
    ],
)
def test_an_unusable_catalog_changes_nothing(
    empty_url: str, cli: Cli, catalog: Path, content: str | None, complaint: str
) -> None:
    account(cli, empty_url, catalog)
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


def test_two_ingests_wait_for_each_other(empty_url: str, cli: Cli, catalog: Path) -> None:
    with psycopg.connect(empty_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('lookalike ingest'))")
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(cli, empty_url, "ingest", catalog) for _ in range(2)]
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while rows(empty_url, locks) != [(2,)]:
                assert not any(ingest.done() for ingest in waiting)
            other.commit()
            done = [ingest.result() for ingest in waiting]
    assert [process.returncode for process in done] == [0, 0]
    assert all("waiting for another ingest" in process.stderr for process in done)


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
    counts = account(cli, empty_url, catalog)
    assert counts["with_photo"] == len(list((catalog / "images").glob("*.jpg"))) - 4
    assert counts["unreadable_photos"] == 1
    ((width,),) = rows(empty_url, f"SELECT image_width FROM items WHERE item_id = {first.stem}")
    assert width is None


def test_a_pipe_that_comes_into_a_photos_place_is_not_waited_for(tmp_path: Path) -> None:
    """After the folder was listed, that is; in a process that can be given up."""
    (tmp_path / "images").mkdir()
    os.mkfifo(tmp_path / photo_path(7))
    code = "import sys, pathlib; from worker.ingest.photos import inspect; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print(inspect(pathlib.Path(sys.argv[1]), 7))", tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("None\n", "")
