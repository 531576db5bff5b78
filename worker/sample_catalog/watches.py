"""Wrist watches, seen from the front."""

from collections.abc import Callable

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, STEEL, Colour, luminance, mix
from worker.sample_catalog.paths import Points, box, ellipse, path, scaled, symmetric

DARK_MARKS: Colour = (0.20, 0.20, 0.22)
LIGHT_MARKS: Colour = (0.96, 0.96, 0.94)


def watch(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A wrist watch: a round or square case in steel or brass, with or without small dials."""
    square, chronograph, brass = rng.random(3) < (0.25, 0.4, 0.35)
    radius = rng.uniform(22, 25)
    face = _square if square else _round
    metal = plain_cloth(BRASS if brass else STEEL)
    dial = plain_cloth(mix(cloth.base, (0, 0, 0), 0.1))
    marks = DARK_MARKS if luminance(dial.base) > 0.55 else LIGHT_MARKS
    _strap(c, cloth)
    _case(c, metal, face, radius, (42, 50, 58) if chronograph else (50,))
    c.fill(c.area(face(radius - 3.6)), dial, puff=2)
    _dial(c, radius - 4.6, marks)
    if chronograph:
        _small_dials(c, marks)
    _hands(c, radius - 4.6, marks, cloth.dye.accent, rng.uniform(-4, 4))
    glint = path(
        f"M{50 - radius * 0.62} 50 Q{50 - radius * 0.5} {50 - radius * 0.5} "
        f"52 {50 - radius * 0.66} L{50 - radius * 0.1} {50 - radius * 0.1}"
    )
    c.tint(c.area(glint), (1, 1, 1), 0.09)


def _round(radius: float) -> Points:
    return ellipse(50, 50, radius)


def _square(radius: float) -> Points:
    return box(50 - radius * 0.9, 50 - radius, 50 + radius * 0.9, 50 + radius, radius * 0.3)


def _strap(c: Canvas, cloth: Cloth) -> None:
    """Lay both halves of the strap, its holes and its loop."""
    halves = (
        (symmetric("M50 2 L58.4 2 Q60 2 60 4 L62 34 L50 34"), 2, 34),
        (symmetric("M50 66 L62 66 L59.8 93 Q58.4 97.5 50 98"), 66, 97),
    )
    for outline, top, bottom in halves:
        c.fill(c.area(outline), cloth.unsplit, puff=4, gloss=0.12)
        c.stitch(scaled(outline, 0.9), cloth.seam, 0.5)
        if cloth.panel is not cloth:
            c.fill(c.area(box(46.8, top, 53.2, bottom)), cloth.panel, puff=2, lift=0.3)
    for y in (79, 84, 89):
        c.tint(c.area(ellipse(50, y, 0.9, 1.2)), (0.1, 0.09, 0.09), 0.75)
    c.fill(c.area(box(38.6, 7.5, 61.4, 11, 1)), cloth.panel.darker(0.15), puff=1.6, lift=0.8)


def _case(
    c: Canvas,
    metal: Cloth,
    face: Callable[[float], Points],
    radius: float,
    crowns: tuple[float, ...],
) -> None:
    """Lay the lugs that hold the strap, the crowns at the right, the case and its inner rim."""
    for y in (50 - radius, 50 + radius):
        for x in (39.5, 60.5):
            lug = box(x - 1.9, y - 3.8, x + 1.9, y + 3.8, 1.6)
            c.fill(c.area(lug), metal, puff=2, gloss=0.5)
    for y in crowns:
        crown = box(48 + radius, y - 2, 52.5 + radius, y + 2, 0.8)
        c.fill(c.area(crown), metal, puff=1.6, gloss=0.5)
    c.fill(c.area(face(radius)), metal, puff=4, gloss=0.55, lift=1.6)
    c.fill(c.area(face(radius - 2.4)), metal.darker(0.25), puff=2, gloss=0.3, lift=0.5)


def _dial(c: Canvas, radius: float, marks: Colour) -> None:
    """Print the twelve hours."""
    hours = [_ray(30 * hour, radius * 0.80, radius * 0.97) for hour in range(12)]
    c.tint(c.stroke(*hours, width=1.1), marks, 0.95)
    c.line(ellipse(50, 50, radius * 0.99), marks, width=0.35, strength=0.4)


def _small_dials(c: Canvas, marks: Colour) -> None:
    for x, y in ((40.5, 50), (59.5, 50), (50, 59.5)):
        c.tint(c.area(ellipse(x, y, 4.3)), marks, 0.22)
        c.line(np.vstack([ellipse(x, y, 4.3), [[x + 4.3, y]]]), marks, width=0.4, strength=0.7)
        c.line(np.array([[x, y], [x + 1.6, y - 2.8]]), marks, width=0.5, strength=0.9)


def _hands(c: Canvas, radius: float, marks: Colour, second: Colour, turn: float) -> None:
    """Lay the hands at about ten past ten, as watches are photographed."""
    hands = (
        (-56 + turn / 2, 0.52, 1.9, marks),
        (60 + turn, 0.78, 1.4, marks),
        (200, 0.82, 0.6, second),
    )
    for degrees, length, width, colour in hands:
        ray = _ray(degrees, -radius * 0.12, radius * length)
        c.fill(c.stroke(ray, width=width), plain_cloth(colour), puff=1, lift=0.6)
    c.fill(c.area(ellipse(50, 50, 1.6)), plain_cloth(STEEL), puff=1.2, gloss=0.4, lift=0.4)


def _ray(degrees: float, start: float, end: float) -> Points:
    """Return a line from the middle of the dial outwards; 0 degrees points to twelve o'clock."""
    angle = np.radians(degrees)
    way = np.array([np.sin(angle), -np.cos(angle)])
    return np.stack([way * start, way * end]) + 50
