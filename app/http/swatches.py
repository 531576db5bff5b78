"""Colours that people recognise sooner by sight: which classes of the style sheet show a value."""

from collections.abc import Iterable

COLOURS = {
    "beige", "black", "blue", "bronze", "brown", "burgundy", "charcoal", "copper", "cream", "gold",
    "green", "grey", "khaki", "lavender", "lime", "magenta", "maroon", "mauve", "metallic", "multi",
    "mustard", "navy", "nude", "olive", "orange", "peach", "pink", "purple", "red", "rose", "rust",
    "silver", "tan", "taupe", "teal", "turquoise", "violet", "white", "yellow",
}  # fmt: skip
"""Names that `lookalike.css` has a class for, `swatch-NAME`."""

SYNONYMS = {
    "anthracite": "charcoal", "aqua": "turquoise", "coffee": "brown", "gray": "grey",
    "ivory": "cream", "lilac": "lavender", "multicolor": "multi", "multicolour": "multi",
    "off-white": "cream", "skin": "nude", "steel": "silver", "wine": "burgundy",
}  # fmt: skip

MEANT = 0.5
"""Share of an attribute's values that have to be colours for it to be one."""


def swatch(value: str) -> str | None:
    """Return the first colour that a value names, None if it names none.

    `Navy Blue` is navy, `Sea Green` green, `Grey Melange` grey.
    """
    for word in value.lower().replace("/", " ").split():
        name = SYNONYMS.get(word, word)
        if name in COLOURS:
            return name
    return None


def is_colour(values: Iterable[str]) -> bool:
    """Return whether values are colours, so that their attribute is shown by swatches."""
    known = [swatch(value) is not None for value in values]
    return len(known) > 1 and sum(known) >= MEANT * len(known)
