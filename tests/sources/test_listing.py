"""A folder of files named after products, listed once."""

from pathlib import Path

import pytest

from app.errors import LookalikeError
from worker.sources.dataset import Listing
from worker.sources.skus import MAX_ID


def test_only_files_named_as_an_id_is_written_count(tmp_path: Path) -> None:
    good = [f"{MAX_ID}.jpg", "12.jpg", "7.jpg"]
    bad = [
        *(
            "007.jpg",
            "0.jpg",
            "-3.jpg",
            "8.JPG",
            "9.json",
            "10",
            ".jpg",
            "x.jpg",
            "².jpg",
            "1.5.jpg",
        ),
        *(f"{MAX_ID + 1}.jpg", f"{'9' * 40}.jpg"),
    ]
    for name in (*good, *bad):
        (tmp_path / name).touch()
    (tmp_path / "13.jpg").mkdir()
    (tmp_path / "14.jpg").symlink_to(tmp_path / "nowhere")
    asked = [MAX_ID, 1, 14, 13, 12, 10, 9, 8, 7, 3]
    assert Listing(tmp_path, ".jpg").among(asked) == {MAX_ID, 12, 7}


def test_a_file_that_can_not_be_asked_about_is_there(tmp_path: Path) -> None:
    (tmp_path / "15.jpg").symlink_to("15.jpg")
    assert Listing(tmp_path, ".jpg").among([15, 16]) == {15}


def test_no_folder_is_no_files_and_a_file_is_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    assert Listing(folder, ".jpg").among([1]) == set()
    folder.touch()
    with pytest.raises(LookalikeError, match=r"can't list .*images: Not a directory"):
        Listing(folder, ".jpg")
