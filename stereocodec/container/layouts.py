"""How two views lie in one picture, side by side or one above the other, and the names of these layouts."""

from __future__ import annotations

import enum


class Layout(enum.Enum):
    """Two views in one picture: beside each other (sbs) or one above the other (tb, top and bottom).

    Where nothing else is said the left view lies on the left or on top; in crossed layouts the right one does. In half
    layouts each view was squeezed to half its width (sbs) or height (tb), so that its pixels are not square.
    """

    SBS = "sbs"
    SBS_CROSS = "sbs-cross"
    TB = "tb"
    TB_CROSS = "tb-cross"
    HALF_SBS = "half-sbs"
    HALF_SBS_CROSS = "half-sbs-cross"
    HALF_TB = "half-tb"
    HALF_TB_CROSS = "half-tb-cross"

    @property
    def beside(self) -> bool:
        """Whether the views lie beside each other, and not one above the other."""
        return "sbs" in self.value

    @property
    def crossed(self) -> bool:
        """Whether the right view comes first."""
        return self.value.endswith("-cross")

    @property
    def exchanged(self) -> Layout:
        """The same with the views in each other's place."""
        return Layout(self.value.removesuffix("-cross") if self.crossed else f"{self.value}-cross")

    @property
    def half(self) -> bool:
        """Whether views were squeezed, so that pixels are twice as wide (sbs) or as high (tb) as the other way."""
        return self.value.startswith("half-")

    @property
    def full(self) -> Layout:
        """The same with views that were not squeezed."""
        return Layout(self.value.removeprefix("half-"))

    @property
    def words(self) -> str:
        """The layout for people, e.g. "side by side, half width"."""
        where = "side by side" if self.beside else "top and bottom"
        order = (", right view on the left" if self.beside else ", right view on top") if self.crossed else ""
        return where + ((", half width" if self.beside else ", half height") if self.half else "") + order


LAYOUT_NAMES = tuple(layout.value for layout in Layout)
MPO_LAYOUT = "mpo"  # two pictures in one file that does not say that they are views
INPUT_LAYOUTS = (*LAYOUT_NAMES, MPO_LAYOUT)
"""What may be said of a file that does not tell how it holds two views."""
