"""Rows that are no products: told, written down, and never in the way of the others."""

import csv
import json
import random
import string
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.ingest.conftest import add_line, product_lines, report, rows


def test_rejects_are_written_with_line_and_reason(
    empty_url: str, cli: Cli, catalog: Path, tmp_path: Path
) -> None:
    last = len(product_lines(catalog)) + 1
    bad = ["12,Men", "nonsense,a,b,c,d,e,f,2011,h,i", product_lines(catalog)[0]]
    for line in bad:
        add_line(catalog, line)
    file = tmp_path / "rejects.csv"
    counts = report(cli, empty_url, catalog, "--rejects", str(file))
    assert counts["rejected"] == 3
    with file.open(newline="", encoding="utf-8") as rejects:
        written = list(csv.DictReader(rejects))
    assert [int(row["line"]) for row in written] == [last + 1, last + 2, last + 3]
    assert [row["raw"] for row in written] == bad
    assert "fields instead of" in written[0]["reason"]
    assert "stands on line 2 already" in written[2]["reason"]


def test_rejects_that_cant_be_written_undo_the_ingest(
    empty_url: str, cli: Cli, catalog: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    add_line(catalog, "1,Men")
    done = cli(empty_url, "ingest", catalog, "--rejects", "/dev/full")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("lookalike: can't write /dev/full: No space left on device\n")
    assert "Traceback" not in done.stderr
    assert rows(empty_url, "SELECT count(*) FROM items") == [(0,)]


def test_the_longest_values_are_stored_and_longer_ones_are_empty(
    empty_url: str, cli: Cli, catalog: Path
) -> None:
    stored = len(product_lines(catalog))
    # Such as can't be compressed, for Postgres does that before it measures.
    noise = random.Random(0).choices(string.ascii_letters + string.digits, k=2001)
    longest = "".join(noise[:2000])
    add_line(catalog, f"900001,{','.join([longest] * 5)},Summer,2011,Casual,{longest}")
    add_line(catalog, f"900002,Men,Apparel,Topwear,{''.join(noise)},Blue,Summer,2011,Casual,Long")
    (catalog / "styles").mkdir(exist_ok=True)
    brand = json.dumps({"data": {"brandName": longest}})
    (catalog / "styles" / "900001.json").write_text(brand)
    counts = report(cli, empty_url, catalog)
    assert (counts["stored"], counts["rejected"]) == (stored + 2, 0)
    assert counts["bad_values"] == {"articleType": 1}
    found = rows(empty_url, "SELECT article_type, brand_name FROM items WHERE item_id = 900001")
    assert found == [(longest, longest)]
