"""The coders behind files: the stream writer and the stream reader.

Both see one pair. For every group of elements the writer and the reader round the float64 parameters to the lattice
(the writer notes near ties in the guard list, the reader applies it), so that both hold the same integers; the decoded
latent `symbol + lattice mean` is then exact, and what later steps are conditioned on carries no error.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..container import Streams
from ..errors import CorruptFile, DecodingMismatch
from ..nn.tiles import empty_like
from .adaptive_fields import read_field as read_disparities
from .adaptive_fields import write_field as write_disparities
from .ans import StreamDecoder, StreamEncoder
from .coders import Group
from .dependent import Dependence, Rounds, States
from .fields import read_field, write_field
from .guard import GuardReader, GuardWriter
from .lattice import Lattice
from .tables import TableSet
from .writer_choice import WriterChoice, nearest_symbols

Rounding = Callable[[NDArray[np.float64]], NDArray[np.int64]]
_VIEWS = ("left", "right")


@dataclass(frozen=True)
class CodingTables:
    """The integer tables of a release: one per scale level for y, one per channel for z, a set for fields.

    second_prior: those of the second view's z, where they are not the first one's. families: for some of
    `coders.FAMILIES` tables of their own, one per scale level; the others have `scales`. adaptive_disparities: whether
    disparities are coded by `adaptive_fields.py` and not as other fields are. dependence: which elements of y are
    quantised by `dependent.py`; then `scales` and families have as many more tables, those of symbols of half steps.
    """

    scales: TableSet
    prior: TableSet
    fields: TableSet
    second_prior: TableSet | None = None
    families: Mapping[str, TableSet] = field(default_factory=dict)
    adaptive_disparities: bool = False
    dependence: Dependence | None = None

    def of_prior(self, view: int) -> TableSet:
        """The tables of a view's z."""
        return self.prior if view == 0 or self.second_prior is None else self.second_prior

    def of_family(self, family: str) -> TableSet:
        """The tables of the symbols of a family (`Group.family`)."""
        return self.families.get(family, self.scales)


class Observer(Protocol):
    """Sees what a StreamWriter chooses."""

    def see(self, family: str, symbols: NDArray[np.int32], tables: NDArray[np.uint8]) -> None:
        """The symbols of a group and the numbers of their tables, (N,) each."""
        ...


class _LatticeCoder:
    """What the writer and the reader share: rounding, exact latents, and their checksum."""

    def __init__(self, lattice: Lattice, tables: CodingTables, rounding: Rounding, band: int) -> None:
        self._lattice, self._tables, self._round = lattice, tables, rounding
        self.checksum = band  # so that bands in another order are known

    def _parameters(self, group: Group, elements: Tensor) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Lattice means and scale levels of elements (`Group.elements`), each (N,)."""
        rounded_means = self._round(self._lattice.mean_coordinates(group.mean.reshape(-1)[elements]))
        rounded_levels = self._round(self._lattice.scale_coordinates(group.log_scale.reshape(-1)[elements]))
        # Where decoding has gone astray, a guard entry can push a level past the last table; the checksum tells.
        rounded_levels = rounded_levels.clip(0, self._lattice.scale_levels - 1)
        return rounded_means, rounded_levels.astype(np.uint8)

    def _rounds(self, group: Group, levels: NDArray[np.uint8], channels: NDArray[np.int64]) -> Rounds:
        """The order in which elements of these levels and channels are coded, (N,) each."""
        dependence = self._tables.dependence
        if dependence is None or not group.may_depend:
            return Rounds.without(levels.size)
        return dependence.rounds(levels, channels)

    def _exact_latents(
        self,
        symbols: NDArray[np.int32],
        halves: NDArray[np.uint8],
        means: NDArray[np.int64],
        elements: Tensor,
        shape: torch.Size,
    ) -> Tensor:
        """`symbol + lattice mean` of the elements, symbols of half steps half a step nearer to 0; (1, H, W, C) float64
        on their device, 0 elsewhere."""
        steps = symbols.astype(np.int64) * self._lattice.mean_steps + means
        steps -= np.sign(symbols) * halves * (self._lattice.mean_steps // 2)
        self._digest(steps)
        values = torch.from_numpy(steps / self._lattice.mean_steps).to(elements.device)
        out = empty_like(values, (1, *shape)).zero_()
        out.view(-1)[elements] = values
        return out

    def _prior_latents(self, symbols: NDArray[np.int32], shape: tuple[int, ...], device: torch.device) -> Tensor:
        self._digest(symbols.astype(np.int64))
        return torch.from_numpy(symbols.astype(np.float64)).reshape(shape).to(device)

    def context(self, y: Tensor | None) -> None:
        """Nothing stands for what is not decoded yet."""

    def _prior_indices(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """The table of every element of one view's z, flat."""
        return np.tile(np.arange(shape[-1], dtype=np.uint8), shape[1] * shape[2])

    def _least_prior_bytes(self, shape: tuple[int, ...], view: int) -> int:
        """A stream that holds one view's z is not shorter, however little the pictures show.

        Half of what the most probable symbols take, so that what the coder gains or loses at a stream's end does not
        matter.
        """
        bits = shape[1] * shape[2] * float(self._tables.of_prior(view).least_bits[: shape[3]].sum())
        return max(0, int(bits / 16) - 8)

    def _digest(self, values: NDArray[np.int64]) -> None:
        self.checksum = zlib.crc32(values.astype("<i4").tobytes(), self.checksum)


class StreamWriter(_LatticeCoder):
    """Codes latents into the four streams and the guard list, y by the symbols of `WriterChoice`; an EntropyCoder."""

    def __init__(
        self, lattice: Lattice, tables: CodingTables, observer: Observer | None = None, *, band: int = 0
    ) -> None:
        """band: the number of the band, from 0."""
        self._observer = observer
        self._guard = GuardWriter(lattice.epsilon)
        super().__init__(lattice, tables, self._guard.round, band)
        self._z = [StreamEncoder() for _ in _VIEWS]
        self._least_z = [0 for _ in _VIEWS]
        self._y = [StreamEncoder() for _ in _VIEWS]
        self._choice = WriterChoice()

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """Rounds and writes z."""
        assert z is not None
        symbols = nearest_symbols(z.double().cpu().numpy().reshape(views, -1))
        indices = self._prior_indices(shape)
        for view, values in enumerate(symbols):
            self._z[view].put(values, indices, self._tables.of_prior(view))
            self._least_z[view] = self._least_prior_bytes(shape, view)
        return self._prior_latents(symbols, shape, z.device)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """Rounds and writes the group's elements of y."""
        assert y is not None
        elements = group.elements
        means, levels = self._parameters(group, elements)
        channels = _channels(group, elements)
        residual = y.reshape(-1)[elements].double().cpu().numpy() - means / self._lattice.mean_steps
        tables, rounds = self._tables.of_family(group.family), self._rounds(group, levels, channels)
        symbols, halves = self._choice.of_group(group, residual, levels, channels, rounds, tables)
        indices = levels + np.uint8(len(tables) // 2) * halves
        if self._observer is not None:
            self._observer.see(group.family, symbols, indices)
        stream = (self._z if group.hyper else self._y)[group.view]
        for places in (rounds.plain, *rounds):
            stream.put(symbols[places], indices[places], tables)
        return self._exact_latents(symbols, halves, means, elements, group.mask.shape)

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Writes a field with the table that suits it best."""
        assert field is not None
        write_field(field[0].cpu().numpy(), self._z[view], self._tables.fields)
        self._digest(field.cpu().numpy())
        return field

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Writes a field of disparities as the release codes them."""
        if not self._tables.adaptive_disparities:
            return self.code_field(view, field, size)
        assert field is not None
        values = field[0].cpu().numpy()
        write_disparities(values, self._z[view])
        self._digest(values)
        return field

    def finish(self) -> tuple[Streams, bytes]:
        """The four streams and the serialised guard list."""
        z_left, z_right = (stream.getvalue() for stream in self._z)
        if len(z_left) < self._least_z[0] or len(z_right) < self._least_z[1]:
            raise DecodingMismatch("the probability tables give files that no reader takes; the weights are damaged")
        y_left, y_right = (stream.getvalue() for stream in self._y)
        return Streams(z_left, z_right, y_left, y_right), self._guard.to_bytes()


class StreamReader(_LatticeCoder):
    """Decodes what a StreamWriter wrote, called by the same walk; an EntropyCoder."""

    def __init__(
        self,
        lattice: Lattice,
        tables: CodingTables,
        streams: Streams,
        guard: bytes,
        device: torch.device,
        *,
        band: int = 0,
    ) -> None:
        """band: the number of the band, from 0. Raises CorruptFile when a stream or the guard list is malformed."""
        self._guard = GuardReader(guard)
        super().__init__(lattice, tables, self._guard.round, band)
        self._z = [StreamDecoder(streams.z_left), StreamDecoder(streams.z_right)]
        self._z_bytes = len(streams.z_left), len(streams.z_right)
        self._y = [StreamDecoder(streams.y_left), StreamDecoder(streams.y_right)]
        self._device = device

    def code_prior(self, z: Tensor | None, shape: tuple[int, ...], *, views: int = 2) -> Tensor:
        """Reads z; raises CorruptFile where there is too little to read, before the networks of larger maps run."""
        for view in range(views):
            least = self._least_prior_bytes(shape, view)
            if self._z_bytes[view] < least:
                raise CorruptFile(
                    f"a coded stream of {self._z_bytes[view]} bytes is damaged: pictures of this size take at least "
                    f"{least}; fetch the file again"
                )
        indices = self._prior_indices(shape)
        symbols = np.stack([self._z[view].take(indices, self._tables.of_prior(view)) for view in range(views)])
        return self._prior_latents(symbols, shape, self._device)

    def code(self, y: Tensor | None, group: Group) -> Tensor:
        """Reads the group's elements of y."""
        elements = group.elements
        means, levels = self._parameters(group, elements)
        tables, rounds = self._tables.of_family(group.family), self._rounds(group, levels, _channels(group, elements))
        stream = (self._z if group.hyper else self._y)[group.view]
        symbols, halves = np.empty(levels.size, dtype=np.int32), np.zeros_like(levels)
        symbols[rounds.plain] = stream.take(levels[rounds.plain], tables)
        states = States(rounds.chains)
        for places in rounds:
            halves[places] = of_round = states.halves(places.size)
            symbols[places] = read = stream.take(levels[places] + np.uint8(len(tables) // 2) * of_round, tables)
            states.follow(read)
        return self._exact_latents(symbols, halves, means, elements, group.mask.shape)

    def code_field(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Reads a field."""
        values = read_field(self._z[view], size, self._tables.fields)
        self._digest(values)
        return torch.from_numpy(values).to(self._device)[None]

    def code_disparities(self, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Reads a field of disparities as the release codes them."""
        if not self._tables.adaptive_disparities:
            return self.code_field(view, field, size)
        values = read_disparities(self._z[view], size)
        self._digest(values)
        return torch.from_numpy(values).to(self._device)[None]

    def close(self, expected_checksum: int) -> None:
        """Raises DecodingMismatch unless the decoded latents are the encoder's, bit by bit."""
        if self.checksum != expected_checksum:
            raise DecodingMismatch(
                "the decoded latents are not the encoder's: this machine computes too differently; "
                "please decode with --device cpu and report it"
            )
        self._guard.close()
        for stream in (*self._z, *self._y):
            stream.close()


def _channels(group: Group, elements: Tensor) -> NDArray[np.int64]:
    """The channel of each element, (N,)."""
    channels: NDArray[np.int64] = (elements % group.mask.shape[-1]).cpu().numpy()
    return channels
