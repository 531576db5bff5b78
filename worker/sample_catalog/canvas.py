"""The canvas: cut-out shapes laid on white, each rounded, lit and casting a soft shadow."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from worker.sample_catalog.cloth import Cloth
from worker.sample_catalog.colours import Colour
from worker.sample_catalog.fields import (
    FINER,
    PIXEL,
    SIZE,
    Region,
    blurred,
    drawn,
    region,
    sharpened,
)
from worker.sample_catalog.paths import Points, dashes
from worker.sample_catalog.patterns import Field

TOWARDS_LIGHT = (-0.42, -0.58, 0.70)


@dataclass(frozen=True)
class Pose:
    """How a product lies: size (1 is as drawn), units off the middle, tilt in degrees, mirrored."""

    size: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    tilt: float = 0.0
    flipped: bool = False


class Canvas:
    """Draw from back to front; coordinates are units of a 100 by 100 square."""

    def __init__(self, pose: Pose, rng: np.random.Generator) -> None:
        turn = np.radians(pose.tilt)
        cos, sin = np.cos(turn), np.sin(turn)
        self._matrix = pose.size * np.array([[cos, -sin], [sin, cos]])
        if pose.flipped:
            self._matrix = self._matrix @ np.diag([-1.0, 1.0])
        self._shift = pose.shift
        middles = (np.indices((SIZE, SIZE))[::-1].reshape(2, -1).T + 0.5) * PIXEL
        spots = (middles - 50) @ np.linalg.inv(self._matrix).T + 50
        self._u, self._v = spots.T.reshape(2, SIZE, SIZE).astype(np.float32)
        self._rgb = np.ones((SIZE, SIZE, 3), np.float32)
        self._opaque = np.zeros((SIZE, SIZE), np.float32)
        self._folds = np.zeros((SIZE, SIZE), np.float32)
        self._grain = rng.normal(0, 0.012, (SIZE, SIZE)).astype(np.float32)
        self._rng = rng

    def area(self, *outlines: Points) -> Field:
        """Return how far each pixel lies inside the outlines, 0 to 1."""
        fine = [self._fine(outline) for outline in outlines]
        return drawn(fine)

    def stroke(self, *lines: Points, width: float) -> Field:
        """Return how far each pixel lies under a pen of `width` units, 0 to 1."""
        fine = [self._fine(line) for line in lines]
        return drawn(fine, pen=max(round(width / PIXEL * FINER), 1))

    def crease(self, line: Points, width: float, depth: float) -> None:
        """Press a soft fold into what is laid next; a negative depth raises a ridge."""
        soft = blurred(self.stroke(line, width=width), width / PIXEL / 2)
        self._folds -= np.float32(depth) * soft

    def ripple(self, columns: int, rows: int, height: float) -> None:
        """Crumple what is laid next by random bumps, so many across and down."""
        coarse = self._rng.normal(0, height, (rows, columns)).astype(np.float32)
        image = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        self._folds += np.asarray(image)

    def smooth(self) -> None:
        """Forget the folds."""
        self._folds[:] = 0

    def fill(
        self,
        mask: Field,
        cloth: Cloth,
        *,
        puff: float = 5.0,
        gloss: float = 0.0,
        lift: float = 1.2,
        turn: float = 0.0,
        split: float = 50.0,
    ) -> None:
        """Lay a piece of cloth.

        `puff` is how far in from its edge it is rounded, `lift` how far its shadow reaches (both
        in units), `gloss` its shine (0 to 1), `turn` how its pattern is turned (degrees), `split`
        the height at which a two-tone cloth changes colour.
        """
        self._shade_below(mask, lift)
        part = region(mask)
        mask = mask[part]
        soft = blurred(mask, puff / PIXEL / 2)
        dome = soft / max(float(soft.max()), 1e-6)
        down, right = np.gradient(0.75 * puff * dome * (2 - dome) + self._folds[part])
        x, y, z = TOWARDS_LIGHT
        light = (z - x * right - y * down) / np.sqrt(1 + down**2 + right**2)
        shade = 1 + 0.6 * (light / z - 1) + self._grain[part] - 0.12 * (1 - dome)
        # The pattern follows the slopes, as it does on cloth that bulges.
        u, v = self._u[part] - 50 + 0.8 * right, self._v[part] - split + 0.8 * down
        lit = cloth.colours(*_turned(u, v, turn), PIXEL) * np.clip(shade, 0.3, 1.25)[..., None]
        if gloss:
            lit += (gloss * sharpened(np.clip(light, 0, 1)))[..., None]
        self._blend(mask, np.clip(lit, 0, 1), part)

    def ring(self, outline: Points, cloth: Cloth, width: float = 0.9) -> None:
        """Lay a thin shiny frame along a closed outline: a buckle, a clasp, a ring."""
        closed = np.vstack([outline, outline[:2]])
        self.fill(self.stroke(closed, width=width), cloth, puff=width, lift=0.5, gloss=0.5)

    def line(
        self, line: Points, colour: Colour, *, width: float = 0.45, strength: float = 0.6
    ) -> None:
        """Draw a seam over what lies there already; nothing is drawn beside the product."""
        mask = self.stroke(line, width=width) * self._opaque * np.float32(strength)
        self._blend(mask, np.array(colour, np.float32))

    def stitch(self, line: Points, colour: Colour, strength: float = 0.7) -> None:
        """Draw a row of stitches over what lies there already."""
        mask = self.stroke(*dashes(line, 1.3, 0.9), width=0.4) * self._opaque
        self._blend(mask * np.float32(strength), np.array(colour, np.float32))

    def tint(self, mask: Field, colour: Colour, strength: float = 1.0) -> None:
        """Wash a colour over what lies there already, without light or shadow."""
        mask = mask * self._opaque * np.float32(strength)
        self._blend(mask, np.array(colour, np.float32))

    def glow(self, x: float, y: float, width: float, height: float) -> Field:
        """Return a soft spot around (x, y), 1 in its middle; for `tint`."""
        away = ((self._u - x) / width) ** 2 + ((self._v - y) / height) ** 2
        return np.asarray(np.exp(-away), np.float32)

    def photo(self) -> Image.Image:
        """Return the product centred on white, with its shadow: RGB, SIZE by SIZE."""
        move = [
            round((SIZE - side.start - side.stop) / 2 + shift / PIXEL)
            for side, shift in zip(region(self._opaque), self._shift[::-1], strict=True)
        ]
        opaque, rgb = (np.roll(field, move, (0, 1)) for field in (self._opaque, self._rgb))
        fallen = np.roll(opaque, (4, 2), (0, 1))
        shadow = 0.20 * blurred(fallen, 5) * (1 - opaque)
        picture = np.clip(rgb - shadow[..., None], 0, 1)
        return Image.fromarray((picture * 255 + 0.5).astype(np.uint8))

    def _shade_below(self, mask: Field, lift: float) -> None:
        reach = lift / PIXEL
        part = region(mask, round(4 * reach) + 1)
        cast = np.roll(blurred(mask[part], reach), (round(reach * 0.6), round(reach * 0.4)), (0, 1))
        self._rgb[part] *= (1 - 0.42 * cast * self._opaque[part])[..., None]

    def _blend(self, mask: Field, colour: Field, part: Region | None = None) -> None:
        """Lay a colour over the picture where `mask` says; both cover only `part` if given."""
        if part is None:
            part = region(mask)
            mask = mask[part]
        self._rgb[part] += (colour - self._rgb[part]) * mask[..., None]
        self._opaque[part] += (1 - self._opaque[part]) * mask

    def _fine(self, points: Points) -> Points:
        placed = (points - 50) @ self._matrix.T + 50
        return placed / PIXEL * FINER


def _turned(u: Field, v: Field, degrees: float) -> tuple[Field, Field]:
    cos, sin = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
    return u * cos + v * sin, v * cos - u * sin
