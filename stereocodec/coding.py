"""The way of views through a release: pictures <-> networks and tables <-> what a `.bsc` file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .band_reader import BandReader
from .band_work import Progress, SharedProgress, in_bands, threads_or_default
from .band_writer import BandWriter, Prepared
from .container import Band, Channels, Container, ViewKind, rows_of_bands
from .devices import check_not_lost
from .effort import Effort
from .errors import CorruptFile
from .pixel_limit import require_fewer_pixels
from .release_networks import Finish, ReleaseNetworks

Seen = Callable[[int, NDArray[Any]], object]
"""Called with what is wanted of the pictures of some rows, band by band, and the first of these rows."""


def silent(fraction: float, stage: str) -> None:
    """Progress that nobody watches."""


def levels(x: Tensor, channels: Channels) -> NDArray[np.uint8]:
    """The levels of decoded colour (N, H, W, 3) in 0..1: (N, H, W, 3) uint8, or (N, H, W) for pictures of one channel.

    Grey is the mean of the channels, so that no tint is left.
    """
    if channels is not Channels.RGB:
        x = x.mean(-1, keepdim=True)
    if channels is Channels.GREY_RGB:
        x = x.expand(-1, -1, -1, 3)
    shown: NDArray[np.uint8] = x.mul(255).round_().to(torch.uint8).cpu().numpy()
    return shown[..., 0] if channels is Channels.GREY else shown


class ReleaseCoder(ReleaseNetworks):
    """Codes views with a release's networks and tables."""

    def prepare(
        self, views: Sequence[NDArray[Any]], kind: ViewKind, effort: Effort, *, say: Progress = silent
    ) -> Prepared:
        """Views ready to be coded, once or several times: N times (H, W, C), uint8, or floats in 0..1.

        kind: of the file, which says how many views networks make of them.
        """
        check_not_lost(self.device)
        say(0.0, "analysis")
        prepared = Prepared(views, kind.coded_views, effort, self.band_count(views[0].shape[:2]))
        return BandWriter(self, prepared).prepared()

    def encode(
        self,
        prepared: Prepared,
        quality: float,
        *,
        swapped: bool = False,
        threads: int | None = None,
        finish: Finish | None = None,
        seen: Seen | None = None,
        say: Progress = silent,
    ) -> tuple[Band, ...]:
        """Codes pictures; what a file holds of them.

        quality: 0 to 100. swapped: whether the views are in the other order, where the model takes either. threads: as
        of `StereoCodec.compress`. finish: makes what `seen` is called with of the pictures that a reader gets.
        """
        count = prepared.bands
        progress = SharedProgress(count, say)
        writer = BandWriter(self, prepared, quality, swapped=swapped, say=progress, finish=finish)
        every = range(count)
        done = in_bands(count, every, every, writer.begin, writer.end, self._threads(threads), progress)
        rows = rows_of_bands(prepared.views[0].shape[0], count)
        bands = []
        for number, (band, pictures) in done:
            bands.append(band)
            if seen is not None and pictures is not None:
                seen(rows[number][0], pictures)
        return tuple(bands)

    def decode(
        self,
        container: Container,
        finish: Finish,
        *,
        rows: tuple[int, int] | None = None,
        threads: int | None = None,
        lost: dict[int, str] | None = None,
        say: Progress = silent,
    ) -> tuple[list[NDArray[Any]], bool]:
        """What is wanted of the picture of each view, and whether the views are in the other order; as `parts`."""
        first, end = rows or (0, container.height)
        pictures: list[NDArray[Any]] = []
        swapped: bool | None = None
        for top, part, order in self.parts(container, finish, rows=rows, threads=threads, lost=lost, say=say):
            pictures = pictures or [np.empty((end - first, *view.shape[1:]), view.dtype) for view in part]
            swapped = order if swapped is None else swapped
            for picture, view in zip(pictures, part, strict=True):
                picture[top - first : top - first + len(view)] = view
        return pictures, bool(swapped)

    def parts(
        self,
        container: Container,
        finish: Finish,
        *,
        rows: tuple[int, int] | None = None,
        threads: int | None = None,
        lost: dict[int, str] | None = None,
        say: Progress = silent,
    ) -> Iterator[tuple[int, NDArray[Any], bool | None]]:
        """Of one band after the other the first row, what is wanted of the pictures, and whether the views are in the
        other order, which None leaves open.

        rows: the first one that is wanted and the one after the last, all when left out; only the bands that have a
        part in what these show are decoded. threads: as of `StereoCodec.decompress`. lost: what is wrong with bands
        that are not to be decoded; they are grey, and others that cannot be decoded join them.
        Raises DecodingMismatch rather than giving wrong pictures.
        """
        check_not_lost(self.device)
        if len(container.bands) > 1 and not self.model.band_margin:
            raise CorruptFile(f"the file is damaged: {self.release.name} codes no pictures in bands; fetch it again")
        say(0.0, "entropy decoding")
        first, end = rows or (0, container.height)
        places = rows_of_bands(container.height, len(container.bands))
        wanted = _overlapping(places, first, end)
        needed = _overlapping(places, first - self.model.band_margin, end + self.model.band_margin)
        progress = SharedProgress(len(wanted), say)
        reader = BandReader(self, container, finish, progress, wanted[0], needed, lost)
        known: bool | None = None
        done = in_bands(len(places), wanted, needed, reader.begin, reader.end, self._threads(threads), progress)
        for number, (part, order) in done:
            known = order if known is None else known
            if order is not None and order != known:
                raise CorruptFile("the file is damaged: its bands have the views in different orders; fetch it again")
            begin, over = places[number]
            low, high = max(begin, first), min(over, end)
            yield low, part[:, low - begin : high - begin], order

    def _threads(self, threads: int | None) -> int:
        """How many work on bands; those that are coded together are begun by one."""
        count = threads_or_default(threads)
        return 1 if self.bands_at_once > 1 else count

    def require_fewer_pixels(self, container: Container, max_pixels: int | None) -> None:
        """Raises what `pixel_limit.require_fewer_pixels` raises of a file's views."""
        size = container.height, container.width
        # A depth map is decoded as a whole, in memory that grows with it.
        in_bands = len(container.bands) > 1 and not container.view_kind.has_depth
        require_fewer_pixels(size, self.padded_size(size), max_pixels, in_bands=in_bands)


def _overlapping(places: Sequence[tuple[int, int]], first: int, end: int) -> range:
    """The bands that have any of some rows."""
    numbers = [number for number, (begin, over) in enumerate(places) if begin < end and first < over]
    return range(numbers[0], numbers[-1] + 1)
