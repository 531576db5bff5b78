"""A profile as TOML, with comments, for a person to go over."""

import json
from collections.abc import Sequence

from worker.sources.guessing import Guess

FIELDS = {
    "sku": "the source's own id of a product",
    "title": "",
    "brand": "",
    "price": "",
    "discounted_price": "the price after a discount",
    "available": "whether it is in stock; a number in stock will do",
    "photo": "a path below the root, or a URL",
    "more_photos": "further photos",
}


def profile_text(
    kind: str,
    core: dict[str, str],
    attributes: Sequence[Guess],
    left: dict[str, str],
    settings: dict[str, str],
    name: str,
    query: str | None,
) -> str:
    """Return the TOML of a profile.

    Args:
        kind: the format.
        core: columns by field.
        attributes: the proposed ones.
        left: why other columns are none.
        settings: further fields of `[source]`.
        name: the source's, without a password.
        query: for a database.
    """
    lines = [f"# A catalog profile for {_comment(name)}, made by lookalike catalog inspect."]
    if query is not None:
        lines.append(f"# For the query: {_comment(query)}")
    lines += ["", "[source]", f"format = {_quoted(kind)}"]
    for field, note in FIELDS.items():
        if field in core:
            comment = f"  # {note}" if note else ""
            lines.append(f"{field} = {_quoted(core[field])}{comment}")
        elif field != "more_photos":
            lines.append(f'# {field} = "…"  # no such column was recognised')
    lines += [f"{field} = {_quoted(value)}" for field, value in settings.items()]
    for attribute in attributes:
        lines += ["", *_attribute(attribute)]
    if left:
        lines += ["", "# Columns that make no attribute here; declare them as above if you like."]
        lines += [f"# {_comment(column)}: {why}" for column, why in left.items()]
    return "\n".join(lines) + "\n"


def _attribute(attribute: Guess) -> list[str]:
    lines = [f"[attributes.{attribute.name}]  # {attribute.note}"]
    if attribute.column != attribute.name:
        lines.append(f"column = {_quoted(attribute.column)}")
    lines += [f"type = {_quoted(attribute.type)}", "filter = true"]
    if attribute.facet:
        lines.append("facet = true")
    return lines


def _quoted(text: str) -> str:
    """Return a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
