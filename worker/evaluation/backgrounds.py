"""Cutting a product out of a photo on near-white, and drawing backgrounds to place it on."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

NEAR_WHITE = 238
"""The least value of all channels of a near-white pixel; JPEG leaves none of them at 255."""

PLAIN_BORDER = 0.7
"""Share of the border that is near-white in a photo whose product can be cut out."""

HALO_FROM = 150
"""Longer edge, in pixels, from which a seam of nearly white pixels around the product is cut off;
in a smaller photo it would be part of the product."""

Array = NDArray[np.float64]


def cut_out(photo: Image.Image) -> Image.Image | None:
    """Return the mask of a photo's product: what a flood fill of near-white doesn't reach.

    Args:
        photo: RGB.

    Returns:
        An image of mode L and the photo's size, 255 where the product is; None if the background
        isn't near-white, or nothing stands before it.
    """
    white = np.asarray(photo).min(axis=2) >= NEAR_WHITE
    border = np.concatenate([white[0], white[-1], white[1:-1, 0], white[1:-1, -1]])
    if border.mean() < PLAIN_BORDER:
        return None
    product = ~_reached_from_border(white)
    if not product.any():
        return None
    mask = Image.fromarray(product.astype(np.uint8) * 255)
    if max(photo.size) >= HALO_FROM:
        mask = mask.filter(ImageFilter.MinFilter(3))
    return mask.filter(ImageFilter.GaussianBlur(0.6))  # soft edges, like those of a lens


def _reached_from_border(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which free cells are connected with the border, along rows and columns."""
    reached = free.copy()
    reached[1:-1, 1:-1] = False
    while True:
        before = reached.sum()
        reached = _spread(free, reached)
        reached = _spread(free.T, reached.T).T
        if reached.sum() == before:
            return reached


def _spread(free: NDArray[np.bool_], reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Reach every run of free cells in a row of which a cell is reached."""
    starts = free.copy()
    starts[:, 1:] &= ~free[:, :-1]
    # Runs are numbered from 1 through all rows; a cell that isn't free counts to none.
    runs = np.where(free, starts.cumsum().reshape(free.shape), 0)
    found = np.zeros(runs.max(initial=0) + 1, dtype=bool)
    found[runs[reached]] = True
    found[0] = False
    spread: NDArray[np.bool_] = found[runs]
    return spread


def draw_background(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """Draw a gradient, a mottled texture, a checked cloth or a room, in random colours.

    Args:
        size: width and height, in pixels.
        random: the random generator.

    Returns:
        An RGB image.
    """
    draw = (_gradient, _texture, _checks, _room)[random.integers(4)]
    pixels = draw(size[0], size[1], random)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _gradient(width: int, height: int, random: np.random.Generator) -> Array:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    return _between(along + 0.5, random)


def _texture(width: int, height: int, random: np.random.Generator) -> Array:
    """Sum noise of several scales, as stone, carpet and foliage have it."""
    total = np.zeros((height, width))
    for octave in range(1, 7):
        cells = random.uniform(-1, 1, size=(2**octave, 2**octave)).astype(np.float32)
        whole = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(whole) / 1.5**octave
    return _between(0.5 + total / 2, random)


def _checks(width: int, height: int, random: np.random.Generator) -> Array:
    edge = max(2, int(max(width, height) / random.uniform(4, 16)))
    y, x = np.mgrid[:height, :width] // edge
    return _between(((x + y) % 2).astype(float), random)


def _room(width: int, height: int, random: np.random.Generator) -> Array:
    """A wall lit from one side, a floor of boards, and something flat on the wall."""
    pixels = _gradient(width, height, random) * 0.5 + _colour(random) * 0.5
    x, y = (random.uniform(0, 0.7, 2) * (width, height)).astype(int)
    wide, high = (random.uniform(0.15, 0.5, 2) * (width, height)).astype(int)
    pixels[y : y + high, x : x + wide] = _colour(random)
    floor = int(height * random.uniform(0.55, 0.85))
    boards = (np.arange(width) // max(2, width // 8)) % 2
    pixels[floor:] = _colour(random) * (0.85 + 0.15 * boards[None, :, None])
    return pixels


def _between(share: Array, random: np.random.Generator) -> Array:
    """Mix two random colours, shape `(H, W, 3)`."""
    share = share.clip(0, 1)[:, :, None]
    return (1 - share) * _colour(random) + share * _colour(random)


def _colour(random: np.random.Generator) -> Array:
    return random.uniform(20, 235, size=3)
