"""Garments for the lower body: jeans, shorts and skirts, seen from the front."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, Colour, luminance, mix
from worker.sample_catalog.paths import ellipse, pair, path, symmetric
from worker.sample_catalog.tailoring import loops_and_button, waistband

THREAD: Colour = (0.86, 0.62, 0.32)
INDIGO: Colour = (0.36, 0.44, 0.54)


def jeans(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """Five-pocket jeans: slim, straight or flared, more or less faded."""
    denim = plain_cloth(mix(cloth.base, INDIGO, 0.22))
    knee, hem = ((68.0, 65.0), (69.0, 69.0), (67.5, 73.5))[rng.integers(3)]
    faded = rng.uniform(0.12, 0.30)
    thread = THREAD if luminance(denim.base) < 0.7 else denim.seam
    c.ripple(9, 12, 0.9)
    _creases(
        c,
        "M70 23 Q62 27 53 27",
        "M55 60 Q62 58 67 61",
        "M56 64 Q62 66 68 64",
        "M57 88 Q62 86 67 88",
    )
    leg = path(
        f"M49 10 L65.5 10 Q69.5 22 69.8 34 L{knee} 60 L{hem} 95 Q{hem - 7} 96.4 {hem - 15} 95 "
        f"L{knee - 15.5} 60 Q51.5 48 50.6 37 L49 34"
    )
    side = path(f"M66 13 Q69 22 69 34 L{knee - 0.8} 60 L{hem - 0.8} 94")
    ending = path(f"M{hem - 15} 92.8 Q{hem - 7} 94.2 {hem} 92.8")
    for outline, seam in zip(pair(leg), pair(side), strict=True):
        c.fill(c.area(outline), denim, puff=9, lift=0.8)
        c.line(seam, denim.seam, width=0.35, strength=0.4)
    c.smooth()
    for middle, end in zip((60.5, 39.5), pair(ending), strict=True):
        for y, height in ((46, 12), (78, 9)):
            c.tint(c.glow(middle, y, 3.6, height), mix(denim.base, (1, 1, 1), 0.75), faded)
        c.stitch(end, thread)
    _fly_and_pockets(c, denim, thread)


def shorts(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """Shorts: with a belt line or a drawstring, turned up or not."""
    drawstring, turned_up = rng.random(2) < (0.5, 0.4)
    hem = rng.uniform(68, 76)
    c.ripple(8, 7, 1.2)
    _creases(c, "M79 34 Q66 40 53 42", "M82 60 Q74 55 66 56", f"M64 48 Q66 60 64 {hem}")
    leg = path(
        f"M49 20 L74 20 Q80 34 84 {hem - 2} Q70 {hem + 2} 54 {hem + 1} Q51.5 58 50.6 52 L49 48"
    )
    cuff = path(
        f"M84.6 {hem - 2} Q70 {hem + 2} 53.7 {hem + 1} L53.2 {hem - 5} Q70 {hem - 4} 83.6 {hem - 8}"
    )
    stitches = path(f"M83.6 {hem - 4.4} Q70 {hem - 0.4} 54 {hem - 1.4}")
    for half, edge, line, lean in zip(pair(leg), pair(cuff), pair(stitches), (-4, 4), strict=True):
        c.fill(c.area(half), cloth.unsplit, puff=9, lift=0.8, turn=lean)
        if turned_up or cloth.panel is not cloth:
            c.fill(c.area(edge), cloth.panel, puff=3, turn=90 if turned_up else lean)
        else:
            c.stitch(line, cloth.seam, 0.5)
    c.smooth()
    c.line(path("M50 26 Q50.6 40 50.2 51"), cloth.seam, strength=0.5)
    for half in pair(path("M66 26 Q68 33 77 37")):
        c.line(half, cloth.seam, width=0.7, strength=0.6)
        c.stitch(half + np.array([0, 1.2]), cloth.seam, 0.5)
    waistband(c, cloth.trim, 24.5, 19.5, 26)
    if drawstring:
        _drawstring(c, cloth)
    else:
        loops_and_button(c, cloth, 18, 19, 26.6)


def skirt(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A wide skirt of any length, softly folded or in knife pleats."""
    pleated = rng.random() < 0.5
    hem, flare = rng.uniform(74, 86), rng.uniform(33, 38)
    c.ripple(8, 3, 0.8)
    folds = [
        path(f"M{50 + 15 * s} 25 Q{50 + 21 * s} 42 {50 + flare * s} {hem + 2 - 5 * s * s}")
        for s in np.linspace(-0.86, 0.86, 9 if pleated else 8)
    ]
    for fold in folds:
        c.crease(fold, 1.6 if pleated else 3.4, 2.4 if pleated else 4.2)
    outline = symmetric(f"M50 20 L66 20 Q72 36 {50 + flare} {hem - 4} Q70 {hem + 2} 50 {hem + 2}")
    c.fill(c.area(outline), cloth, puff=7, split=60)
    c.smooth()
    if pleated:
        for fold in folds:
            c.line(fold, cloth.seam, width=0.5, strength=0.45)
    else:
        edge = symmetric(f"M{50 + flare - 0.6} {hem - 6} Q70 {hem} 50 {hem}")
        c.stitch(edge[:-1], cloth.seam, 0.5)
    waistband(c, cloth.trim, 16.4, 18.5, 25)
    c.line(path("M60 19 L60 25"), cloth.seam, strength=0.5)
    c.fill(c.area(ellipse(62, 21.8, 1.1)), plain_cloth(BRASS), puff=1, gloss=0.4, lift=0.4)


def _creases(c: Canvas, *lines: str) -> None:
    for line in lines:
        for half in pair(path(line)):
            c.crease(half, 2.8, 2.4)


def _drawstring(c: Canvas, cloth: Cloth) -> None:
    for x in np.linspace(29, 71, 17):
        c.line(path(f"M{x} 21 L{x} 26"), cloth.trim.seam, width=0.5, strength=0.3)
    for line in ("M48 24 Q42 32 45 40", "M52 24 Q56 31 54 41"):
        c.fill(c.stroke(path(line), width=1.1), plain_cloth(cloth.dye.ink), puff=1, lift=0.8)


def _fly_and_pockets(c: Canvas, cloth: Cloth, thread: Colour) -> None:
    """Finish the front of jeans, with its bright stitches."""
    c.line(path("M50 15 L50.5 36"), cloth.seam, strength=0.6)
    c.stitch(path("M54 16 L54 28 Q54 32.5 50.6 34"), thread)
    for half in pair(path("M56.5 15.5 Q58 22.5 68.4 23")):
        c.line(half, cloth.seam, width=0.8, strength=0.7)
        c.stitch(half + np.array([0, 1.2]), thread)
    c.stitch(path("M33.4 19.4 Q37 20 42 19.4"), thread)
    waistband(c, cloth, 16, 8.6, 14.6)
    c.stitch(path("M34.4 9.8 Q50 11.8 65.6 9.8"), thread)
    c.stitch(path("M33.8 13.7 Q50 15.7 66.2 13.7"), thread)
    loops_and_button(c, cloth, 11, 8.6, 15)
