"""Caps, seen from the side, and sunglasses, seen from the front."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import STEEL, mix
from worker.sample_catalog.paths import Points, ellipse, pair, path, scaled

# Marks of no brand: a mountain, a ring and a bolt.
BADGES = (
    path("M29 56 L33.5 45.5 L35.4 49.5 L36.6 47.6 L39.5 56"),
    ellipse(34, 51, 3.6, 5),
    path("M36 44 L31.5 52 L34 52 L32 58 L38 50 L35.4 50 L37.6 44"),
)


def cap(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A baseball cap with the peak to the left and an embroidered mark."""
    high, badge = rng.uniform(24, 30), int(rng.integers(len(BADGES)))
    crown = path(
        f"M27 66 Q23 44 34 {high + 8} Q44 {high - 3} 58 {high - 1} "
        f"Q82 {high + 2} 87 48 Q89 58 86 68 Q58 61 27 66"
    )
    c.ripple(6, 5, 0.9)
    for line in (f"M56 {high} Q66 44 68 64", f"M54 {high} Q42 42 40 64"):
        c.crease(path(line), 2.4, 2.6)
    c.fill(c.area(crown), cloth.unsplit, puff=14)
    c.smooth()
    for line in (f"M57 {high - 0.5} Q41 42 40.5 63.6", f"M58 {high - 0.5} Q70 42 70 64"):
        c.line(path(line), cloth.seam, strength=0.6)
        c.stitch(path(line) + np.array([1.2, 0.4]), cloth.seam, 0.4)
    for x, y in ((49, 40), (64, 38), (78, 44)):
        c.fill(c.area(ellipse(x, y, 1.3)), cloth.trim, puff=1, lift=0.3)
        c.tint(c.area(ellipse(x, y, 0.6)), (0.1, 0.1, 0.1), 0.8)
    c.fill(c.area(path("M27 66 Q58 61 86 68 L86.6 64.5 Q58 57.5 26.6 62")), cloth.panel, puff=2)
    c.stitch(path("M27 62.8 Q58 58.4 86.4 65.2"), cloth.panel.seam, 0.4)
    _peak(c, cloth.panel)
    c.fill(c.area(ellipse(57.5, high - 1.2, 2.6, 1.5)), cloth.trim, puff=1.6)
    thread = plain_cloth(mix(cloth.dye.ink, cloth.dye.accent, 0.25 * badge))
    c.fill(c.area(BADGES[badge]), thread, puff=1.4, lift=0.5)


def sunglasses(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """Sunglasses with round, square or cat-eye frames, tinted in the colour of the frame."""
    lens = _lens(int(rng.integers(3)), rng.uniform(-0.8, 0.8))
    rim = scaled(lens, 1.22)
    temple = path("M80 43 L92 38.5 Q95.5 39.5 95 45 L91.5 60 Q90 61 89.6 58 L90.5 47 L80 50")
    for half in pair(temple):
        c.fill(c.area(half), cloth.panel.darker(0.25), puff=2, gloss=0.3)
    bridge = path("M40 45 Q50 36.5 60 45 L60 50 Q50 42 40 50")
    c.fill(c.area(bridge), cloth.unsplit, puff=2.4, gloss=0.4)
    for frame, pane in zip(pair(rim), pair(lens), strict=True):
        c.fill(c.area(frame), cloth, puff=3.2, gloss=0.45, split=55)
        _glass(c, cloth, pane)
    for rivet in pair(ellipse(87.5, 42.2, 1.3, 0.8)):
        c.fill(c.area(rivet), plain_cloth(STEEL), puff=0.8, gloss=0.5, lift=0.3)


def _peak(c: Canvas, cloth: Cloth) -> None:
    peak = path("M45 63.2 Q28 60 24 63 Q9 66 4 76 Q4 79 8 78.6 Q26 73 47 69.5 Q50 66 45 63.2")
    c.fill(c.area(peak), cloth, puff=6, lift=1.8)
    for row in range(3):
        seam = path(
            f"M{8.5 + 3.6 * row} {76.4 - 2 * row} Q26 {70 - 1.6 * row} 45 {67.6 - 1.2 * row}"
        )
        c.stitch(seam, cloth.seam, 0.45)


def _lens(style: int, wider: float) -> Points:
    """Return the outline of the right lens."""
    if style == 0:
        return ellipse(71, 50, 15 + wider, 14.5)
    if style == 1:
        return path(
            f"M57 40 Q72 37 {87 + wider} 39.5 Q{88 + wider} 56 80 60 Q70 63 62 59 Q56.5 54 57 40"
        )
    return path(f"M57 44 Q70 39 {91 + wider} 34 Q{90 + wider} 54 80 59 Q68 62 61 57 Q56.5 52 57 44")


def _glass(c: Canvas, cloth: Cloth, pane: Points) -> None:
    """Lay a tinted lens: dark above, lighter below, with two glints across it."""
    mask = c.area(pane)
    c.fill(mask, plain_cloth(mix(cloth.base, (0.10, 0.10, 0.12), 0.55)), gloss=0.12, lift=0.4)
    x, y = pane.mean(0)
    c.tint(mask * c.glow(x, y + 11, 22, 9), mix(cloth.base, (1, 1, 1), 0.6), 0.55)
    for left, width, strength in ((-14, 5, 0.22), (-6, 1.5, 0.16)):
        foot, head = x + left, x + left + 11
        glint = path(
            f"M{foot} {y + 11} L{head} {y - 13} L{head + width} {y - 13} L{foot + width} {y + 11}"
        )
        c.tint(mask * c.area(glint), (1, 1, 1), strength)
