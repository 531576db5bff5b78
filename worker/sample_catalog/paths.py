"""Outlines: points in a square of 100 by 100 units, x to the right, y down."""

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Shape (n, 2): the corners of a closed outline, or the points along a line."""

CURVE_STEPS = np.linspace(0, 1, 17)[1:, None]
TOKEN = re.compile(r"[MLQC]|-?\d+(?:\.\d+)?(?:e-?\d+)?")
POINTS_OF = {"M": 1, "L": 1, "Q": 2, "C": 3}


def path(text: str) -> Points:
    """Read the absolute M, L, Q and C commands of an SVG path; curves become short lines."""
    points: list[NDArray[np.float64]] = []
    tokens = TOKEN.findall(text)
    command, at = "M", 0
    while at < len(tokens):
        if tokens[at] in POINTS_OF:
            command, at = tokens[at], at + 1
        width = 2 * POINTS_OF[command]
        given = np.array(tokens[at : at + width], float).reshape(-1, 2)
        at += width
        if len(given) == 1:
            points.append(given)
        else:
            points.append(_bezier(np.vstack([points[-1][-1:], given])))
    return np.vstack(points)


def _bezier(handles: Points) -> Points:
    """Sample a Bezier curve of any degree by de Casteljau's repeated mixing."""
    level = [np.repeat(row[None], len(CURVE_STEPS), axis=0) for row in handles]
    while len(level) > 1:
        level = [a + (b - a) * CURVE_STEPS for a, b in pairwise(level)]
    return level[0]


def mirror(points: Points) -> Points:
    """Return the outline reflected in the vertical middle of the square."""
    return np.column_stack([100 - points[:, 0], points[:, 1]])


def pair(points: Points) -> tuple[Points, Points]:
    """Return an outline on the right and its reflection on the left."""
    return points, mirror(points)


def symmetric(half: str | Points) -> Points:
    """Close a right half, given from its top to its bottom, with its reflection."""
    right = path(half) if isinstance(half, str) else half
    return np.vstack([right, mirror(right)[::-1]])


def scaled(outline: Points, share: float = 0.94) -> Points:
    """Return the outline `share` of its size, around the mean of its corners."""
    middle: Points = np.mean(outline, axis=0)
    return middle + (outline - middle) * share


def ellipse(x: float, y: float, width: float, height: float | None = None) -> Points:
    """Return the outline of an ellipse around (x, y) with these half axes."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.column_stack([x + width * np.cos(angle), y + (height or width) * np.sin(angle)])


def box(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Points:
    """Return a rectangle, its corners rounded by `corner` units."""
    c = corner
    return path(
        f"M{left + c} {top} L{right - c} {top} Q{right} {top} {right} {top + c} "
        f"L{right} {bottom - c} Q{right} {bottom} {right - c} {bottom} "
        f"L{left + c} {bottom} Q{left} {bottom} {left} {bottom - c} "
        f"L{left} {top + c} Q{left} {top} {left + c} {top}"
    )


def dashes(line: Points, length: float, gap: float) -> list[Points]:
    """Cut a line into stitches of `length` units with `gap` units between them."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0, max(along[-1] - length, 0) + 1e-9, length + gap)
    ends = np.stack([starts, starts + length], axis=1)
    x, y = (np.interp(ends, along, line[:, axis]) for axis in (0, 1))
    return list(np.stack([x, y], axis=2))
