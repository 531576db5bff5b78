"""Garments for the upper body: T-shirts, shirts and dresses, seen from the front."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, mix
from worker.sample_catalog.paths import box, pair, path, symmetric
from worker.sample_catalog.tailoring import (
    ARMHOLE,
    button,
    chest_pocket,
    collar_rib,
    cuffs,
    drape,
    inside_of_neck,
    sleeves,
)


def tee(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A T-shirt: round or V neck, short or three-quarter sleeves, with or without a pocket."""
    v_neck, long_sleeves, pocket = rng.random(3) < (0.35, 0.25, 0.3)
    hem = rng.uniform(86, 90)
    c.ripple(7, 6, 1.1)
    if long_sleeves:
        sleeves(c, cloth.panel, rng.uniform(44, 48), spread=17, width=13)
    else:
        sleeves(c, cloth.panel, rng.uniform(25, 29), spread=36, width=17)
    inside_of_neck(c, cloth, 28)
    drop = rng.uniform(33, 36) if v_neck else rng.uniform(26, 28)
    neck = f"M50 {drop} L59 17" if v_neck else f"M50 {drop} Q57.5 {drop} 59 17"
    body = symmetric(f"{neck} L71.5 20.5 Q75 27 73.5 43 Q72 62 74 {hem} Q62 {hem + 2} 50 {hem + 2}")
    drape(c, hem)
    c.fill(c.area(body), cloth.unsplit, puff=7, lift=1.0)
    c.smooth()
    collar_rib(c, cloth.trim, path(neck))
    for half in pair(ARMHOLE):
        c.line(half, cloth.seam, strength=0.55)
    hem_line = symmetric(f"M74 {hem - 2.5} Q62 {hem - 0.5} 50 {hem - 0.5}")
    c.stitch(hem_line[1:-1], cloth.seam, 0.5)
    if pocket:
        chest_pocket(c, cloth.panel)


def shirt(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A buttoned shirt: long or short sleeves, one pocket, two or none."""
    hem = rng.uniform(88, 91)
    c.ripple(7, 6, 1.1)
    if rng.random() < 0.6:
        length = rng.uniform(58, 62)
        sleeves(c, cloth.panel, length, spread=13, width=10.5)
        cuffs(c, cloth.panel, length, spread=13, width=10.5)
    else:
        sleeves(c, cloth.panel, rng.uniform(26, 29), spread=33, width=16)
    inside_of_neck(c, cloth, 27)
    body = symmetric(
        f"M50 27 L58.5 15.5 L71.5 20.5 Q75 27 73.5 43 Q72 62 73.5 {hem - 8} "
        f"Q71 {hem - 5} 64 {hem - 1} Q58 {hem + 2} 50 {hem + 2}"
    )
    drape(c, hem)
    c.fill(c.area(body), cloth.unsplit, puff=7, lift=1.0)
    c.smooth()
    c.fill(c.area(box(47.6, 24, 52.4, hem + 1.6)), cloth.panel, puff=1.2, lift=0.5)
    for half in pair(path(f"M51.7 24 L51.7 {hem + 1}")):
        c.stitch(half, cloth.trim.seam, 0.45)
    for pocket in range(int(rng.integers(3))):
        chest_pocket(c, cloth.unsplit, on_the_left=pocket == 1)
    for half in pair(ARMHOLE):
        c.line(half, cloth.seam, strength=0.55)
    wing = path("M58.5 14.5 Q60.5 19 62.5 26.5 L57 31 L50 24.5 Q55 21 58.5 14.5")
    for half in pair(wing):
        c.fill(c.area(half), cloth.panel, puff=2.2, turn=40)
        c.line(half, cloth.trim.seam, width=0.35, strength=0.4)
    for y in np.linspace(27.5, hem - 7, 7):
        button(c, 50, float(y), cloth.trim)


def dress(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A fitted bodice over a wide skirt: sleeveless or short-sleeved, with or without a belt."""
    short_sleeves, belt = rng.random(2) < (0.5, 0.6)
    drop = rng.uniform(20, 25)
    if short_sleeves:
        for half, turn in zip(
            pair(path("M60 10.5 Q71 12 75.5 24.5 Q70 28.5 62 29.5")), (-30, 30), strict=True
        ):
            c.fill(c.area(half), cloth.panel, puff=4, turn=turn)
    inside_of_neck(c, cloth, drop + 1, top=8.5)
    _dress_skirt(c, cloth, rng)
    neck = f"M50 {drop} Q56.5 {drop} 57.5 8"
    shoulder = "65 11.5" if short_sleeves else "62 9.5"
    bodice = symmetric(f"{neck} L{shoulder} Q62.5 22 65 29 Q63 37 61.5 44 L50 45")
    c.ripple(6, 6, 0.6)
    c.fill(c.area(bodice), cloth.unsplit, puff=6, lift=0.6)
    c.smooth()
    for half in pair(path("M58.5 44 Q57.5 36 58.5 29")):
        c.line(half, cloth.seam, strength=0.3)
    collar_rib(c, cloth.trim, path(neck), width=1.4)
    if belt:
        leather = plain_cloth(mix(cloth.dye.ink, cloth.dye.accent, 0.8))
        c.fill(c.area(box(38.3, 42.2, 61.7, 45.8, 0.6)), leather, puff=1.5, gloss=0.2)
        c.ring(box(48, 41.8, 52.4, 46.2, 0.8), plain_cloth(BRASS))
    else:
        c.line(path("M38.5 44 Q50 45.6 61.5 44"), cloth.seam, strength=0.6)


def _dress_skirt(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """Lay the lower half of a dress in folds that fall from the waist."""
    hem, flare = rng.uniform(86, 93), rng.uniform(25, 33)
    c.ripple(9, 3, 0.8)
    for share in np.linspace(-0.85, 0.85, 8) + rng.uniform(-0.05, 0.05, 8):
        fold = path(f"M{50 + 10 * share} 47 Q{50 + 14 * share} 62 {50 + flare * share} {hem}")
        c.crease(fold, 2.6, 3.6)
    skirt = symmetric(
        f"M50 43 L61.5 43 Q66 55 {50 + flare} {hem - 3} Q66 {hem + 1.5} 50 {hem + 1.5}"
    )
    c.fill(c.area(skirt), cloth, puff=6, split=67)
    c.smooth()
