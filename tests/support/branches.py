"""The share of branches that the tests took: `python -m tests.support.branches --at-least 92`."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def totals() -> dict[str, Any]:
    """Return coverage's own totals over the data of the last run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        subprocess.run(
            [sys.executable, "-m", "coverage", "json", "--quiet", "-o", report], check=True
        )
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["totals"]
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-least", type=float, required=True, metavar="PERCENT")
    least = parser.parse_args().at_least
    counted = totals()
    covered, branches = counted["covered_branches"], counted["num_branches"]
    percent = 100 * covered / branches
    print(f"{percent:.1f} % of branches covered ({covered:,} of {branches:,})")  # noqa: T201
    if percent < least:
        sys.exit(f"that is under {least:g} %")


if __name__ == "__main__":
    main()
