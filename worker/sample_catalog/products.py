"""The catalog's products: the name, season and id of each."""

from dataclasses import dataclass
from itertools import zip_longest

from worker.sample_catalog.kinds import KINDS, Kind, Look

FIRST_ID = 10001
BRANDS = (
    "Northpeak", "Velmora", "Tarnwick", "Ollivane", "Quillby", "Sorrelane", "Haldenry", "Pomella",
)  # fmt: skip
PATTERN_WORDS = {
    "plain": "",
    "striped": "Striped",
    "checked": "Checked",
    "dotted": "Polka Dot",
    "two-tone": "Colourblocked",
    "floral": "Floral Print",
    "leaf": "Leaf Print",
    "star": "Star Print",
}
SEASONS = ("Summer", "Fall", "Winter", "Spring")

# One look of each kind in turn, so that the first page already shows a bit of everything.
ROUNDS = zip_longest(*([(kind, look) for look in kind.looks()] for kind in KINDS))
RANGE: list[tuple[Kind, Look]] = [place for round_ in ROUNDS for place in round_ if place]


@dataclass(frozen=True)
class Product:
    """One product; those of one `group` share a kind and a look, and differ by their `member`."""

    item_id: int
    group: int
    member: int
    kind: Kind
    look: Look
    brand: str
    season: str
    year: int
    usage: str
    has_photo: bool

    @property
    def pattern_word(self) -> str:
        """The pattern's name in product titles; empty for a plain one."""
        return PATTERN_WORDS[self.look.pattern]

    @property
    def name(self) -> str:
        """The product's display name."""
        look = self.look
        words = (self.brand, look.gender, self.pattern_word, look.colour, self.kind.noun)
        return " ".join(word for word in words if word)


def list_products(count: int) -> list[Product]:
    """Return `count` products: every look once, then each once more, a little different, and so on.

    As in real catalogs two have no photo, and one has the usage "NA".
    """
    return [_product(index, count) for index in range(count)]


def _product(index: int, count: int) -> Product:
    member, group = divmod(index, len(RANGE))
    kind, look = RANGE[group]
    return Product(
        item_id=FIRST_ID + index,
        group=group,
        member=member,
        kind=kind,
        look=look,
        brand=BRANDS[(3 * group + member) % len(BRANDS)],
        season=SEASONS[(group + member) % len(SEASONS)],
        year=2011 + (5 * group + 3 * member) % 8,
        usage="NA" if index == count // 2 else kind.usage,
        has_photo=index not in (count // 4, 3 * count // 4),
    )
