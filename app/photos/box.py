"""The part of a photo that a search is about."""

from typing import NamedTuple

from PIL import Image

EXPECTED = "expected four numbers x0,y0,x1,y1, such as 0.1,0.2,0.6,0.9"


class Box(NamedTuple):
    """A rectangle within an upright photo, as fractions of its width and height.

    0,0 is the photo's left upper corner and 1,1 its right lower one.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def parse(cls, text: str) -> "Box":
        """Read `x0,y0,x1,y1`.

        Raises:
            ValueError: it is no box within a photo; the text says what was expected.
        """
        try:
            box = cls(*map(float, text.split(",")))
        except (TypeError, ValueError):  # another count, or no numbers
            raise ValueError(EXPECTED) from None
        if not all(0 <= edge <= 1 for edge in box):  # NaN isn't either
            raise ValueError(f"{EXPECTED}, each from 0 to 1: fractions of the photo")
        if box.x0 >= box.x1 or box.y0 >= box.y1:
            raise ValueError("expected a box with an area, x0 less than x1 and y0 less than y1")
        return box

    @property
    def shorter(self) -> float:
        """Return the smaller of its two sides, as a fraction of the photo's."""
        return min(self.x1 - self.x0, self.y1 - self.y0)

    def crop(self, image: Image.Image) -> Image.Image:
        """Return this part of an upright image, at least one pixel."""
        return image.crop(self.pixels(image))

    def pixels(self, image: Image.Image) -> tuple[int, int, int, int]:
        """Return the same in pixels of an image: left, upper, right, lower; at least one pixel."""
        left, right = _pixels(self.x0, self.x1, image.width)
        upper, lower = _pixels(self.y0, self.y1, image.height)
        return left, upper, right, lower

    def before(self, turn: Image.Transpose | None) -> "Box":
        """Return where this part was before the photo was turned upright."""
        x0, y0, x1, y1 = self
        left, upper, right, lower = 1 - x1, 1 - y1, 1 - x0, 1 - y0  # counted from the other side
        method = Image.Transpose
        return {
            None: self,
            method.FLIP_LEFT_RIGHT: Box(left, y0, right, y1),
            method.ROTATE_180: Box(left, upper, right, lower),
            method.FLIP_TOP_BOTTOM: Box(x0, upper, x1, lower),
            method.TRANSPOSE: Box(y0, x0, y1, x1),
            method.ROTATE_270: Box(y0, left, y1, right),
            method.TRANSVERSE: Box(upper, left, lower, right),
            method.ROTATE_90: Box(upper, x0, lower, x1),
        }[turn]


WHOLE = Box(0, 0, 1, 1)


def _pixels(start: float, end: float, length: int) -> tuple[int, int]:
    """Round an interval to whole pixels of a side."""
    first = min(round(start * length), length - 1)
    return first, max(round(end * length), first + 1)
