"""Codings of the same views at several qualities, and the one that is wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from .band_work import Progress
from .coding import levels
from .container import Band, Channels, Container
from .container.depth import BoundedDepth, DepthView
from .effort import Effort
from .pictures.picture import Picture
from .pictures.view_errors import ViewErrors
from .release_codec import ReleaseCodec
from .targets import Target, TargetSearch, Trial

# Files longer than the raw samples are coded at this much less quality, unless the pictures are so small (in bytes)
# that what a file holds beside them matters.
_QUALITY_STEP, _LEAST_LIMITED = 10, 2**16


class ViewCoding:
    """Codings of the views of one file, which share what does not depend on the quality."""

    def __init__(
        self,
        codec: ReleaseCodec,
        views: Sequence[NDArray[Any]],
        picture: Picture,
        *,
        effort: Effort,
        depth: DepthView | BoundedDepth | None = None,
        swapped: bool = False,
        threads: int | None,
        say: Progress,
    ) -> None:
        """views: as of `ReleaseCoder.prepare`. picture: what the file says of them. depth: what it says of a depth map.
        swapped, threads: as of `ReleaseCoder.encode`."""
        self._codec, self._views, self._picture, self._depth = codec, views, picture, depth
        self._swapped, self._threads, self._say = swapped, threads, say
        self._grey = picture.channels is Channels.GREY
        self._prepared = codec._coder.prepare(views, codec.view_kind, effort, say=say)

    def best(self, quality: float, target: Target | None) -> Container:
        """What the file holds at a quality, or at less where it would be longer than the raw samples; where there is a
        target, at the quality that keeps it."""
        if target is None:
            return self._no_longer_than_raw(quality)
        _, trial = TargetSearch(target).run(partial(self._trial, with_psnr=not target.is_size))
        found: Container = trial.coded
        return found

    def _no_longer_than_raw(self, quality: float) -> Container:
        raw = sum(view.nbytes // (3 if self._grey else 1) for view in self._views)
        beside = 0 if self._depth is None else len(self._depth.to_bytes())
        container = self._container(self._coded(quality), quality)
        while raw > _LEAST_LIMITED and quality and len(container.to_bytes()) - beside > raw:
            quality = max(0, quality - _QUALITY_STEP)
            container = self._container(self._coded(quality), quality)
        return container

    def _trial(self, quality: float, *, with_psnr: bool) -> Trial:
        """A coding with its size, and with its PSNR where that is asked for: it takes the networks of decoding."""
        errors = ViewErrors(self._views, self._picture.channels) if with_psnr else None
        container = self._container(self._coded(quality, errors), quality)
        levels_reached = () if errors is None else errors.psnr()
        level = sum(levels_reached) / len(levels_reached) if levels_reached else math.nan
        return Trial(len(container.to_bytes()), level, container)

    def _coded(self, quality: float, errors: ViewErrors | None = None) -> tuple[Band, ...]:
        """errors: gets those of the pictures that a reader sees."""
        return self._codec._coder.encode(
            self._prepared,
            quality,
            swapped=self._swapped,
            threads=self._threads,
            finish=None if errors is None else partial(levels, channels=self._picture.channels),
            seen=None if errors is None else errors.add,
            say=self._say,
        )

    def _container(self, bands: tuple[Band, ...], quality: float) -> Container:
        return self._codec._container(bands, self._picture, quality, self._depth)
