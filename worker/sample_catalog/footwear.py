"""Shoes, seen from the side with the toe to the left."""

import numpy as np

from worker.sample_catalog.canvas import Canvas
from worker.sample_catalog.cloth import Cloth, plain_cloth
from worker.sample_catalog.colours import BRASS, RUBBER, TAN, mix
from worker.sample_catalog.paths import box, dashes, ellipse, path


def casual_shoe(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A canvas shoe: laced, laced over the ankle or slipped on, with or without a rubber toe."""
    laced, high = ((True, False), (True, True), (False, False))[rng.integers(3)]
    rubber_toe = rng.random() < 0.6
    top = 25.0 if high else 41.0
    mouth = path(f"M44 48 Q54 40 60 {top + 1} Q74 {top - 3} 87 {top} Q84 53 70 56 Q54 55 44 48")
    c.fill(c.area(mouth), plain_cloth(mix(cloth.base, (0.25, 0.22, 0.2), 0.65)), puff=6)
    if laced:
        tongue = path(f"M42 50 Q45 40 54 {top - 5} Q60 {top - 7} 62 {top} Q60 46 50 54")
        c.fill(c.area(tongue), cloth.trim, puff=4)
    front = f"Q48 44 58 {top + 2} L62 {top + 6}" if laced else "Q48 42 56 41.5 Q60 46 66 46.5"
    upper = c.area(
        path(
            f"M7 71 Q5 61 20 58 Q32 55.5 40 49.5 {front} Q70 {top + 8} 77 {top + 5} "
            f"Q84 {top + 3} 87 {top - 1} Q91 {top + 2} 91.5 56 L93 72 L8 73"
        )
    )
    c.ripple(8, 5, 0.6)
    c.fill(upper, cloth.unsplit, puff=10)
    c.smooth()
    heel_cap = path(f"M87 {top - 1} Q91 {top + 2} 91.5 52 L93 72 L80 72 Q77 52 82 {top + 5}")
    c.fill(c.area(heel_cap) * upper, cloth.panel, puff=5, lift=0.5)
    c.stitch(path(f"M79 71 Q76 52 81 {top + 6}"), cloth.seam, 0.6)
    c.stitch(path(f"M86.5 {top + 1} Q83 {top + 5.5} 77 {top + 7} L67 {top + 9}"), cloth.seam, 0.5)
    if laced:
        _laces(c, cloth, top, 7 if high else 5)
    else:
        _elastic(c, cloth)
    toe_cap = c.area(path("M6 73 Q4 62 17 58 Q27 59 29 73")) * upper
    c.fill(toe_cap, plain_cloth(RUBBER) if rubber_toe else cloth.panel, puff=6, lift=0.6)
    _sole(c, cloth)


def heel(c: Canvas, cloth: Cloth, rng: np.random.Generator) -> None:
    """A pump: on a stiletto, block or kitten heel, plain, with an ankle strap or a bow."""
    width, rise = ((2.2, 0.0), (6.5, 2.0), (3.2, 10.0))[rng.integers(3)]
    trimming = rng.integers(3)
    seat, back, vamp = 53 + rise, 33 + rise * 0.8, 58 + rise * 0.3
    # The edge of the opening, from the toes to the heel, on this side and on the far one.
    near = f"M40 {vamp} Q52 {vamp + 10} 66 {58 + rise * 0.6} Q77 {51 + rise} 83.5 {back - 1}"
    far = f"M83.5 {back - 1} Q79 {48 + rise} 64 {55 + rise * 0.6} Q52 {vamp + 3} 40 {vamp}"
    lining = np.vstack([path(near) + np.array([0, 1.5]), path(far)])
    c.fill(c.area(lining), plain_cloth(TAN), puff=4)
    _post(c, cloth.panel, width, seat)
    sole = path(
        f"M9 84 Q10 86.6 20 86.6 L36 86.4 Q54 81 73 {seat + 4.5} L75 {seat + 1} Q54 77 36 83 L12 82"
    )
    c.fill(c.area(sole), plain_cloth(mix(TAN, (0, 0, 0), 0.35)), puff=2)
    upper = c.area(
        path(
            f"M8.5 84 Q8 78 22 {70 + rise * 0.2} Q34 {63 + rise * 0.2} {near[1:]} "
            f"Q88.5 {back - 1} 90 {back + 10} Q91.5 {seat - 8} 89.5 {seat - 1} "
            f"Q84 {seat + 4} 75 {seat + 2.5} Q56 78 36 84.4 L12 85.2 Q9 85.2 8.5 84"
        )
    )
    c.fill(upper, cloth.unsplit, puff=8, gloss=0.28)
    if cloth.panel is not cloth:
        toe_cap = c.area(path("M5 88 L5 60 L24 60 Q30 74 26 88")) * upper
        c.fill(toe_cap, cloth.panel, puff=5, gloss=0.28, lift=0.4)
    c.line(path(near) + np.array([0.4, 0.8]), cloth.seam, width=0.6, strength=0.5)
    if trimming == 1:
        _ankle_strap(c, cloth.panel, back)
    elif trimming == 2:
        _bow(c, cloth.panel, 38, 60 + rise * 0.3)


def _laces(c: Canvas, cloth: Cloth, top: float, count: int) -> None:
    """Lay the stay with its eyelets, and the laces across it."""
    stay = path(
        f"M33 54 Q41 49 45 46 Q51 42.5 57 {top + 1.5} L63.5 {top + 6} Q57 50 48 56 Q42 58.5 35 58"
    )
    c.fill(c.area(stay), cloth.panel, puff=3, lift=0.5)
    c.stitch(path(f"M36 57.2 Q42 57.5 47.6 55 Q56 49.5 62.5 {top + 6}"), cloth.panel.seam, 0.6)
    rail = path(f"M41 54.5 Q52 49 60 {top + 5}")
    for x, y in rail[np.linspace(0, len(rail) - 1, count).astype(int)]:
        lace = path(f"M{x} {y} Q{x - 3.5} {y - 2.5} {x - 5} {y - 6.5}")
        c.fill(c.area(ellipse(x, y, 0.9)), plain_cloth(BRASS), puff=1, lift=0.3)
        c.fill(c.stroke(lace, width=1.9), plain_cloth(RUBBER), puff=1.4, lift=0.8)


def _elastic(c: Canvas, cloth: Cloth) -> None:
    """Lay the stretch insert of a slip-on."""
    gore = path("M55 43 L66.5 46.5 L64 57 Q60 59 57 55")
    c.fill(c.area(gore), plain_cloth(mix(cloth.base, (0, 0, 0), 0.35)), puff=3, lift=0.3)
    for x in np.linspace(57, 65, 6):
        c.line(path(f"M{x} 46 L{x - 0.5} 56"), cloth.seam, width=0.4, strength=0.35)


def _sole(c: Canvas, cloth: Cloth) -> None:
    sole = path("M5 70 Q18 68.5 34 69.5 L94 68 Q95.5 70 94.5 77 Q94 79 90 79 L14 79 Q6 79 5 70")
    c.fill(c.area(sole), plain_cloth(RUBBER), puff=4, lift=0.8)
    c.line(path("M6 73 Q20 71.4 34 72.4 L94.6 71"), cloth.base, width=0.9, strength=0.9)
    tread = c.stroke(*dashes(path("M10 78.2 L92 78.2"), 1.2, 1.0), width=0.9)
    c.tint(tread, (0.45, 0.43, 0.4), 0.5)


def _post(c: Canvas, cloth: Cloth, width: float, seat: float) -> None:
    """Lay the heel itself, and the tip that it stands on."""
    left, right = 84 - width, 84 + width * 0.45
    post = path(
        f"M71 {seat + 1} Q79 {seat + 8} {left} 86 L{right} 86 "
        f"Q86 {seat + 10} 89.4 {seat - 3} L74 {seat + 1}"
    )
    c.fill(c.area(post), cloth, puff=4, gloss=0.25)
    c.fill(c.area(box(left - 0.3, 84.8, right + 0.3, 86.4)), plain_cloth((0.2, 0.18, 0.18)), puff=1)


def _ankle_strap(c: Canvas, cloth: Cloth, back: float) -> None:
    strap = path(
        f"M86 {back + 3} Q72 {back + 9} 60 {back + 2} "
        f"Q56 {back - 2} 62 {back - 4} Q76 {back - 5} 87 {back + 1}"
    )
    c.fill(c.stroke(strap, width=2.0), cloth, puff=1.6, gloss=0.25)
    c.ring(box(68.5, back + 4, 72, back + 8, 0.5), plain_cloth(BRASS), 0.7)


def _bow(c: Canvas, cloth: Cloth, x: float, y: float) -> None:
    for wing in (
        f"M{x} {y} Q{x - 3} {y - 7} {x - 9} {y - 4} Q{x - 9} {y + 3} {x} {y + 1}",
        f"M{x} {y} Q{x + 5} {y - 6} {x + 9} {y - 5} Q{x + 10} {y + 3} {x} {y + 1}",
    ):
        c.fill(c.area(path(wing)), cloth, puff=3, gloss=0.2, lift=0.8)
    c.fill(c.area(ellipse(x, y, 1.7, 2.2)), cloth, puff=2, gloss=0.2, lift=0.6)
