"""What a catalog may write for a photo, and what is refused, in words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.photos.errors import PhotoError
from app.photos.references import address_in, bucket_of, check_path, is_url, redacted


@pytest.mark.parametrize(
    "reference",
    [
        "images/1.jpg", "1.jpg", "a b/ä ö/100%.jpg", "what?.jpg", "#1.jpg", "a:b.jpg", "a&b=c.jpg",
        "..1.jpg", "1..jpg", "a/...", "c:/1.jpg", "日本/靴.jpg", "back\\slash.jpg", "./1.jpg",
        "~/1.jpg",
    ],
)  # fmt: skip
def test_a_path_below_the_root_may_hold_anything_a_file_name_may(reference: str) -> None:
    assert address_in(reference) is None
    assert check_path(reference) == reference


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "is empty"),
        ("/etc/passwd", "begins with /"),
        ("//cdn.example/1.jpg", "put https: before it"),
        ("../1.jpg", "has a .. in it"),
        ("images/../../1.jpg", "has a .. in it"),
        ("images/..", "has a .. in it"),
        ("a\0b.jpg", "NUL"),
        ("a\udc80.jpg", "isn't valid Unicode"),
    ],
)
def test_a_path_that_leaves_the_root_is_refused(reference: str, reason: str) -> None:
    assert address_in(reference) is None
    with pytest.raises(PhotoError, match=reason):
        check_path(reference)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("file:///etc/passwd", "not from file://"),
        ("FILE:///etc/passwd", "not from file://"),
        ("ftp://shop.example/1.jpg", "not from ftp://"),
        ("memory://a/1.jpg", "not from memory://"),
        ("local:///etc/passwd", "not from local://"),
        ("simplecache::file:///etc/passwd", "not from simplecache::file://"),
        ("data:image/png;base64,AAAA", "begins with data:"),
        ("file:/etc/passwd", "begins with file:"),
        ("http:/shop.example/1.jpg", "begins with http:"),
        ("https://shop.example/" + "a" * 10_240, r"has 10,261 characters: 2,000 are allowed"),
        ("https://shop.example/a\nb.jpg", "a line break or another control character"),
        ("https://shop.example/\0.jpg", "control character"),
    ],
)
def test_an_address_that_is_not_read_is_refused(reference: str, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        check_path(address_in(reference) or reference)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("https://shop.example/1.jpg", "https://shop.example/1.jpg"),
        ("HTTP://shop.example/1.jpg", "http://shop.example/1.jpg"),
        (" https://shop.example/1.jpg\n", "https://shop.example/1.jpg"),
        ("s3://bucket/a b.jpg", "s3://bucket/a b.jpg"),
        ("gs://bucket/1.jpg", "gs://bucket/1.jpg"),
    ],
)
def test_an_address_of_its_own_is_told_from_a_path(reference: str, url: str) -> None:
    assert address_in(reference) == url
    assert is_url(url)


def test_a_bucket_is_told_from_its_key() -> None:
    assert bucket_of("s3://bucket/a b/#1?.jpg") == ("s3://bucket", "a b/#1?.jpg")
    for url in ("s3://bucket", "s3://bucket/", "gs:///1.jpg"):
        with pytest.raises(PhotoError, match="names no bucket or no file"):
            bucket_of(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@photos.example/shop/", "https://photos.example/shop"),
        ("https://photos.example:8080/a/1.jpg", "https://photos.example:8080/a/1.jpg"),
        ("https://photos.example/1.jpg?sig=secret#secret", "https://photos.example/1.jpg"),
        ("https://photos.example/logo@2x.jpg", "https://photos.example/logo@2x.jpg"),
        ("images/1.jpg", "images/1.jpg"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown


@settings(derandomize=True, deadline=None)
@given(
    scheme=st.sampled_from(["http", "https", "s3", "gs", "memory"]),
    before=st.text(alphabet=":/?#@ab%", max_size=4),
    after=st.text(alphabet=":/?#@ab%", max_size=4),
    host=st.sampled_from(["photos.example", "10.0.0.1:80", "[::1]"]),
    rest=st.sampled_from(["", "/", "/a.jpg", "/a@2x.jpg", "/?q=1"]),
)
def test_no_password_is_ever_shown(
    scheme: str, before: str, after: str, host: str, rest: str
) -> None:
    shown = redacted(f"{scheme}://me:{before}SECRET{after}@{host}{rest}")
    assert "SECRET" not in shown
