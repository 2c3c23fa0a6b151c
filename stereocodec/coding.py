"""The way of views through a release: pictures <-> networks and tables <-> what a `.bsc` file holds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .container import Channels, Container, Streams
from .devices import check_not_lost, exact_device, made_on, run_elsewhere
from .effort import Effort
from .entropy.streams import StreamReader, StreamWriter
from .errors import DecodingMismatch
from .models import StereoModel
from .pixel_limit import require_fewer_pixels
from .releases.release import Release

Progress = Callable[[float, str], None]
"""Called with a fraction in 0..1 and the name of a stage."""


_PASSES_OF_THE_REST = 1.5
"""How many passes of refinement take as long as all other coding, about, for progress that tells the time left."""


def silent(fraction: float, stage: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Prepared:
    """Pictures that are ready to be coded: what the model made of them, their padded size (H, W), and with what effort
    they are coded."""

    views: Any
    size: tuple[int, int]
    effort: Effort


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

    def prepare(self, x: Tensor, effort: Effort, *, say: Progress = silent) -> Prepared:
        """Pictures as the model takes them (`padded`, in 0..1), ready to be coded, once or several times."""
        say(0.0, "analysis")
        with self._exact():
            return Prepared(self.model.prepare(x, effort), (x.shape[1], x.shape[2]), effort)

    def encode(self, prepared: Prepared, quality: float, *, swapped: bool = False, say: Progress = silent) -> Coded:
        """Codes pictures.

        quality: 0 to 100. swapped: whether the views are in the other order, where the model takes either.
        """
        passes = prepared.effort.passes
        rest = _PASSES_OF_THE_REST / (_PASSES_OF_THE_REST + passes)
        say(0.1 * rest, "analysis")
        with self._exact():
            qualities = self._qualities(quality)
            latents = self.model.analyse_prepared(prepared.views, qualities, prepared.effort)
            if passes:
                begun = 0.3 * rest
                say(begun, "refinement")
                latents = self._refined(
                    latents, qualities, passes, lambda done: say(begun + done * (1 - rest), "refinement")
                )
            say(1 - 0.7 * rest, "entropy coding")
            writer = StreamWriter(self.release.lattice, self.release.tables)
            decoded, _ = self.model.code(writer, latents, qualities, prepared.size, swapped=swapped)
        say(1 - 0.1 * rest, "writing")
        streams, guard = writer.finish()
        return Coded(streams, guard, writer.checksum, decoded)

    def _refined(self, latents: Any, qualities: Tensor, passes: int, say: Callable[[float], None]) -> Any:
        with torch.inference_mode(False), torch.no_grad():
            return self._float32_copy.refined(latents, qualities.float(), passes, say)

    @cached_property
    def _float32_copy(self) -> StereoModel:
        """The model as it was before it was made exact, where gradients need not be exact and are sooner there."""
        with torch.inference_mode(False):
            model = copy.deepcopy(self.model)
            for module in model.modules():
                vars(module).pop("forward", None)  # that of `run_elsewhere`, which runs the original
            return model.to(self._home).float().requires_grad_(False)

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
