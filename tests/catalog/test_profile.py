"""A catalog profile: what is understood, and what is refused in one line."""

from pathlib import Path

import pytest

from app.catalog.profile import DATASET, load_profile, parse_profile
from app.errors import LookalikeError

SOURCE = '[source]\nformat = "csv"\nsku = "sku"\n'


def test_an_attribute_needs_no_more_than_a_type() -> None:
    profile = parse_profile(SOURCE + '[attributes.wood_kind]\ntype = "text"', "shop.toml")
    (wood,) = profile.attributes
    assert (wood.name, wood.column, wood.label) == ("wood_kind", "wood_kind", "Wood kind")
    assert (wood.filter, wood.facet, wood.train, wood.category) == (False, False, 0, False)


def test_train_is_a_weight_or_yes() -> None:
    text = '[attributes.a]\ntype="text"\ntrain=true\n[attributes.b]\ntype="text"\ntrain=0.5'
    profile = parse_profile(SOURCE + text, "shop.toml")
    assert [attribute.train for attribute in profile.attributes] == [1.0, 0.5]


def test_the_dataset_comes_with_the_package() -> None:
    names = [attribute.name for attribute in load_profile(DATASET).attributes]
    assert names == [
        "gender", "master_category", "sub_category", "article_type", "base_colour", "season",
        "year", "usage",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[source", "is not valid TOML"),
        ("", "wrong at source: Field required"),
        (
            '[source]\nformat = "xls"\nsku = "sku"',
            "source.format: Input should be 'dataset'",
        ),
        (
            SOURCE + 'colour = "c"',
            "wrong at source.colour: there is no such key; there are: format, sku, ",
        ),
        (SOURCE + '[attributes.a]\ntype = "money"', "wrong at attributes.a.type"),
        (
            SOURCE + '[attributes.Colour]\ntype = "text"',
            "wrong at attributes.Colour: a name is made of",
        ),
        (SOURCE + '[attributes.price]\ntype = "number"', "attributes.price: this name is taken"),
        (SOURCE + '[attributes.x_min]\ntype = "number"', "attributes.x_min: this name is taken"),
        (SOURCE + '[attributes.a]\ntype = "number"\nfacet = true', "for text, boolean and text"),
        (SOURCE + '[attributes.a]\ntype = "text"\nfacet = true', "has to be a filter too"),
        (SOURCE + "[attributes]\na = 1", "wrong at attributes"),
        (SOURCE + "attributes = 5", "wrong at"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(LookalikeError) as caught:
        parse_profile(text, "shop.toml")
    assert "shop.toml" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LookalikeError, match=r"can't read the profile .*No such file"):
        load_profile(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes("# größe".encode("latin-1"))
    with pytest.raises(LookalikeError, match="not UTF-8"):
        load_profile(str(tmp_path / "latin.toml"))


def test_a_name_that_toml_wants_in_quotes_is_told() -> None:
    with pytest.raises(LookalikeError, match=r'; put größe in quotes, \[attributes."größe"\]$'):
        parse_profile('[source]\nformat = "csv"\nsku = "a"\n[attributes.größe]\n', "shop.toml")
