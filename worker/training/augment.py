"""Augmentation: random variants of photos with the same product and the same colours.

Whole batches are varied at once: one call of TensorFlow warps and resizes them, and NumPy draws
the random numbers from a generator that the caller seeds for each batch, so that a resumed run
continues with the same variants. Keras's layers don't save their random state with the weights.
"""

import io

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from worker.training.pixels import Pixels

Floats = NDArray[np.float32]

ZOOM = (0.85, 1.2)
STRETCH = 0.15
"""Largest change of the proportions, as the logarithm of width over height."""
SHIFT = 0.06
"""Largest shift, as a share of the edge."""
TILT = 0.1
"""Largest rotation, in radians."""
ERASE_CHANCE = 0.4
ERASE_EDGE = (0.1, 0.35)
"""Edges of the erased rectangle, as a share of the photo's."""

UPLOAD_ZOOM = (0.65, 1.3)
"""From a product that is small in the photo to one of which 60 % of the area is left."""
UPLOAD_TILT = 0.26
UPLOAD_PERSPECTIVE = 0.25
"""Largest difference in scale between the centre and an edge."""
UPLOAD_EXPOSURE = (-1.1, 0.55)
"""Change of the brightness, as a logarithm: from a dark room to a flash."""
UPLOAD_CAST = 0.1
"""Largest change of one colour channel, as a logarithm."""
UPLOAD_OPACITY = (0.3, 1.0)
"""How much of the backdrop's own colour another background covers."""
UPLOAD_NOISE = 6.0
"""Largest deviation of the noise, of 255."""
JPEG_QUALITY = (25, 60)
BACKDROP_TOLERANCE = 14
"""Largest difference from the colour of the photo's edge at which a pixel is still backdrop."""


def variants(
    photos: Pixels, random: np.random.Generator, *, size: int, variation: float, uploads: float
) -> Floats:
    """Return a variant of each photo, and then of the first ones another as it would be uploaded.

    Args:
        photos: RGB, uint8, shape `(N, S, S, 3)`.
        random: the random generator.
        size: the edge of the result, in pixels.
        variation: the strength of `vary`.
        uploads: share of the photos that are shown again.

    Returns:
        RGB from 0 to 255, float32, shape `(N + uploads × N, size, size, 3)`.
    """
    varied = vary(photos, size, random, variation)
    again = photos[: round(uploads * len(photos))]
    return np.concatenate([varied, as_uploaded(again, size, random)]) if len(again) else varied


def vary(photos: Pixels, size: int, random: np.random.Generator, strength: float = 1.0) -> Floats:
    """Mirror, zoom, stretch, tilt and shift photos a little, and erase a part of some.

    The borders are filled with white, the usual background. Hue, saturation and brightness don't
    change, since the network has to learn them. Erasing follows Zhong et al., "Random Erasing Data
    Augmentation" (2020).

    Args:
        photos: RGB, uint8, shape `(N, S, S, 3)`.
        size: the edge of the result, in pixels.
        random: the random generator.
        strength: from 0 (mirror only) to 1.

    Returns:
        RGB from 0 to 255, float32, shape `(N, size, size, 3)`.
    """
    count = len(photos)
    maps = _maps(
        zoom=random.uniform(*ZOOM, count) ** strength,
        stretch=random.uniform(-STRETCH, STRETCH, count) * strength,
        tilt=random.uniform(-TILT, TILT, count) * strength,
        shift=random.uniform(-SHIFT, SHIFT, (2, count)) * strength,
        mirror=random.choice((-1, 1), count),
    )
    varied = warp(photos, size, maps)
    for row in np.flatnonzero(random.random(count) < ERASE_CHANCE * strength):
        height, width = (random.uniform(*ERASE_EDGE, size=2) * size).astype(int)
        top, left = random.integers(0, size - height), random.integers(0, size - width)
        shade = 255 if random.random() < 0.5 else random.integers(0, 256, size=3)
        varied[row, top : top + height, left : left + width] = shade
    return varied


def as_uploaded(photos: Pixels, size: int, random: np.random.Generator) -> Floats:
    """Make photos look like a person's own: another background, tilt, perspective, crop, light.

    Pixels that a straight line through pixels of the edge's colour joins to the edge are taken for
    backdrop, and replaced by a drawn scene or a piece of another of the photos.

    Args:
        photos: RGB, uint8, shape `(N, S, S, 3)`.
        size: the edge of the result, in pixels.
        random: the random generator.

    Returns:
        RGB from 0 to 255, float32, shape `(N, size, size, 3)`.
    """
    count = len(photos)
    zoom = random.uniform(*UPLOAD_ZOOM, count)
    reach = np.abs(1 - 1 / zoom) / 2 + 0.03
    maps = _maps(
        zoom=zoom,
        stretch=random.uniform(-STRETCH, STRETCH, count),
        tilt=random.uniform(-UPLOAD_TILT, UPLOAD_TILT, count),
        shift=random.uniform(-1, 1, (2, count)) * reach,
        mirror=random.choice((-1, 1), count),
        perspective=random.uniform(-UPLOAD_PERSPECTIVE, UPLOAD_PERSPECTIVE, (2, count)),
    )
    layers = np.concatenate([photos, backdrop(photos)[..., None]], axis=3)
    warped = warp(layers, size, maps)
    kept = random.random(count) < 0.25
    opacity = np.where(kept, 0, random.uniform(*UPLOAD_OPACITY, count)) / 255
    clear: Floats = warped[..., 3:] * opacity.astype(np.float32)[:, None, None, None]
    picture = warped[..., :3] * (1 - clear) + _scenes(photos, size, random) * clear
    light = np.exp(
        random.uniform(*UPLOAD_EXPOSURE, (count, 1))
        + random.uniform(-UPLOAD_CAST, UPLOAD_CAST, (count, 3))
    )
    picture *= light[:, None, None].astype(np.float32)
    blurred = random.random(count) < 0.3
    if blurred.any():
        picture[blurred] = tf.nn.avg_pool2d(picture[blurred], 3, 1, "SAME").numpy()
    deviation = random.uniform(0, UPLOAD_NOISE, (count, 1, 1, 1)).astype(np.float32)
    picture += deviation * random.standard_normal(picture.shape, dtype=np.float32)
    picture = np.clip(picture, 0, 255).astype(np.float32)
    for row in np.flatnonzero(random.random(count) < 0.3):
        picture[row] = _compressed(picture[row], int(random.integers(*JPEG_QUALITY)))
    return picture


def warp(photos: Pixels, size: int, maps: Floats) -> Floats:
    """Warp and resize photos of C channels bilinearly; what lies outside becomes 255.

    Args:
        photos: uint8, shape `(N, S, S, C)`.
        size: the edge of the result, in pixels.
        maps: for each photo, the projective map of a point of the result to a point of the photo,
            both from -0.5 to 0.5; shape `(N, 3, 3)`.

    Returns:
        float32, shape `(N, size, size, C)`.
    """
    edge = photos.shape[1]
    to_pixels = np.array([[edge, 0, edge / 2 - 0.5], [0, edge, edge / 2 - 0.5], [0, 0, 1]])
    from_pixels = np.array(
        [[1 / size, 0, 0.5 / size - 0.5], [0, 1 / size, 0.5 / size - 0.5], [0, 0, 1]]
    )
    whole = to_pixels @ maps @ from_pixels
    whole /= whole[:, 2:, 2:]
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=photos,
        transforms=whole.reshape(-1, 9)[:, :8].astype(np.float32),
        output_shape=(size, size),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=255.0,
    )
    values: Floats = warped.numpy().astype(np.float32)
    return values


def backdrop(photos: Pixels) -> Pixels:
    """Return 255 where a photo shows its backdrop and 0 elsewhere, uint8, shape `(N, S, S)`."""
    edges = [photos[:, 0], photos[:, -1], photos[:, :, 0], photos[:, :, -1]]
    colour = np.median(np.concatenate(edges, axis=1), axis=1).astype(np.int16)
    near = (np.abs(photos - colour[:, None, None]) <= BACKDROP_TOLERANCE).all(axis=3)
    seen = np.zeros_like(near)
    for axis in (1, 2):
        seen |= np.minimum.accumulate(near, axis)
        seen |= np.flip(np.minimum.accumulate(np.flip(near, axis), axis), axis)
    marked: Pixels = seen.astype(np.uint8) * 255
    return marked


def _maps(
    *,
    zoom: NDArray[np.float64],
    stretch: NDArray[np.float64],
    tilt: NDArray[np.float64],
    shift: NDArray[np.float64],
    mirror: NDArray[np.int64],
    perspective: NDArray[np.float64] | None = None,
) -> Floats:
    """Return the maps that `warp` takes, from `(N,)` or `(2, N)` figures."""
    maps = np.zeros((len(zoom), 3, 3))
    across, down = 1 / (zoom * np.exp(stretch / 2)), 1 / (zoom * np.exp(-stretch / 2))
    maps[:, 0, 0] = mirror * np.cos(tilt) * across
    maps[:, 0, 1] = -np.sin(tilt) * down
    maps[:, 1, 0] = mirror * np.sin(tilt) * across
    maps[:, 1, 1] = np.cos(tilt) * down
    maps[:, 0, 2], maps[:, 1, 2] = shift
    if perspective is not None:
        maps[:, 2, 0], maps[:, 2, 1] = perspective
    maps[:, 2, 2] = 1
    return maps.astype(np.float32)


def _scenes(photos: Pixels, size: int, random: np.random.Generator) -> Floats:
    """Draw a background for each photo: blotches, fine texture, or a piece of another photo."""
    count = len(photos)
    scenes = np.empty((count, size, size, 3), dtype=np.float32)
    kind = random.integers(0, 4, count)
    for grid, chosen in ((2, kind == 0), (5, kind == 1), (24, kind == 2)):
        middle = random.uniform(0, 255, (chosen.sum(), 1, 1, 3))
        blotches = middle + random.normal(0, 45, (chosen.sum(), grid, grid, 3))
        scenes[chosen] = tf.image.resize(blotches.astype(np.float32), (size, size)).numpy()
    others = np.flatnonzero(kind == 3)
    if len(others):
        pieces = _maps(
            zoom=random.uniform(1.5, 4, len(others)),
            stretch=random.uniform(-0.5, 0.5, len(others)),
            tilt=random.uniform(-3.2, 3.2, len(others)),
            shift=random.uniform(-0.2, 0.2, (2, len(others))),
            mirror=np.ones(len(others), dtype=np.int64),
        )
        scenes[others] = warp(photos[(others + 1) % count], size, pieces)
    return np.clip(scenes, 0, 255)


def _compressed(picture: Floats, quality: int) -> Floats:
    buffer = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), dtype=np.float32)
