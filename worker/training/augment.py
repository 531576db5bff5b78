"""Augmentation: random variants of a photo with the same product and the same colours.

Keras's augmentation layers don't save their random state with the weights, so a resumed run would
continue with other variants. Here the caller passes a generator, seeded for each batch.
"""

import numpy as np
from PIL import Image

from worker.training.pixels import Pixels

ZOOM = (0.85, 1.2)
STRETCH = 0.1
"""Largest change of the proportions, as the logarithm of width over height."""
SHIFT = 0.06
"""Largest shift, as a share of the edge."""
TILT = 0.1
"""Largest rotation, in radians."""
ERASE_CHANCE = 0.5
ERASE_EDGE = (0.1, 0.35)
"""Edges of the erased rectangle, as a share of the photo's."""


def augment(photo: Pixels, random: np.random.Generator, strength: float = 1.0) -> Pixels:
    """Mirror, zoom, stretch, tilt and shift a photo a little, and erase a part of it.

    The borders are filled with white, the usual background. Hue, saturation and brightness don't
    change, since the network has to learn them. Erasing follows Zhong et al., "Random Erasing Data
    Augmentation" (2020).

    Args:
        photo: RGB, uint8, shape `(S, S, 3)`.
        random: the random generator.
        strength: from 0 (mirror only) to 1.

    Returns:
        A new photo of the same shape and type.
    """
    edge = photo.shape[0]
    image = Image.fromarray(photo).transform(
        (edge, edge),
        Image.Transform.AFFINE,
        _affine(edge, random, strength),
        Image.Resampling.BILINEAR,
        fillcolor="white",
    )
    pixels = np.array(image)
    if random.random() < ERASE_CHANCE * strength:
        height, width = (random.uniform(*ERASE_EDGE, size=2) * edge).astype(int)
        top, left = random.integers(0, edge - height), random.integers(0, edge - width)
        shade = 255 if random.random() < 0.5 else random.integers(0, 256, size=3)
        pixels[top : top + height, left : left + width] = shade
    return pixels


def _affine(edge: int, random: np.random.Generator, strength: float) -> tuple[float, ...]:
    """Return six random coefficients that map a target pixel to its source, about the centre."""
    zoom = random.uniform(*ZOOM) ** strength
    stretch = np.exp(random.uniform(-STRETCH, STRETCH) * strength / 2)
    mirror = random.choice((-1, 1))
    tilt = random.uniform(-TILT, TILT) * strength
    a = mirror * np.cos(tilt) / (zoom * stretch)
    b = -np.sin(tilt) / (zoom / stretch)
    d = mirror * np.sin(tilt) / (zoom * stretch)
    e = np.cos(tilt) / (zoom / stretch)
    centre = edge / 2
    x, y = centre + random.uniform(-SHIFT, SHIFT, size=2) * edge * strength
    return (a, b, x - (a + b) * centre, d, e, y - (d + e) * centre)
