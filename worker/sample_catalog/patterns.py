"""Patterns: how much of the ink and of the accent colour lies at each point of a cloth.

Each takes the coordinates of the points in units of the drawing (arrays of one shape) and the
width of a pixel in those units, and returns two coverages from 0 to 1 of the same shape: ink and
accent. Shapes are signed distances (negative inside), which give smooth edges at any size.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Pattern = Callable[[Field, Field, float], tuple[Field, Field]]


def _inside(distance: NDArray[np.floating], pixel: float) -> Field:
    return np.asarray(np.clip(0.5 - distance / pixel, 0, 1), np.float32)


def _bands(across: Field, period: float, share: float, pixel: float) -> Field:
    """Cover `share` of every `period`, band by band."""
    return _inside((np.abs((across / period) % 1 - 0.5) - share / 2) * period, pixel)


def plain(u: Field, v: Field, _pixel: float) -> tuple[Field, Field]:
    """One colour all over."""
    return np.zeros_like(u), np.zeros_like(v)


def striped(
    u: Field, v: Field, pixel: float, *, period: float, angle: float
) -> tuple[Field, Field]:
    """Even stripes, turned by `angle` degrees from lying flat."""
    turn = np.radians(angle)
    across = u * np.float32(np.sin(turn)) + v * np.float32(np.cos(turn))
    return _bands(across, period, 0.42, pixel), np.zeros_like(u)


def checked(u: Field, v: Field, pixel: float, *, period: float) -> tuple[Field, Field]:
    """A woven check: pale bands both ways, bright where they cross, thin lines between them."""
    down, across = (_bands(way, period, 0.38, pixel) for way in (u, v))
    thread = sum(_bands(way + period / 2, period, 0.07, pixel) for way in (u, v)) / 2
    weave = 0.36 * (down + across) + 0.16 * down * across
    return np.asarray(weave, np.float32), np.asarray(thread, np.float32)


def dotted(u: Field, v: Field, pixel: float, *, period: float) -> tuple[Field, Field]:
    """Polka dots in staggered rows."""
    x, y, _ = _cells(u, v, period)
    return _inside(np.hypot(x, y) - 0.25 * period, pixel), np.zeros_like(u)


def blocked(_u: Field, v: Field, pixel: float) -> tuple[Field, Field]:
    """Two blocks of colour, the second below v = 0, with a thin line where they meet."""
    return _inside(-v, pixel), _inside(np.abs(v + 0.9) - 0.55, pixel)


def printed(u: Field, v: Field, pixel: float, *, period: float, motif: str) -> tuple[Field, Field]:
    """Motifs strewn in staggered rows, each turned its own way: "floral", "leaf" or "star"."""
    x, y, chance = _cells(u, v, period)
    radius = 0.40 * period
    turn = 2 * np.pi * chance
    away = np.hypot(x - 0.08 * period * np.cos(turn), y - 0.08 * period * np.sin(turn)) / radius
    around = np.arctan2(y, x) + 3 * turn
    shape, touch = MOTIFS[motif](away, around)
    # A sprig of the accent colour where four motifs leave a gap.
    x, y, chance = _cells(u + period / 2, v + period * 0.08, period)
    lean = 2 * np.pi * chance
    along, side = x * np.cos(lean) + y * np.sin(lean), y * np.cos(lean) - x * np.sin(lean)
    sprig = np.hypot(along / 0.10, side / 0.055) / period - 1
    accent = np.maximum(_inside(touch, pixel / radius), _inside(sprig, pixel / (0.07 * period)))
    return _inside(shape, pixel / radius), np.asarray(accent, np.float32)


def _cells(u: Field, v: Field, period: float) -> tuple[Field, Field, Field]:
    """Return each point's place from the middle of its staggered cell, and the cell's chance."""
    row = np.floor(v / period)
    across = u / period + 0.5 * (row % 2)
    column = np.floor(across)
    chance = np.sin(row * 127.1 + column * 311.7) * 43758.547
    x, y = (across - column - 0.5) * period, (v / period - row - 0.5) * period
    return x, y, np.asarray(chance - np.floor(chance), np.float32)


def _floral(away: Field, around: Field) -> tuple[Field, Field]:
    """Five round petals around an eye."""
    return away - (0.55 + 0.45 * np.sqrt(np.abs(np.cos(2.5 * around)))), away - 0.27


def _leaf(away: Field, around: Field) -> tuple[Field, Field]:
    """A frond: leaflets on both sides of a stalk."""
    along, side = away * np.cos(around), np.abs(away * np.sin(around))
    teeth = 0.10 * np.sin(16 * (along - 0.7 * side))
    blade = side - 0.52 * np.clip(1 - along**2, 0, None) - teeth
    return np.maximum(blade, np.abs(along) - 1.0), np.maximum(side - 0.05, np.abs(along) - 0.95)


def _star(away: Field, around: Field) -> tuple[Field, Field]:
    """Five points: within a fifth of a turn, one straight edge and its reflection."""
    fifth = 2 * np.pi / 5
    from_point = np.abs((around / fifth) % 1 - 0.5) * fifth  # 0 at a point, a tenth in a notch.
    x, y = away * np.cos(from_point), away * np.sin(from_point)
    return 0.383 * x + 0.923 * y - 0.383, away + 9


MOTIFS: dict[str, Callable[[Field, Field], tuple[Field, Field]]] = {
    "floral": _floral,
    "leaf": _leaf,
    "star": _star,
}


def make_pattern(name: str, *, scale: float = 1.0, angle: float = 0.0) -> Pattern:
    """Return the pattern called `name`; `scale` sizes its repeat, `angle` turns its stripes."""
    if name in MOTIFS:
        return partial(printed, period=13 * scale, motif=name)
    if name == "striped":
        return partial(striped, period=8 * scale, angle=angle)
    if name == "checked":
        return partial(checked, period=9.5 * scale)
    if name == "dotted":
        return partial(dotted, period=8 * scale)
    return {"plain": plain, "two-tone": blocked}[name]
