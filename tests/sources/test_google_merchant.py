"""Google Merchant feeds."""

import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

from app.errors import LookalikeError
from tests.sources.reading import only, profile, read
from worker.sources.files import SourceFile
from worker.sources.google_merchant import XmlTable

SAID = profile(
    """
    [source]
    format = "google-merchant"
    [attributes.category]
    column = "g:product_type"
    type = "text"
    [attributes.material]
    type = "text"
    [attributes.highlights]
    column = "product_highlight"
    type = "text[]"
    """
)
RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item>
  <g:id>LAMP-1</g:id><title>Plain</title><g:title>Brass &amp; lamp</g:title>
  <link>https://shop.example/lamp</link>
  <g:image_link> https://x.example/1.jpg </g:image_link>
  <g:additional_image_link>https://x.example/2.jpg</g:additional_image_link>
  <g:additional_image_link>https://x.example/3.jpg</g:additional_image_link>
  <g:price>15.00 EUR</g:price><g:sale_price>12.00 EUR</g:sale_price>
  <g:availability>in_stock</g:availability><g:brand>Lumen</g:brand>
  <g:product_type>Home &gt; Lamps</g:product_type><g:material>brass</g:material>
  <g:product_highlight>warm, soft</g:product_highlight>
  <g:product_highlight>small</g:product_highlight>
  <g:shipping><g:country>DE</g:country><g:price>5.00 EUR</g:price></g:shipping>
</item>
<item><g:id>LAMP-2</g:id><title>Steel lamp</title>
  <g:availability>out of stock</g:availability></item>
<item><title>No id</title></item>
</channel></rss>
"""
ATOM = """<?xml version="1.0" encoding="ISO-8859-1"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>S</title>
<entry><g:id>LAMP-1</g:id><title>L\xe4mp</title><link href="https://shop.example/lamp"/>
<g:image_link>https://x.example/1.jpg</g:image_link><g:price>15.00 EUR</g:price>
<g:product_type>Lamps</g:product_type><g:material>brass</g:material>
<g:product_highlight>warm</g:product_highlight></entry></feed>
"""


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "feed.xml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_a_feed_in_rss(tmp_path: Path) -> None:
    found = read(write(tmp_path, RSS), SAID)
    first, second = found.products
    assert first == (
        1,
        "LAMP-1",
        ("Brass & lamp", "Lumen", Decimal("15.00"), Decimal("12.00"), True),
        ("Home > Lamps", "brass", ["warm, soft", "small"]),
        tuple(f"https://x.example/{number}.jpg" for number in (1, 2, 3)),
        None,
    )
    assert second.core == ("Steel lamp", None, None, None, False)
    assert [(each.line, each.reason) for each in found.rejects] == [(3, "the sku is empty")]


def test_a_feed_in_atom_and_another_encoding(tmp_path: Path) -> None:
    product = only(read(write(tmp_path, ATOM.encode("latin-1")), SAID))
    assert product.core[0] == "Lämp"
    assert product.photos == ("https://x.example/1.jpg",)


def test_a_feed_in_utf_16(tmp_path: Path) -> None:
    text = RSS.replace('version="1.0"?', 'version="1.0" encoding="utf-16"?')
    assert len(read(write(tmp_path, text.encode("utf-16")), SAID).products) == 2


@pytest.mark.parametrize(
    "header",
    [
        "id\ttitle\timage link\tadditional image link\tprice\tavailability\tproduct type\tmaterial"
        "\tproduct highlight",
        "g:id\tg:title\tg:image_link\tg:additional_image_link\tg:price\tg:availability"
        "\tg:product_type\tg:material\tg:product_highlight",
    ],
)
def test_a_feed_in_tsv(tmp_path: Path, header: str) -> None:
    row = (
        'A-1\tLamp\thttps://x.example/1.jpg\t"https://x.example/2.jpg,https://x.example/3.jpg"'
        "\t15.00 EUR\tbackorder\tLamps\t\twarm"
    )
    product = only(read(write(tmp_path, f"{header}\n{row}\n"), SAID))
    assert product.core == ("Lamp", None, Decimal("15.00"), None, True)
    assert product.attributes == ("Lamps", None, ["warm"])
    assert len(product.photos) == 3


def test_many_products_take_no_more_memory(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        items = "".join(f"<item><g:id>L-{n}</g:id><d>{'x' * 2000}</d></item>" for n in range(count))
        file = SourceFile(
            str(write(tmp_path, f"{RSS[: RSS.index('<item>')]}{items}</channel></rss>"))
        )
        tracemalloc.start()
        try:
            assert sum(len(frame.lines) for frame in XmlTable(file).frames()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(18_000) < 1.2 * peak(12_000)


BILLION = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    '<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><rss><item>&lol2;</item></rss>'
)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (BILLION, "declares XML entities"),
        (
            '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss><item>&f;</item></rss>',
            "declares XML entities",
        ),
        ("<rss><item><g:id>1</g:id></item></rss>", "not well-formed XML"),
        ("<rss><item><id>1</id><title>A&nbsp;B</title></item></rss>", "uses a name of HTML"),
        (RSS[: len(RSS) // 2], "not well-formed XML, or cut off"),
        ("<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
        ("<?xml version='1.0'?>\n<html xmlns='x'><body/></html>", "is a web page"),
        ("<products><product/></products>", "is XML and no feed: expected <item> or <entry>"),
        ('<?xml version="1.0" encoding="klingon"?><rss/>', "XML"),
        ("<rss><item><title>x</title></item></rss>", "has no column 'id'"),
        (ATOM.encode("latin-1").replace(b"ISO-8859-1", b"utf-8"), "not well-formed XML"),
        ("id\ttitle\n", "no column 'product_type'"),
        ("", "is empty"),
    ],
    ids=lambda value: value if value and isinstance(value, str) and len(value) < 50 else "",
)
def test_an_unusable_feed_is_one_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    with pytest.raises(LookalikeError, match=complaint) as raised:
        read(write(tmp_path, content), SAID)
    assert "\n" not in str(raised.value)


def test_an_attribute_that_no_product_has_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, RSS.replace("material", "colour"))
    with pytest.raises(LookalikeError, match=r"no column 'material'.*its columns are: id, title"):
        read(file, SAID)
