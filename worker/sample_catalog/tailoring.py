"""Parts that garments share: sleeves, necks, pockets, buttons and waistbands."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, RUBBER, mix
from worker.sample_catalog.paths import Points, box, ellipse, mirror, pair, path, symmetric

SHOULDER, ARMPIT = np.array([71.5, 20.5]), np.array([73.5, 43.0])
ARMHOLE = path("M71.5 20.5 Q75 27 73.5 43")


def sleeves(c: Canvas, cloth: Cloth, length: float, spread: float, width: float) -> None:
    """Lay both sleeves: `spread` degrees away from the body, `width` units wide at the end."""
    outline, hem = _sleeve(length, spread, width)
    for half, stitch, turn in zip(pair(outline), pair(hem), (-spread, spread), strict=True):
        c.fill(c.area(half), cloth, puff=5, turn=turn)
        c.stitch(stitch, cloth.seam, 0.5)


def cuffs(c: Canvas, cloth: Cloth, length: float, spread: float, width: float) -> None:
    """Lay a cuff around the end of each of such sleeves."""
    _, hem = _sleeve(length, spread, width)
    along = _direction(spread)
    band = np.vstack([hem - along * 2.5, (hem + along * 2.6)[::-1]])
    for half in pair(band):
        c.fill(c.area(half), cloth, puff=2, lift=0.5, turn=90)


def _sleeve(length: float, spread: float, width: float) -> tuple[Points, Points]:
    """Return the outline of the right sleeve and the line of its hem."""
    along = _direction(spread)
    inward = np.array([-along[1], along[0]])
    top = SHOULDER + np.array([1.2, 0.6])
    outer = top + along * length - inward * 1.5
    inner = outer + inward * width
    bend = top + along * length * 0.25 - inward * 3.0
    outline = path(
        f"M{SHOULDER[0] - 6} {SHOULDER[1] - 1} Q{bend[0]} {bend[1]} {outer[0]} {outer[1]} "
        f"L{inner[0]} {inner[1]} L{ARMPIT[0]} {ARMPIT[1]} L{ARMPIT[0] - 6} {ARMPIT[1]}"
    )
    return outline, np.stack([outer, inner]) - along * 2.0


def _direction(spread: float) -> Points:
    angle = np.radians(spread)
    return np.array([np.sin(angle), np.cos(angle)])


def inside_of_neck(c: Canvas, cloth: Cloth, bottom: float, top: float = 16.0) -> None:
    """Lay the back of the garment, seen through the neck, with its label."""
    hole = symmetric(f"M50 {top + 1.5} Q56 {top + 1.5} 59.5 {top} Q60 {bottom} 50 {bottom + 8}")
    label = box(47.3, top + 2.6, 52.7, top + 5.4, 0.5)
    c.fill(c.area(hole), cloth.trim.darker(0.4), puff=2)
    c.fill(c.area(label), plain_cloth(RUBBER), puff=1, lift=0.3)


def collar_rib(c: Canvas, cloth: Cloth, right: Points, width: float = 2.6) -> None:
    """Lay a knitted band around a neck, given its right half from the middle to the shoulder."""
    line = np.vstack([right[::-1], mirror(right)[1:]])
    c.fill(c.stroke(line, width=width), cloth, puff=width * 0.8, lift=0.6)
    c.line(line + np.array([0, width * 0.62]), cloth.seam, width=0.3, strength=0.5)


def drape(c: Canvas, hem: float) -> None:
    """Fold the body of a top: from the armpits inwards, and down along its sides."""
    for line in ("M73 44 Q66 52 60 55", f"M71 60 Q68 72 69 {hem}", f"M60 66 Q62 78 60 {hem}"):
        for half in pair(path(line)):
            c.crease(half, 3.0, 2.2)


def chest_pocket(c: Canvas, cloth: Cloth, *, on_the_left: bool = False) -> None:
    """Lay a patch pocket on the chest."""
    side = int(on_the_left)
    outline = pair(path("M57 38 L67.5 38 L67.5 49.5 L62.2 52 L57 49.5 L57 38"))[side]
    edge = pair(path("M57 40 L67.5 40"))[side]
    c.fill(c.area(outline), cloth, puff=1.5, lift=0.6)
    c.stitch(outline, cloth.seam, 0.35)
    c.line(edge, cloth.seam, width=0.35, strength=0.5)


def button(c: Canvas, x: float, y: float, cloth: Cloth) -> None:
    """Sew on a shirt button, a little in the colour of the cloth."""
    shell = plain_cloth(mix(cloth.base, RUBBER, 0.75))
    c.fill(c.area(ellipse(x, y, 0.95)), shell, puff=0.8, lift=0.35, gloss=0.2)
    c.tint(c.area(ellipse(x, y, 0.3)), (0.3, 0.3, 0.3), 0.7)


def waistband(c: Canvas, cloth: Cloth, half_width: float, top: float, bottom: float) -> None:
    """Lay a waistband, dipping a little in the middle."""
    left, right = 50 - half_width, 50 + half_width
    band = path(
        f"M{left} {top} Q50 {top + 2} {right} {top} "
        f"L{right + 0.6} {bottom} Q50 {bottom + 2} {left - 0.6} {bottom}"
    )
    c.fill(c.area(band), cloth, puff=3, lift=0.6)
    seam = path(f"M{left - 0.6} {bottom} Q50 {bottom + 2} {right + 0.6} {bottom}")
    c.line(seam, cloth.seam, width=0.35)


def loops_and_button(c: Canvas, cloth: Cloth, away: float, top: float, bottom: float) -> None:
    """Lay two belt loops, `away` units from the middle, and a metal button on a waistband."""
    for x in (50 - away, 50 + away):
        loop = box(x - 0.9, top + 0.9, x + 0.9, bottom + 1.6, 0.4)
        c.fill(c.area(loop), cloth.trim, puff=1, lift=0.5)
    rivet = ellipse(50, (top + bottom) / 2 + 1.2, 1.3)
    c.fill(c.area(rivet), plain_cloth(BRASS), puff=1, gloss=0.4, lift=0.4)
