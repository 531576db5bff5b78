"""Fields, which hold a number for each pixel of the picture, and operations on them."""

import numpy as np
from PIL import Image, ImageDraw

from worker.sample_catalog.paths import Points
from worker.sample_catalog.patterns import Field

SIZE = 224
FINER = 4  # Outlines are drawn this many times larger and averaged down: smooth edges.
PIXEL = 100 / SIZE  # Width of a pixel in units of the drawing.

Region = tuple[slice, slice]


def drawn(shapes: list[Points], pen: int = 0) -> Field:
    """Draw outlines, or lines with a pen of that width, and return how they cover each pixel.

    The points and the pen are in pixels FINER times smaller than the picture's: the shapes are
    drawn that large, in an image no larger than they need, and averaged down.
    """
    corners = np.vstack(shapes) / FINER
    low = np.clip(np.floor(corners.min(0) - pen / FINER), 0, SIZE).astype(int)
    high = np.clip(np.ceil(corners.max(0) + pen / FINER) + 1, low + 1, SIZE + 1).astype(int)
    width, height = ((high - low) * FINER).tolist()
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        spots = [(x, y) for x, y in (shape - low * FINER).tolist()]
        if pen:
            draw.line(spots, fill=255, width=pen, joint="curve")
        else:
            draw.polygon(spots, fill=255)
    mask = np.zeros((SIZE + 1, SIZE + 1), np.float32)
    mask[low[1] : high[1], low[0] : high[0]] = np.asarray(image.reduce(FINER), np.float32) / 255
    return mask[:SIZE, :SIZE]


def region(mask: Field, margin: int = 0) -> Region:
    """Return the smallest rectangle around what `mask` covers, grown by `margin` pixels."""
    sides = []
    for axis in (1, 0):
        covered = np.flatnonzero(mask.any(axis))
        first, last = (covered[0], covered[-1]) if len(covered) else (0, 1)
        # At least three pixels, since a slope is taken over them.
        low = max(min(int(first) - margin, SIZE - 3), 0)
        sides.append(slice(low, max(int(last) + 1 + margin, low + 3)))
    return sides[0], sides[1]


def blurred(field: Field, radius: float) -> Field:
    """Blur by a Gaussian of this standard deviation in pixels; the field is empty around itself.

    Three running means come close enough to it, and unlike a matrix product they are fast on a
    single core and give the same bits everywhere.
    """
    half = max(round(radius - 0.5), 1)  # Three means of this width have a deviation of `radius`.
    for _ in range(2):
        for _ in range(3):
            field = _running_mean(field, half)
        field = np.ascontiguousarray(field.T)
    return field


def sharpened(light: Field) -> Field:
    """Return the 16th power: a highlight."""
    for _ in range(4):
        light = np.square(light)
    return light


def _running_mean(field: Field, half: int) -> Field:
    """Average each column over 2 * `half` + 1 neighbours.

    The sum over a window is put together from sums over 1, 2, 4, ... rows, each got from the one
    before by a single addition: several times faster than a cumulative sum.
    """
    rows, width = len(field), 2 * half + 1
    sums = np.zeros((rows + 2 * half, field.shape[1]), np.float32)
    sums[half : half + rows] = field
    total, start, size = np.zeros_like(field), 0, 1
    while start < width:
        if width & size:
            total += sums[start : start + rows]
            start += size
        sums = sums[:-size] + sums[size:]
        size *= 2
    return total / np.float32(width)
