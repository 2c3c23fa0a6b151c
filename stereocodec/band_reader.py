"""One band of views on its way out of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from .band_work import SharedProgress
from .container import Container, band_name, rows_of_bands
from .entropy.batch_coder import BatchCoder
from .entropy.streams import StreamReader
from .errors import CorruptFile, DecodingMismatch
from .release_networks import Finish, ReleaseNetworks
from .walked_bands import BandsTogether, WalkedBand, shown_between


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
        self._needed, self._lost = needed, lost
        self._together = BandsTogether(coder.bands_at_once, self._walked_together)
        self._rows = rows_of_bands(container.height, len(container.bands))
        self._coded = container.view_kind.coded_views

    def begin(self, number: int) -> WalkedBand | None:
        """Decodes the latents of a band; None if it is lost.

        Raises CorruptFile and DecodingMismatch, which name one of several.
        """
        if self._lost is not None and number in self._lost:
            return None
        bands = self._container.bands
        try:
            return self._together.band(number, self._following(number)) or self._walked(number)
        except (CorruptFile, DecodingMismatch) as error:
            message = str(error)
            if len(bands) > 1:
                message = f"{band_name(number, self._container.height, len(bands))}: {error}"
            if self._lost is None:
                raise type(error)(message) from error
            self._lost[number] = message
            return None

    def end(
        self, number: int, above: WalkedBand | None, here: WalkedBand | None, below: WalkedBand | None
    ) -> tuple[NDArray[Any], bool | None]:
        """What is wanted of the pictures of a band, and whether its views are in the other order, if that is known."""
        if here is None:
            first, end = self._rows[number]
            grey = torch.full((self._coded, end - first, self._container.width, 3), 0.5, dtype=torch.float32)
            return self._finish(grey), None
        say = self._say.of(number - self._first)
        say(0.6, "synthesis")
        first, end = self._rows[number]
        size = end - first, self._container.width
        with self._coder.exact():
            shown = self._finish(shown_between(self._coder, above, here, below, size))
        say(0.9, "synthesis")
        return shown, here.swapped

    def _walked(self, number: int) -> WalkedBand:
        coder, reader = self._coder, self._reader(number)
        with coder.exact():
            swapped = self._coded > 1 and coder.model.code_order(reader, None)
            qualities = coder.qualities(self._container.quality, self._coded)
            decoded = coder.model.walk(reader, None, qualities, self._size(number))
        reader.close(self._container.bands[number].latent_checksum)
        return WalkedBand(None, None, decoded, swapped)

    def _walked_together(self, numbers: Sequence[int]) -> list[WalkedBand]:
        """Bands of pairs, by one walk."""
        coder, size = self._coder, self._size(numbers[0])
        readers = [self._reader(number) for number in numbers]
        walked = []
        with coder.exact():
            orders = [coder.model.code_order(reader, None) for reader in readers]
            qualities = coder.qualities(self._container.quality, self._coded * len(numbers))
            every = coder.model.walk_latents(BatchCoder(readers), None, qualities, size)
            for index, (number, reader, swapped) in enumerate(zip(numbers, readers, orders, strict=True)):
                pair = every.pair(index)
                decoded = coder.model.walk_residual(reader, None, pair, size, coder.model.reconstruct)
                reader.close(self._container.bands[number].latent_checksum)
                walked.append(WalkedBand(None, None, decoded, swapped))
        return walked

    def _following(self, number: int) -> list[int]:
        """The bands that can be decoded together with one, if they are of pairs."""
        size, lost = self._size(number), self._lost or {}
        following = range(number + 1, self._needed.stop if self._coded > 1 else 0)
        return [other for other in following if self._size(other) == size and other not in lost]

    def _reader(self, number: int) -> StreamReader:
        release, band = self._coder.release, self._container.bands[number]
        return StreamReader(release.lattice, release.tables, band.streams, band.guard, self._coder.home, band=number)

    def _size(self, number: int) -> tuple[int, int]:
        first, end = self._rows[number]
        return self._coder.padded_size((end - first, self._container.width))
