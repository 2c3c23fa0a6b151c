"""One band of views on its way through a release, as a writer and as a reader of files need it.

A band is worked on in two parts, because what it shows near its edges depends on its neighbours' latents: `begin` codes
these, `end` makes the pictures, and codes what depends on them (`band_work.in_bands`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .band_work import Progress, SharedProgress
from .container import Band, Container, band_name, rows_of_bands
from .effort import Effort
from .entropy.batch_reader import BatchReader
from .entropy.streams import StreamReader, StreamWriter
from .errors import CorruptFile, DecodingMismatch
from .release_networks import Finish, ReleaseNetworks

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


@dataclass(frozen=True)
class _Walked:
    """A band after the first part of its way."""

    coder: Any
    remaining: Any
    decoded: Any
    swapped: bool


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

    def prepared(self) -> Prepared:
        """What the model makes of the views that does not depend on the quality."""
        with self._coder.exact():
            if self._prepared.bands == 1:
                return replace(self._prepared, only=self._of_model(0, self._height, None))
            # Of every band as many rows as make a band together, eight at a time, which is what choices look at.
            rows = np.arange(self._height).reshape(-1, 8)[:: self._prepared.bands].reshape(-1)
            return replace(self._prepared, balancing=self._pictures(rows))

    def begin(self, number: int) -> _Walked:
        """Codes the latents of a band."""
        coder, say = self._coder, self._said(number)
        release = coder.release
        say(0.1 * self._rest, "analysis")
        with coder.exact():
            qualities = coder.qualities(self._quality, self._prepared.coded)
            latents = self._latents(number, qualities, say)
            say(1 - 0.7 * self._rest, "entropy coding")
            writer = StreamWriter(release.lattice, release.tables, band=number)
            if self._prepared.coded > 1:
                coder.model.code_order(writer, self._swapped)
            decoded = coder.model.walk_latents(writer, latents, qualities, self._size(number))
        say(1 - 0.3 * self._rest, "entropy coding")
        first, end = self._rows[number]
        remaining = coder.model.remaining(latents, lambda: self._pictures(np.arange(first, end)))
        return _Walked(writer, remaining, decoded, self._swapped)

    def end(
        self, number: int, above: _Walked | None, here: _Walked, below: _Walked | None
    ) -> tuple[Band, NDArray[Any] | None]:
        """Codes what is left of a band; what is wanted of its pictures."""
        coder, shown = self._coder, None
        with coder.exact():
            decoded = coder.model.walk_residual(
                here.coder,
                here.remaining,
                here.decoded,
                self._size(number),
                lambda decoded: coder.model.reconstruct_between(_decoded(above), decoded, _decoded(below)),
            )
            if self._finish is not None:
                height = min(self._rows[number][1], self._prepared.views[0].shape[0]) - self._rows[number][0]
                size = height, self._prepared.views[0].shape[1]
                shown = self._finish(_shown(coder, replace(here, decoded=decoded), above, below, size))
        streams, guard = here.coder.finish()
        self._said(number)(1 - 0.1 * self._rest, "writing")
        return Band(guard, streams, here.coder.checksum), shown

    def _latents(self, number: int, qualities: Tensor, say: Progress) -> Any:
        """What the networks of encoding give for a band, refined if the effort says so."""
        model, effort = self._coder.model, self._prepared.effort
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

    def _size(self, number: int) -> tuple[int, int]:
        first, end = self._rows[number]
        return end - first, self._width

    def _said(self, number: int) -> Progress:
        assert self._say is not None
        return self._say.of(number)


class BandReader:
    """Decodes bands."""

    def __init__(
        self,
        coder: ReleaseNetworks,
        container: Container,
        finish: Finish,
        say: SharedProgress,
        first: int,
        needed: range,
        lost: dict[int, str] | None,
    ) -> None:
        """finish: makes of pictures what is wanted of them. first: the first band that is wanted. needed: those whose
        latents are. lost: as of `ReleaseCoder.decode`."""
        self._coder, self._container, self._finish, self._say, self._first = coder, container, finish, say, first
        self._needed, self._together, self._at_once = needed, dict[int, _Walked](), coder.bands_at_once
        self._lost = lost
        self._rows = rows_of_bands(container.height, len(container.bands))
        self._coded = container.view_kind.coded_views

    def begin(self, number: int) -> _Walked | None:
        """Decodes the latents of a band; None if it is lost.

        Raises CorruptFile and DecodingMismatch, which name one of several.
        """
        if self._lost is not None and number in self._lost:
            return None
        bands = self._container.bands
        if number not in self._together:
            self._together |= self._walked_together(number)
        if number in self._together:
            return self._together.pop(number)
        try:
            return self._walked(number)
        except (CorruptFile, DecodingMismatch) as error:
            message = str(error)
            if len(bands) > 1:
                message = f"{band_name(number, self._container.height, len(bands))}: {error}"
            if self._lost is None:
                raise type(error)(message) from error
            self._lost[number] = message
            return None

    def end(
        self, number: int, above: _Walked | None, here: _Walked | None, below: _Walked | None
    ) -> tuple[NDArray[Any], bool | None]:
        """What is wanted of the pictures of a band, and whether its views are in the other order, if that is known."""
        if here is None:
            first, end = self._rows[number]
            grey = torch.full((self._coded, end - first, self._container.width, 3), 0.5, dtype=torch.float32)
            return self._finish(grey), None
        say = self._say.of(number - self._first)
        say(0.6, "synthesis")
        first, end = self._rows[number]
        with self._coder.exact():
            shown = self._finish(_shown(self._coder, here, above, below, (end - first, self._container.width)))
        say(0.9, "synthesis")
        return shown, here.swapped

    def _walked(self, number: int) -> _Walked:
        coder, reader = self._coder, self._reader(number)
        with coder.exact():
            swapped = self._coded > 1 and coder.model.code_order(reader, None)
            qualities = coder.qualities(self._container.quality, self._coded)
            decoded = coder.model.walk(reader, None, qualities, self._size(number))
        reader.close(self._container.bands[number].latent_checksum)
        return _Walked(None, None, decoded, swapped)

    def _walked_together(self, number: int) -> dict[int, _Walked]:
        """Bands of pairs from a number on, as many as are decoded at once; none where one of them cannot be."""
        size, end = self._size(number), min(number + self._at_once, self._needed.stop)
        numbers = [n for n in range(number, end) if n not in (self._lost or ()) and self._size(n) == size]
        if len(numbers) < 2 or self._coded < 2:
            return {}
        coder, walked = self._coder, {}
        try:
            readers = [self._reader(n) for n in numbers]
            with coder.exact():
                orders = [coder.model.code_order(reader, None) for reader in readers]
                qualities = coder.qualities(self._container.quality, self._coded * len(numbers))
                every = coder.model.walk_latents(BatchReader(readers), None, qualities, size)
                for index, (n, reader, swapped) in enumerate(zip(numbers, readers, orders, strict=True)):
                    latents = every.pair(index)
                    decoded = coder.model.walk_residual(reader, None, latents, size, coder.model.reconstruct)
                    reader.close(self._container.bands[n].latent_checksum)
                    walked[n] = _Walked(None, None, decoded, swapped)
        except (CorruptFile, DecodingMismatch, torch.OutOfMemoryError):
            self._at_once = 1  # one by one it is told which of them is damaged, and they take less memory
            return {}
        return walked

    def _reader(self, number: int) -> StreamReader:
        release, band = self._coder.release, self._container.bands[number]
        return StreamReader(release.lattice, release.tables, band.streams, band.guard, self._coder.home, band=number)

    def _size(self, number: int) -> tuple[int, int]:
        first, end = self._rows[number]
        return self._coder.padded_size((end - first, self._container.width))


def _shown(
    coder: ReleaseNetworks, here: _Walked, above: _Walked | None, below: _Walked | None, size: tuple[int, int]
) -> Tensor:
    """The pictures of a band (N, H, W, C) within 0..1 of a size (H, W), float32 or float64 as the model makes them."""
    x = coder.model.reconstruct_between(_decoded(above), here.decoded, _decoded(below))
    if not bool(torch.isfinite(x).all()):
        raise DecodingMismatch("the decoded picture has values that are not numbers; the file is damaged")
    return x[:, : size[0], : size[1]].clamp(0, 1)


def _decoded(walked: _Walked | None) -> Any:
    return None if walked is None else walked.decoded
