"""The way of views through a release: pictures <-> networks and tables <-> what a `.bsc` file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .container import Channels, Container, Streams
from .devices import check_not_lost, exact_device, made_on, run_elsewhere
from .entropy.streams import StreamReader, StreamWriter
from .errors import DecodingMismatch
from .pixel_limit import require_fewer_pixels
from .releases.release import Release

Progress = Callable[[float, str], None]
"""Called with a fraction in 0..1 and the name of a stage."""


def silent(fraction: float, stage: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Prepared:
    """Pictures that are ready to be coded: what the model made of them, and their padded size (H, W)."""

    views: Any
    size: tuple[int, int]


@dataclass(frozen=True)
class Coded:
    """What a file holds of its views; decoded: what a reader of the streams gets, for `ReleaseCoder.pictures`."""

    streams: Streams
    guard: bytes
    checksum: int
    decoded: Any


def levels(x: Tensor, channels: Channels) -> NDArray[np.uint8]:
    """The levels of decoded colour (N, H, W, 3) in 0..1: (N, H, W, 3) uint8, or (N, H, W) for pictures of one channel.

    Grey is the mean of the channels, so that no tint is left.
    """
    if channels is not Channels.RGB:
        x = x.mean(-1, keepdim=True)
    if channels is Channels.GREY_RGB:
        x = x.expand(-1, -1, -1, 3)
    shown: NDArray[np.uint8] = x.mul(255).round().to(torch.uint8).cpu().numpy()
    return shown[..., 0] if channels is Channels.GREY else shown


class ReleaseCoder:
    """Codes views with a release's networks and tables on a device.

    The release's network is taken over: it is moved to the device, and what leads to probabilities turns to float64.
    Load the release again for another coder. A device without float64 gets the transforms alone.
    """

    def __init__(self, release: Release, device: torch.device) -> None:
        self.release = release
        self.device = device
        self._home = exact_device(device)  # of all but such transforms
        self.model = release.model.to(self._home)
        self.model.make_exact()
        if self._home != device:
            for transform in self.model.inexact_transforms():
                run_elsewhere(transform, device)

    def padded(self, pictures: NDArray[Any]) -> Tensor:
        """(N, H, W, C) where the model takes them, edges repeated to sides that the model takes."""
        check_not_lost(self.device)
        height, width = pictures.shape[1:3]
        margins = (0, self._padded_side(height) - height), (0, self._padded_side(width) - width)
        return torch.from_numpy(np.pad(pictures, ((0, 0), *margins, (0, 0)), mode="edge")).to(self._home)

    def prepare(self, x: Tensor, *, say: Progress = silent) -> Prepared:
        """Pictures as the model takes them (`padded`, in 0..1), ready to be coded, once or several times."""
        say(0.0, "analysis")
        with self._exact():
            return Prepared(self.model.prepare(x), (x.shape[1], x.shape[2]))

    def encode(self, prepared: Prepared, quality: float, *, swapped: bool = False, say: Progress = silent) -> Coded:
        """Codes pictures.

        quality: 0 to 100. swapped: whether the views are in the other order, where the model takes either.
        """
        say(0.1, "analysis")
        with self._exact():
            qualities = self._qualities(quality)
            latents = self.model.analyse_prepared(prepared.views, qualities)
            say(0.3, "entropy coding")
            writer = StreamWriter(self.release.lattice, self.release.tables)
            decoded, _ = self.model.code(writer, latents, qualities, prepared.size, swapped=swapped)
        say(0.9, "writing")
        streams, guard = writer.finish()
        return Coded(streams, guard, writer.checksum, decoded)

    def pictures(self, decoded: Any, size: tuple[int, int]) -> Tensor:
        """The decoded pictures (N, H, W, C) within 0..1 of a size (H, W), float32 or float64 as the model makes them.

        Raises DecodingMismatch for values that are not numbers.
        """
        with self._exact():
            x = self.model.reconstruct(decoded)
            if not bool(torch.isfinite(x).all()):
                raise DecodingMismatch("the decoded picture has values that are not numbers; the file is damaged")
            return x[:, : size[0], : size[1]].clamp(0, 1)

    def decode(self, container: Container, *, say: Progress = silent) -> tuple[Tensor, bool]:
        """Pictures (N, H, W, C) within 0..1, float32 or float64 as the model makes them, and whether the
        views are in the other order.

        Raises DecodingMismatch rather than returning wrong pictures.
        """
        check_not_lost(self.device)
        say(0.0, "entropy decoding")
        size = self._padded_size(container)
        lattice, tables = self.release.lattice, self.release.tables
        reader = StreamReader(lattice, tables, container.streams, container.guard, self._home)
        with self._exact():
            decoded, swapped = self.model.code(reader, None, self._qualities(container.quality), size)
        reader.close(container.latent_checksum)
        say(0.6, "synthesis")
        return self.pictures(decoded, (container.height, container.width)), swapped

    def require_fewer_pixels(self, container: Container, max_pixels: int | None) -> None:
        """Raises what `pixel_limit.require_fewer_pixels` raises of a file's views."""
        require_fewer_pixels((container.height, container.width), self._padded_size(container), max_pixels)

    def _padded_size(self, container: Container) -> tuple[int, int]:
        return self._padded_side(container.height), self._padded_side(container.width)

    def _padded_side(self, side: int) -> int:
        side, multiple = max(side, self.model.least_side), self.model.multiple
        return -(-side // multiple) * multiple

    @contextmanager
    def _exact(self) -> Iterator[None]:
        """Where networks run as files need it."""
        with torch.inference_mode(), torch.autocast(self._home.type, enabled=False), made_on(self._home):
            yield

    def _qualities(self, quality: float) -> Tensor:
        return torch.full((2,), quality / 100, dtype=torch.float64, device=self._home)
