"""The catalog's colours: the value of each label, and which colours go with it."""

import colorsys
from dataclasses import dataclass

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 1 each, as stored in the file (sRGB)."""

WHITE: Colour = (0.965, 0.962, 0.955)
BLACK: Colour = (0.13, 0.13, 0.145)
STEEL: Colour = (0.78, 0.79, 0.81)
BRASS: Colour = (0.82, 0.66, 0.33)
RUBBER: Colour = (0.95, 0.94, 0.91)
TAN: Colour = (0.72, 0.52, 0.34)

PALETTE: dict[str, Colour] = {
    "Black": BLACK,
    "White": WHITE,
    "Grey": (0.58, 0.59, 0.61),
    "Navy Blue": (0.11, 0.16, 0.34),
    "Blue": (0.20, 0.44, 0.78),
    "Red": (0.80, 0.13, 0.16),
    "Green": (0.16, 0.50, 0.31),
    "Yellow": (0.96, 0.77, 0.20),
    "Orange": (0.93, 0.47, 0.15),
    "Pink": (0.94, 0.56, 0.67),
    "Purple": (0.44, 0.27, 0.60),
    "Brown": (0.44, 0.28, 0.18),
    "Beige": (0.86, 0.77, 0.63),
}

# The second colour of a pattern and a third for small touches: (ink, accent).
PARTNERS: dict[str, tuple[Colour, Colour]] = {
    "Black": ((0.93, 0.92, 0.89), (0.83, 0.26, 0.24)),
    "White": ((0.17, 0.27, 0.50), (0.84, 0.30, 0.28)),
    "Grey": ((0.20, 0.22, 0.27), (0.95, 0.93, 0.88)),
    "Navy Blue": ((0.95, 0.94, 0.91), (0.83, 0.25, 0.23)),
    "Blue": ((0.95, 0.95, 0.94), (0.97, 0.79, 0.33)),
    "Red": ((0.97, 0.94, 0.90), (0.16, 0.19, 0.33)),
    "Green": ((0.95, 0.93, 0.84), (0.94, 0.70, 0.27)),
    "Yellow": ((0.99, 0.97, 0.90), (0.22, 0.33, 0.51)),
    "Orange": ((0.99, 0.94, 0.85), (0.42, 0.18, 0.20)),
    "Pink": ((0.99, 0.95, 0.94), (0.62, 0.18, 0.36)),
    "Purple": ((0.93, 0.88, 0.96), (0.96, 0.73, 0.34)),
    "Brown": ((0.90, 0.80, 0.64), (0.22, 0.14, 0.11)),
    "Beige": ((0.50, 0.33, 0.22), (0.72, 0.28, 0.22)),
}


@dataclass(frozen=True)
class Dye:
    """The three colours one product is made of."""

    base: Colour
    ink: Colour
    accent: Colour


def dye(label: str, hue_shift: float = 0.0, lightness_shift: float = 0.0) -> Dye:
    """Return the colours sold as `label`; the shifts (-1 to 1, tiny) tell two products apart."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*PALETTE[label])
    base = colorsys.hls_to_rgb(
        (hue + hue_shift) % 1, min(max(lightness + lightness_shift, 0), 0.97), saturation
    )
    return Dye(base, *PARTNERS[label])


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour `share` (0 to 1) of the way from `one` to `other`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Return the brightness from 0 to 1 (the luma weights of ITU-R BT.601)."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def seam_of(colour: Colour) -> Colour:
    """Return the colour of a seam: darker than the cloth, or lighter where the cloth is dark."""
    return mix(colour, (1, 1, 1), 0.30) if luminance(colour) < 0.22 else mix(colour, (0, 0, 0), 0.5)
