"""References to photos."""

from typing import Any

import pytest

from worker.sources.photos import parse_photos

URL = "https://cdn.example.com/a.jpg"


@pytest.mark.parametrize(
    ("value", "references"),
    [
        (URL, [URL]),
        ("HTTPS://cdn.example.com/A.jpg", ["https://cdn.example.com/A.jpg"]),
        ("//cdn.example.com/a.jpg", [URL]),
        ("s3://bucket/a.jpg", ["s3://bucket/a.jpg"]),
        (f"{URL}, {URL}?v=2", [URL, f"{URL}?v=2"]),
        (f"{URL},{URL}?v=2|gs://b/c", [URL, f"{URL}?v=2", "gs://b/c"]),
        (f"{URL} {URL}?v=2\n{URL}?v=3", [URL, f"{URL}?v=2", f"{URL}?v=3"]),
        ("https://x.example/w_300,h_300/a b.jpg", ["https://x.example/w_300,h_300/a b.jpg"]),
        (f'["{URL}", "b.jpg"]', [URL, "b.jpg"]),
        ([URL, None, 5, {"src": "b.jpg"}], [URL, "b.jpg"]),
        ({"url": URL}, [URL]),
        ("img/a.jpg", ["img/a.jpg"]),
        ("./img//a.jpg", ["img/a.jpg"]),
        ("/img/a.jpg", ["img/a.jpg"]),
        (r"img\a.jpg", ["img/a.jpg"]),
        ("img/a, b.jpg", ["img/a, b.jpg"]),
        ("a.jpg,b.PNG; c.webp", ["a.jpg", "b.PNG", "c.webp"]),
        ("a.jpg|b", ["a.jpg", "b"]),
        ("/srv/shop/img/a.jpg", ["img/a.jpg"]),
        ("", []),
        (".", []),
        (None, []),
        (5, []),
    ],
)
def test_references(value: Any, references: list[str]) -> None:
    assert parse_photos(value, "/srv/shop") == (references, [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("file:///etc/passwd", "file: is not the address of a photo"),
        ("ftp://x.example/a.jpg", "ftp: is not the address of a photo"),
        ("data:image/png;base64,AAAA", "data: is not the address of a photo"),
        ("../../etc/passwd", "leads out of the root"),
        ("img/../../a.jpg", "leads out of the root"),
        (f"https://x.example/{'a' * 10_000}.jpg", "longer than 8,192 bytes"),
        ("a\0.jpg", "control character"),
        ("a\ud800.jpg", "control character"),
    ],
)
def test_what_is_no_reference_says_so(value: str, reason: str) -> None:
    references, problems = parse_photos(f"{value}" if value[:5] != "data:" else [value])
    assert references == []
    assert reason in problems[0]


def test_long_texts_take_no_time() -> None:
    for text in (" " * 100_000 + "x", "a," * 100_000, f"{URL}{' ,' * 100_000}x", ".jpg?" * 50_000):
        parse_photos(text)
