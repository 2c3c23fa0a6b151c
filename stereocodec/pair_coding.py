"""Codings of one stereo pair, of which the sharper view comes first."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .band_work import Progress
from .coding import levels
from .container import Channels, Container
from .effort import Effort
from .pictures.pair_errors import PairErrors
from .pictures.picture import StereoPair
from .pictures.strips import strips
from .release_codec import ReleaseCodec
from .targets import Trial

# Files longer than the raw samples are coded at this much less quality, unless the pictures are so small (in bytes)
# that what a file holds beside them matters.
_QUALITY_STEP, _LEAST_LIMITED = 10, 2**16


class PairCoding:
    """Codings of one pair at several qualities, which share what does not depend on the quality."""

    def __init__(
        self, codec: ReleaseCodec, pair: StereoPair, effort: Effort, threads: int | None, say: Progress
    ) -> None:
        self._codec, self.pair, self._threads, self._say = codec, pair, threads, say
        self._views = [view.pixels for view in pair]
        self._swapped = codec._coder.model.either_first and _is_sharper(*self._views[::-1])
        if self._swapped:
            self._views = _exchanged(*self._views)
        self._prepared = codec._coder.prepare(self._views, effort, say=say)

    def container(self, quality: float, errors: PairErrors | None = None) -> Container:
        """What the file holds at a quality. errors: gets those of the pictures that a reader sees, which takes time."""
        pair, finish, seen = self.pair, None, None
        if errors is not None:
            finish = partial(levels, channels=pair.left.channels)
            seen = partial(errors.add, swapped=self._swapped)
        bands = self._codec._coder.encode(
            self._prepared,
            quality,
            swapped=self._swapped,
            threads=self._threads,
            finish=finish,
            seen=seen,
            say=self._say,
        )
        return self._codec._container(bands, replace(pair.left, metadata=pair.metadata), quality)

    def trial(self, quality: float, *, with_psnr: bool) -> Trial:
        """The same with its size, and with its PSNR where that is asked for."""
        errors = PairErrors(self.pair) if with_psnr else None
        container = self.container(quality, errors)
        level = math.nan if errors is None else sum(errors.psnr()) / 2
        return Trial(len(container.to_bytes()), level, container)


def no_longer_than_raw(coding: PairCoding, quality: float) -> Container:
    """What the file holds at a quality, or at less where it would be longer than the raw samples."""
    raw = sum(view.pixels.nbytes // (3 if view.channels is Channels.GREY else 1) for view in coding.pair)
    container = coding.container(quality)
    while raw > _LEAST_LIMITED and quality and len(container.to_bytes()) > raw:
        quality = max(0, quality - _QUALITY_STEP)
        container = coding.container(quality)
    return container


def _is_sharper(view: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether a view has more horizontal detail than the other one.

    The sharper view is coded first, because it predicts the other one better than the other way round; and as the
    rule does not depend on the views' order, a pair and its mirrored and swapped twin give the same file.
    """
    return _steps(view) > _steps(other)


def _steps(view: NDArray[np.uint8]) -> int:
    """The sum of the differences between neighbours on the rows of a view's green channel."""
    return sum(int(np.abs(np.diff(view[rows, :, 1].astype(np.int16))).sum()) for rows in strips(*view.shape[:2]))


def _exchanged(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Views (H, W, 3) or (H, W), exchanged and mirrored, so that disparities keep their sign; not copied."""
    return [right[:, ::-1], left[:, ::-1]]
