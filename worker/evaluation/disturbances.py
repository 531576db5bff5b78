"""What a phone's photo has that a studio's hasn't, as disturbances of three strengths.

Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (2019), measure networks in the same manner.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from worker.evaluation.backgrounds import cut_out, draw_background

GAMMA = 2.2
"""Of sRGB, approximately: a photo with twice the light has values 2 ** (1 / 2.2) times as high."""

UNDISTURBED = "undisturbed"
TOGETHER = "together"


class Strength(StrEnum):
    """How strong a disturbance is."""

    MILD = "mild"
    MEDIUM = "medium"
    STRONG = "strong"


class View(NamedTuple):
    """A photo, and where its product is."""

    photo: Image.Image
    """RGB."""
    mask: Image.Image | None
    """255 where the product is, mode L; None if it can't be cut out."""


@dataclass(frozen=True)
class Disturbance:
    """A change of a photo, of which a number says how strong it is."""

    name: str
    limits: tuple[float, float, float]
    """The number of each strength; see the function."""
    disturb: Callable[[View, float, np.random.Generator], View]


def view_of(photo: Image.Image) -> View:
    """Return a view of an RGB photo, with its product cut out if the background is near-white."""
    return View(photo, cut_out(photo))


def disturbed(
    view: View, chosen: Sequence[Disturbance], strength: Strength, random: np.random.Generator
) -> Image.Image:
    """Apply disturbances to a photo, one after another.

    Args:
        view: the photo.
        chosen: the disturbances.
        strength: how strong all of them are.
        random: the random generator.

    Returns:
        An RGB image, smaller if it was cropped.
    """
    for each in chosen:
        view = each.disturb(view, each.limits[list(Strength).index(strength)], random)
    return view.photo


def _rotate(view: View, degrees: float, random: np.random.Generator) -> View:
    """Rotate by at most so many degrees, either way, and at least by half of them."""
    angle = _either_way(degrees, random)
    return _moved(
        view, lambda image, fill: image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=fill)
    )


def _perspective(view: View, share: float, random: np.random.Generator) -> View:
    """Move each corner by up to a share of the edges, as a tilted camera does."""
    width, height = view.photo.size
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    source = target + random.uniform(-share, share, size=(4, 2)) * (width, height)
    coefficients = _perspective_between(target, source)
    return _moved(
        view,
        lambda image, fill: image.transform(
            image.size,
            Image.Transform.PERSPECTIVE,
            coefficients,
            Image.Resampling.BICUBIC,
            fillcolor=fill,
        ),
    )


def _perspective_between(
    target: NDArray[np.float64], source: NDArray[np.float64]
) -> tuple[float, ...]:
    """Return Pillow's eight coefficients of the map from four target points to the source's."""
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)).tolist())


def _background(view: View, share: float, random: np.random.Generator) -> View:
    """Place the product on another background, of which a share of white is left: 1 leaves none."""
    if view.mask is None:
        return view
    drawn = draw_background(view.photo.size, random)
    drawn = Image.blend(Image.new("RGB", drawn.size, "white"), drawn, share)
    return View(Image.composite(view.photo, drawn, view.mask), view.mask)


def _crop(view: View, share: float, random: np.random.Generator) -> View:
    """Cut away at most a share of the area, and at least half of that, anywhere."""
    width, height = view.photo.size
    kept = np.sqrt(1 - random.uniform(share / 2, share))
    wide, high = max(1, round(width * kept)), max(1, round(height * kept))
    left, top = random.integers(0, width - wide + 1), random.integers(0, height - high + 1)
    box = (int(left), int(top), int(left) + wide, int(top) + high)
    return View(view.photo.crop(box), view.mask and view.mask.crop(box))


def _exposure(view: View, stops: float, random: np.random.Generator) -> View:
    """Over- or underexpose by at most so many stops, and at least by half of them."""
    return _coloured(view, _pixels(view) * 2 ** (_either_way(stops, random) / GAMMA))


def _colour_cast(view: View, share: float, random: np.random.Generator) -> View:
    """Shift the colours to the warm or the cold ones, and a little to green or to magenta."""
    warm, green = _either_way(share, random), random.uniform(-share, share) / 2
    return _coloured(view, _pixels(view) * (1 + warm, 1 + green, 1 - warm))


def _low_light(view: View, stops: float, random: np.random.Generator) -> View:
    """Darken by so many stops, with the noise of a small sensor: 5 of 255 for each stop."""
    dark = _pixels(view) * 2 ** (-stops / GAMMA)
    return _coloured(view, dark + random.normal(0, 5 * stops, size=dark.shape))


def _blur(view: View, share: float, _random: np.random.Generator) -> View:
    """Blur with a Gaussian whose deviation is a share of the longer edge."""
    radius = share * max(view.photo.size)
    return View(view.photo.filter(ImageFilter.GaussianBlur(radius)), view.mask)


def _jpeg(view: View, quality: float, _random: np.random.Generator) -> View:
    """Compress as JPEG."""
    buffer = io.BytesIO()
    view.photo.save(buffer, "JPEG", quality=int(quality))
    return View(Image.open(buffer).convert("RGB"), view.mask)


def _moved(view: View, move: Callable[[Image.Image, int | str], Image.Image]) -> View:
    """Move the product and its mask alike; white comes in from outside."""
    return View(move(view.photo, "white"), view.mask and move(view.mask, 0))


def _either_way(limit: float, random: np.random.Generator) -> float:
    """Return a number between half of the limit and the limit, of either sign."""
    return float(random.choice((-1, 1)) * random.uniform(limit / 2, limit))


def _pixels(view: View) -> NDArray[np.float64]:
    return np.asarray(view.photo, dtype=np.float64)


def _coloured(view: View, pixels: NDArray[np.float64]) -> View:
    return View(Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8)), view.mask)


ROTATION = Disturbance("rotation", (5, 10, 15), _rotate)
PERSPECTIVE = Disturbance("perspective", (0.05, 0.1, 0.15), _perspective)
BACKGROUND = Disturbance("background", (1 / 3, 2 / 3, 1), _background)
CROP = Disturbance("crop", (0.1, 0.25, 0.4), _crop)
EXPOSURE = Disturbance("exposure", (0.4, 0.8, 1.2), _exposure)
COLOUR_CAST = Disturbance("colour_cast", (0.05, 0.1, 0.2), _colour_cast)
LOW_LIGHT = Disturbance("low_light", (1, 2, 3), _low_light)
BLUR = Disturbance("blur", (0.005, 0.01, 0.015), _blur)
JPEG = Disturbance("jpeg", (70, 50, 30), _jpeg)

DISTURBANCES = {
    each.name: (each,)
    for each in (
        BACKGROUND, ROTATION, PERSPECTIVE, CROP, EXPOSURE, COLOUR_CAST, LOW_LIGHT, BLUR, JPEG
    )
} | {
    # In the order in which they happen: the product moves before what is behind it.
    TOGETHER: (ROTATION, PERSPECTIVE, BACKGROUND, CROP, EXPOSURE, COLOUR_CAST, BLUR, JPEG)
}  # fmt: skip
"""What to apply, by name: each disturbance alone, and most of them together."""
