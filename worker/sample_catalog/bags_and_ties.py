"""Handbags and ties, seen from the front."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, TAN, mix
from worker.sample_catalog.paths import box, ellipse, pair, path, scaled, symmetric

TOP, BOTTOM = 44.0, 88.0  # Of a bag, without its handles.


def handbag(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A handbag: a tote, a satchel with a flap or a rounded bag with a zip."""
    style = ("tote", "satchel", "rounded")[rng.integers(3)]
    wide, reach = rng.uniform(34, 38), rng.uniform(9, 20)
    tan_leather, tassel = rng.random(2) < (0.35, 0.6)
    two_tone = cloth.panel is not cloth
    leather = plain_cloth(TAN if tan_leather and not two_tone else cloth.panel.base)
    side = (
        f"L{44 + wide} {TOP} Q{54 + wide} {TOP + 4} {53 + wide} {BOTTOM - 12} "
        f"Q{52 + wide} {BOTTOM} 72 {BOTTOM}"
        if style == "rounded"
        else f"L{47 + wide} {TOP} L{51 + wide} {BOTTOM - 5} "
        f"Q{51 + wide} {BOTTOM} {46 + wide} {BOTTOM}"
    )
    body = symmetric(f"M50 {TOP} {side} L50 {BOTTOM}")
    _handle(c, leather.darker(0.35), reach + 3, TOP + 2, 15)
    c.ripple(7, 6, 1.0)
    for line in ("M72 50 Q76 66 73 84", "M60 84 Q66 80 74 84"):
        for half in pair(path(line)):
            c.crease(half, 4, 2.6)
    c.fill(c.area(body), cloth, puff=9, gloss=0.16, split=75)
    c.smooth()
    c.stitch(scaled(body)[2:-2], cloth.seam, 0.4)
    if style == "tote":
        rim = box(50 - wide + 2.6, TOP - 1, 47.4 + wide, TOP + 5, 1)
        c.fill(c.area(rim), cloth.unsplit if two_tone else leather, puff=3, gloss=0.2)
    elif style == "satchel":
        _flap(c, cloth, leather, wide)
    else:
        _zip(c, leather, wide)
    _handle(c, leather, reach, TOP + 3, 17)
    if tassel and style != "satchel":
        _tassel(c, leather, 35, TOP + 6)


def tie(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A knotted tie, wide or slim, with its loop and its tail."""
    wide, tip, tail = rng.uniform(7.5, 11.5), rng.uniform(90, 96), rng.uniform(70, 84)
    loop = path("M47 17 Q34 9 38 4.5 Q50 0.5 62 4.5 Q66 9 53 17")
    c.fill(c.stroke(loop, width=4.6), cloth.panel.darker(0.15), puff=3, gloss=0.1, turn=60)
    end = 50 + wide * 0.25
    behind = path(f"M49 22 L53.5 22 L{end + 7.5} {tail - 4} L{end + 4} {tail} L{end} {tail - 4}")
    c.fill(c.area(behind), cloth.unsplit.darker(0.18), puff=3)
    c.ripple(3, 8, 0.6)
    c.crease(path("M50 22 Q49 32 50.5 44"), 2.2, 2.6)
    blade = symmetric(f"M50 20 L53.2 20 Q{50 + wide * 0.6} 44 {50 + wide} {tip - 9} L50 {tip}")
    c.fill(c.area(blade), cloth, puff=5, gloss=0.14, split=66)
    c.smooth()
    hem = path(f"M{51.5 - wide} {tip - 9.6} L50 {tip - 1.5} L{48.5 + wide} {tip - 9.6}")
    c.stitch(hem, cloth.seam, 0.3)
    knot = symmetric("M50 11.5 L56.5 11.5 Q57.8 12.5 57.2 14 L54 23 Q52 24.6 50 24.6")
    c.crease(path("M46 13 Q49 18 47.5 24"), 1.6, 1.6)
    c.fill(c.area(knot), cloth.panel, puff=4, gloss=0.16, turn=-40)


def _handle(c: Canvas, leather: Cloth, top: float, foot: float, half_width: float) -> None:
    """Lay an arched strap, held by a ring at each end."""
    left, right = 50 - half_width, 50 + half_width
    arch = path(
        f"M{left} {foot + 5} L{left} {foot - 4} "
        f"C{left} {top - 2} {right} {top - 2} {right} {foot - 4} L{right} {foot + 5}"
    )
    c.fill(c.stroke(arch, width=3.0), leather, puff=2.4, gloss=0.25, lift=1.0)
    c.stitch(arch, leather.seam, 0.4)
    for x in (left, right):
        c.fill(c.area(ellipse(x, foot + 4, 2.3, 2.8)), leather, puff=2, gloss=0.2, lift=0.6)
        c.ring(ellipse(x, foot, 1.9), plain_cloth(BRASS))


def _flap(c: Canvas, cloth: Cloth, leather: Cloth, wide: float) -> None:
    """Lay the flap of a satchel, with its clasp."""
    flap = symmetric(
        f"M50 {TOP - 1.5} L{47.6 + wide} {TOP - 1.5} "
        f"Q{49.5 + wide} {TOP + 13} {43 + wide} {TOP + 20} Q66 {TOP + 24} 50 {TOP + 25}"
    )
    c.fill(c.area(flap), cloth.unsplit, puff=7, gloss=0.18, lift=1.8)
    c.stitch(scaled(flap)[1:-1], cloth.seam, 0.5)
    plate, clasp = (
        box(46.4, TOP + 19, 53.6, TOP + 28, 1.5),
        box(47.6, TOP + 21, 52.4, TOP + 25.6, 1),
    )
    c.fill(c.area(plate), leather, puff=2, gloss=0.2)
    c.fill(c.area(clasp), plain_cloth(BRASS), puff=1.6, gloss=0.6, lift=0.6)
    slot = path(f"M50 {TOP + 22.4} L50 {TOP + 24.4}")
    c.line(slot, (0.35, 0.27, 0.12), width=0.7, strength=0.9)


def _zip(c: Canvas, leather: Cloth, wide: float) -> None:
    """Lay the zip of a rounded bag, and its leather label."""
    left, right = 57 - wide, 43 + wide
    tape, puller = box(left, TOP + 1.2, right, TOP + 4.2, 1.4), (right - 2, right + 3.5)
    c.fill(c.area(tape), leather.darker(0.25), puff=2, lift=0.4)
    c.stitch(path(f"M{left + 1} {TOP + 2.7} L{right - 1} {TOP + 2.7}"), BRASS, 1.0)
    metal = c.area(box(puller[0], TOP + 1.6, puller[1], TOP + 4, 0.9))
    c.fill(metal, plain_cloth(BRASS), puff=1.2, gloss=0.5)
    c.fill(c.area(box(40, 66, 60, 72, 1.5)), leather, puff=2, lift=0.6, gloss=0.2)
    c.stitch(box(41.5, 67.2, 58.5, 70.8), leather.seam, 0.5)


def _tassel(c: Canvas, leather: Cloth, x: float, y: float) -> None:
    threads = [path(f"M{x} {y + 5} L{x + lean} {y + 16}") for lean in np.linspace(-2.4, 2.4, 7)]
    c.fill(c.stroke(*threads, width=0.8), plain_cloth(mix(leather.base, (0, 0, 0), 0.12)), puff=1)
    c.fill(c.area(box(x - 1.3, y + 2, x + 1.3, y + 6, 0.8)), leather, puff=1.4, gloss=0.2, lift=0.5)
    c.ring(ellipse(x, y + 0.6, 1.4), plain_cloth(BRASS), 0.7)
