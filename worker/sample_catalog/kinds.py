"""The catalog's article types, and the looks that each is sold in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker.sample_catalog.accessories import cap, sunglasses
from worker.sample_catalog.bags_and_ties import handbag, tie
from worker.sample_catalog.bottoms import jeans, shorts, skirt
from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth
from worker.sample_catalog.footwear import casual_shoe, heel
from worker.sample_catalog.tops import dress, shirt, tee
from worker.sample_catalog.watches import watch


@dataclass(frozen=True)
class Look:
    """The traits that a few products have in common: "Men", "Navy Blue", "striped"."""

    gender: str
    colour: str
    pattern: str


@dataclass(frozen=True)
class Kind:
    """An article type: its place in the dataset's categories, its drawing and its looks.

    `sold` lists the looks: "GENDER: COLOUR PATTERN, ...; GENDER: ...". `size` scales the drawing,
    `stripes` is the angle of stripes (0 lies flat), `tilt` the largest tilt, both in degrees;
    `from_the_side` says that it may as well be photographed from its other side.
    """

    article_type: str
    categories: tuple[str, str]
    noun: str
    draw: Callable[[Canvas, Cloth, np.random.Generator], None]
    price: int
    sold: str
    usage: str = "Casual"
    size: float = 1.0
    stripes: float = 0.0
    tilt: float = 1.5
    from_the_side: bool = False

    def looks(self) -> list[Look]:
        """Return the looks that it is sold in, in the order of `sold`."""
        found = []
        for group in self.sold.split(";"):
            gender, listed = group.split(":")
            for entry in listed.split(","):
                colour, pattern = entry.strip().rsplit(" ", 1)
                found.append(Look(gender.strip(), colour, pattern))
        return found


# fmt: off
KINDS = (
    Kind(
        "Tshirts", ("Apparel", "Topwear"), "Tshirt", tee, 799,
        "Men: Navy Blue striped; Women: Red plain; Boys: Yellow star; "
        "Men: Green two-tone, Black striped; Unisex: White plain",
        size=1.15,
    ),
    Kind(
        "Dresses", ("Apparel", "Dress"), "Dress", dress, 1999,
        "Women: Pink floral, Black dotted, Red plain, Navy Blue striped, Purple two-tone; "
        "Girls: Yellow floral",
        size=1.06,
    ),
    Kind(
        "Casual Shoes", ("Footwear", "Shoes"), "Casual Shoes", casual_shoe, 2299,
        "Men: White plain; Unisex: Black plain, Red checked; Boys: Blue two-tone; "
        "Women: Green leaf",
        tilt=3, from_the_side=True,
    ),
    Kind(
        "Handbags", ("Accessories", "Bags"), "Handbag", handbag, 2799,
        "Women: Brown plain, Navy Blue striped, Pink floral, Red two-tone, Black plain, "
        "Yellow dotted",
    ),
    Kind(
        "Shirts", ("Apparel", "Topwear"), "Shirt", shirt, 1499,
        "Men: Blue checked, White plain, Red checked; Women: Pink striped; "
        "Men: Black plain, Green leaf",
        usage="Formal", size=1.12, stripes=90,
    ),
    Kind(
        "Watches", ("Accessories", "Watches"), "Watch", watch, 4995,
        "Men: Black plain, Brown plain; Unisex: Navy Blue striped; "
        "Women: Red two-tone, White plain",
        size=0.97,
    ),
    Kind(
        "Skirts", ("Apparel", "Bottomwear"), "Skirt", skirt, 1299,
        "Women: Red checked, Black plain; Girls: Purple dotted; Women: Blue floral, Beige plain",
        size=1.08,
    ),
    Kind(
        "Caps", ("Accessories", "Headwear"), "Cap", cap, 599,
        "Men: Red two-tone; Unisex: Blue plain; Men: Black plain; Unisex: Green checked; "
        "Boys: Navy Blue star",
        size=0.98, tilt=4, from_the_side=True,
    ),
    Kind(
        "Heels", ("Footwear", "Shoes"), "Heels", heel, 2499,
        "Women: Red plain, Pink dotted, Black plain, Beige two-tone, Purple floral",
        usage="Party", tilt=3, from_the_side=True,
    ),
    Kind(
        "Jeans", ("Apparel", "Bottomwear"), "Jeans", jeans, 1899,
        "Men: Blue plain; Women: Black plain; Men: Navy Blue plain; Women: Grey plain",
        size=1.02,
    ),
    Kind(
        "Sunglasses", ("Accessories", "Eyewear"), "Sunglasses", sunglasses, 1599,
        "Unisex: Black plain; Women: Red plain, Brown checked; Men: Blue two-tone; "
        "Women: White dotted",
        tilt=4,
    ),
    Kind(
        "Ties", ("Accessories", "Ties"), "Tie", tie, 699,
        "Men: Navy Blue striped, Red dotted, Green plain, Purple checked, Orange floral, "
        "Grey striped",
        usage="Formal", stripes=-35, tilt=3,
    ),
    Kind(
        "Shorts", ("Apparel", "Bottomwear"), "Shorts", shorts, 999,
        "Men: Beige plain, Navy Blue plain, Blue leaf; Boys: Green checked; Women: Red striped",
        size=1.1, stripes=90,
    ),
)
# fmt: on
