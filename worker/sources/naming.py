"""Names of attributes, made of the names of columns."""

import re
import unicodedata

from app.catalog.profile import NAME, RESERVED


def attribute_name(column: str, taken: set[str]) -> str:
    """Return a name that an attribute of a column may have."""
    name = snake(column)[:40].strip("_") or "attribute"
    if not name[0].isalpha():
        name = f"attribute_{name}"
    if name in RESERVED or name.endswith(("_min", "_max")):
        name = f"{name}_attribute"
    free = name
    number = 2
    while free in taken:
        free = f"{name}_{number}"
        number += 1
    assert NAME.fullmatch(free)  # noqa: S101
    return free


def snake(name: str) -> str:
    """Return a name in small letters of ASCII with underscores: masterCategory, master_category."""
    plain = unicodedata.normalize("NFKD", name.removeprefix("g:").replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
