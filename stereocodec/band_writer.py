"""One band of views on its way into a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .band_work import Progress, SharedProgress
from .container import Band, rows_of_bands
from .effort import Effort
from .entropy.batch_coder import BatchCoder
from .entropy.streams import StreamWriter
from .release_networks import Finish, ReleaseNetworks
from .walked_bands import BandsTogether, WalkedBand, decoded, shown_between

_PASSES_OF_THE_REST = 1.5
"""How many passes of refinement take as long as all other coding, about, for progress that tells the time left."""


@dataclass(frozen=True)
class Prepared:
    """Views that are ready to be coded, with an effort and in a number of bands.

    coded: how many views the networks make of them (`ViewKind.coded_views`). only: what the model made of them where
    they are one band; several are prepared whenever they are coded, so that memory does not grow with them. balancing:
    the pictures by which choices are made that hold for several bands.
    """

    views: Sequence[NDArray[Any]]
    coded: int
    effort: Effort
    bands: int
    only: Any = None
    balancing: Tensor | None = None


class BandWriter:
    """Codes bands."""

    def __init__(
        self,
        coder: ReleaseNetworks,
        prepared: Prepared,
        quality: float = 0,
        *,
        swapped: bool = False,
        say: SharedProgress | None = None,
        finish: Finish | None = None,
    ) -> None:
        self._coder, self._prepared, self._swapped, self._finish = coder, prepared, swapped, finish
        self._quality, self._say = quality, say
        self._rest = _PASSES_OF_THE_REST / (_PASSES_OF_THE_REST + prepared.effort.passes)
        height, width = prepared.views[0].shape[:2]
        self._rows = rows_of_bands(height, prepared.bands)
        self._height, self._width = coder.padded_size((height, width))
        self._rows[-1] = self._rows[-1][0], self._height
        self._together = BandsTogether(coder.bands_at_once, self._walked_together)

    def prepared(self) -> Prepared:
        """What the model makes of the views that does not depend on the quality."""
        with self._coder.exact():
            if self._prepared.bands == 1:
                return replace(self._prepared, only=self._of_model(0, self._height, None))
            # Of every band as many rows as make a band together, eight at a time, which is what choices look at.
            rows = np.arange(self._height).reshape(-1, 8)[:: self._prepared.bands].reshape(-1)
            return replace(self._prepared, balancing=self._pictures(rows))

    def begin(self, number: int) -> WalkedBand:
        """Codes the latents of a band."""
        return self._together.band(number, self._following(number)) or self._walked(number)

    def _walked(self, number: int) -> WalkedBand:
        with self._coder.exact():
            latents, writer = self._latents(number), self._writer(number)
            decoded = self._coder.model.walk_latents(writer, latents, self._qualities(), self._size(number))
        return self._begun(number, writer, latents, decoded)

    def _walked_together(self, numbers: Sequence[int]) -> list[WalkedBand]:
        """Bands of pairs, by one walk."""
        with self._coder.exact():
            latents = [self._latents(number) for number in numbers]
            writers = [self._writer(number) for number in numbers]
            joined, qualities = type(latents[0]).of_pairs(latents), self._qualities(len(numbers))
            every = self._coder.model.walk_latents(BatchCoder(writers), joined, qualities, self._size(numbers[0]))
            pairs = [every.pair(index) for index in range(len(numbers))]
        return [self._begun(*band) for band in zip(numbers, writers, latents, pairs, strict=True)]

    def _following(self, number: int) -> list[int]:
        """The bands that can be coded together with one, if they are of pairs."""
        following = range(number + 1, self._prepared.bands if self._prepared.coded > 1 else 0)
        return [other for other in following if self._size(other) == self._size(number)]

    def _writer(self, number: int) -> StreamWriter:
        """What codes a band, of which it has the order of the views."""
        self._said(number)(1 - 0.7 * self._rest, "entropy coding")
        release = self._coder.release
        writer = StreamWriter(release.lattice, release.tables, band=number)
        if self._prepared.coded > 1:
            self._coder.model.code_order(writer, self._swapped)
        return writer

    def _begun(self, number: int, writer: StreamWriter, latents: Any, decoded: Any) -> WalkedBand:
        self._said(number)(1 - 0.3 * self._rest, "entropy coding")
        rows = np.arange(*self._rows[number])
        remaining = self._coder.model.remaining(latents, lambda: self._pictures(rows))
        return WalkedBand(writer, remaining, decoded, self._swapped)

    def end(
        self, number: int, above: WalkedBand | None, here: WalkedBand, below: WalkedBand | None
    ) -> tuple[Band, NDArray[Any] | None]:
        """Codes what is left of a band; what is wanted of its pictures."""
        coder, shown = self._coder, None
        with coder.exact():
            complete = coder.model.walk_residual(
                here.coder,
                here.remaining,
                here.decoded,
                self._size(number),
                lambda here: coder.model.reconstruct_between(decoded(above), here, decoded(below)),
            )
            if self._finish is not None:
                height = min(self._rows[number][1], self._prepared.views[0].shape[0]) - self._rows[number][0]
                size = height, self._prepared.views[0].shape[1]
                shown = self._finish(shown_between(coder, above, replace(here, decoded=complete), below, size))
        streams, guard = here.coder.finish()
        self._said(number)(1 - 0.1 * self._rest, "writing")
        return Band(guard, streams, here.coder.checksum), shown

    def _latents(self, number: int) -> Any:
        """What the networks of encoding give for a band, refined if the effort says so."""
        model, effort, say, qualities = self._coder.model, self._prepared.effort, self._said(number), self._qualities()
        say(0.1 * self._rest, "analysis")
        first, end = self._rows[number]
        # Rows beside a band are refined with it, as they have a part in what it shows.
        beside = model.multiple if effort.passes else 0
        outer, over = max(first - beside, 0), min(end + beside, self._height)
        prepared = self._prepared.only
        if prepared is None:
            prepared = self._of_model(outer, over, self._prepared.balancing)
        latents = model.analyse_prepared(prepared, qualities, effort)
        if not effort.passes:
            return latents
        rest = self._rest

        def refining(done: float) -> None:
            say(0.3 * rest + done * (1 - rest), "refinement")

        refining(0.0)
        with torch.inference_mode(False), torch.no_grad():
            latents = self._coder.float32_copy.refined(latents, qualities.float(), effort.passes, refining)
        unit = model.multiple
        return latents.rows((first - outer) // unit, (end - outer) // unit)

    def _of_model(self, first: int, end: int, balancing: Tensor | None) -> Any:
        """Some rows as the model prepares them."""
        margin = self._coder.model.band_margin
        outer, over = max(first - margin, 0), min(end + margin, self._height)
        margins = first - outer, over - end
        x = self._pictures(np.arange(outer, over))
        return self._coder.model.prepare(x, self._prepared.effort, margins=margins, balancing=balancing)

    def _pictures(self, rows: NDArray[Any]) -> Tensor:
        """Rows of the views with what is beyond their edges, where the model takes them."""
        height, width = self._prepared.views[0].shape[:2]
        rows, right = rows.clip(max=height - 1), (0, self._width - width)
        x = np.stack([np.pad(view[rows], ((0, 0), right, (0, 0)), mode="edge") for view in self._prepared.views])
        pictures = torch.from_numpy(x).to(self._coder.home)
        return pictures if pictures.is_floating_point() else pictures.float() / 255

    def _qualities(self, bands: int = 1) -> Tensor:
        return self._coder.qualities(self._quality, self._prepared.coded * bands)

    def _size(self, number: int) -> tuple[int, int]:
        first, end = self._rows[number]
        return end - first, self._width

    def _said(self, number: int) -> Progress:
        assert self._say is not None
        return self._say.of(number)
