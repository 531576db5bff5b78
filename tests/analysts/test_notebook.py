"""The notebook page: its code runs in order and prints what stands below it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.analysts import notebook


def test_the_page_shows_what_its_code_prints(
    drawn_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", drawn_url)
    printed = notebook.run(tmp_path)
    shown = [cell.output for cell in notebook.cells()]
    assert sum(map(bool, shown)) >= 4
    for ours, theirs in zip(printed, shown, strict=True):
        assert agree(ours, theirs), f"renew the page (tests/analysts/notebook.py says how):\n{ours}"
    with Image.open(tmp_path / "neighbours.png") as figure, Image.open(picture()) as published:
        assert figure.size == published.size
        assert len(np.unique(np.asarray(figure))) > 100


def picture() -> Path:
    return notebook.DOCS / "neighbours.png"


def agree(ours: str, theirs: str) -> bool:
    """Whether two outputs say the same, numbers to what another processor may change in them."""
    words, expected = ours.split(), theirs.split()
    return len(words) == len(expected) and all(
        word == other or ("." in word and float(word) == pytest.approx(float(other), abs=0.02))
        for word, other in zip(words, expected, strict=True)
    )
