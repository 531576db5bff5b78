"""The material of a product: its colours and the pattern that arranges them."""

from dataclasses import dataclass, replace

import numpy as np

from worker.sample_catalog.colours import Colour, Dye, mix, seam_of
from worker.sample_catalog.patterns import Field, Pattern, blocked, plain


@dataclass(frozen=True)
class Cloth:
    """A dyed, patterned material."""

    dye: Dye
    pattern: Pattern = plain

    @property
    def base(self) -> Colour:
        """The main colour."""
        return self.dye.base

    @property
    def seam(self) -> Colour:
        """The colour of seams on it."""
        return seam_of(self.dye.base)

    @property
    def trim(self) -> "Cloth":
        """The plain cloth of collars, bands and cuffs: the second colour of a two-tone one."""
        return plain_cloth(self.dye.ink if self.pattern is blocked else self.dye.base)

    @property
    def panel(self) -> "Cloth":
        """The cloth of side parts such as sleeves: contrasting on a two-tone one, else the same."""
        return self.trim if self.pattern is blocked else self

    @property
    def unsplit(self) -> "Cloth":
        """The same cloth, but in its base colour alone where it would be two-tone."""
        return plain_cloth(self.dye.base) if self.pattern is blocked else self

    def darker(self, share: float = 0.45) -> "Cloth":
        """The same cloth in the shade, as on the inside of a collar."""
        colours = (mix(c, (0, 0, 0), share) for c in (self.dye.base, self.dye.ink, self.dye.accent))
        return replace(self, dye=Dye(*colours))

    def colours(self, u: Field, v: Field, pixel: float) -> Field:
        """Return the colour at each point: the shape of `u` and `v`, and three more."""
        ink, accent = self.pattern(u, v, pixel)
        colour = np.empty((*u.shape, 3), np.float32)
        colour[:] = self.dye.base
        if self.pattern is not plain:
            for cover, of in ((ink, self.dye.ink), (accent, self.dye.accent)):
                colour += (np.array(of, np.float32) - colour) * cover[..., None]
        return colour


def plain_cloth(colour: Colour) -> Cloth:
    """Return a material of one colour."""
    return Cloth(Dye(colour, colour, colour))
