"""The codec of stereo pairs: two views in, the bytes of a `.bsc` file out, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .band_coding import Coded
from .band_work import Progress
from .coding import levels, silent
from .container import Channels, Container, Metadata, ViewKind
from .container.salvage import salvage as salvaged
from .container.shown import exchanges_sides, stored_rectangle
from .effort import Effort
from .errors import CorruptFile, InvalidInput
from .pictures.arguments import plain_number
from .pictures.picture import StereoPair, turned
from .pictures.rgb import Output, check_output, from_rgb8, psnr, to_views
from .pictures.view_match import warn_of_unlikely_pair
from .release_codec import ReleaseCodec, with_given_metadata
from .releases.folders import DEFAULT_MODEL
from .targets import TargetSearch, Trial, target_of

if TYPE_CHECKING:
    from .pictures.alpha import Background
    from .pictures.rgb import ImageLike

# Files longer than the raw samples are coded at this much less quality, unless the pictures are so small (in bytes)
# that what a file holds beside them matters.
_QUALITY_STEP, _LEAST_LIMITED = 10, 2**16


Rectangle: TypeAlias = tuple[int, int, int, int]
"""Column, row, width and height of a part of a picture, in pixels."""


class StereoCodec(ReleaseCodec):
    """Compresses stereo pairs to `.bsc` bytes and decodes them to the same latents on any machine.

    One codec may be used from several threads at once. Decoded pictures may differ by one grey level in rare places
    between machines (the last transform runs in float32); the latents, and so the file, never do.
    """

    view_kind = ViewKind.RGB8
    default_model = DEFAULT_MODEL

    def compress(
        self,
        left: ImageLike | StereoPair,
        right: ImageLike | None = None,
        *,
        quality: float | None = None,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        effort: int | None = None,
        threads: int | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Encodes two views of equal size to the bytes of a `.bsc` file.

        left, right: PIL images, (H, W, 3) uint8 arrays, or (3, H, W) tensors (uint8, or float in 0..1); grey ones also
            without the channels. The views are coded as they are stored; an EXIF orientation that both share is kept.
        One `StereoPair`, as `open_pair` gives it, is taken instead of both.
        quality: 0 (smallest) to 100 (best), rounded to 1/256, 50 when left out; models with a single quality take none.
            Drawn patterns whose file would be longer than the raw samples are coded at less.
        target_size, target_bpp: instead of a quality, the most bytes of the file, or bits per pixel of both views: the
            best quality that keeps it is taken, within some 1 %. target_psnr: the least PSNR in dB, mean of the
            views: the least quality that reaches it, within some 0.04 dB. Up to 6 codings look for it.
        effort: 1 (fastest) to 9 (smallest file), 5 when left out (docs/effort.md); models with a single effort take
            none. Decoding takes equally long.
        threads: that compute, PyTorch's number when left out. Large pictures are coded in bands, each by one of them,
            and their bytes do not depend on it.
        background: what transparent parts of PIL images are laid onto, e.g. "white"; without it they are refused.
        metadata: what the file says beside the pictures, `Metadata()` for nothing; when left out, what the pair or the
            PIL images say. A calibration must be one of views of this size.
        progress: called with a fraction in 0..1 and the stage's name.
        Warns (`errors.UnlikelyPair`) of views that look exchanged, some rows off, or like two scenes; they are coded.
        Raises InvalidInput, also where no quality keeps a target, with what is possible; and DecodingMismatch when
        damaged weights give values that are not numbers.
        """
        return self.encode(
            left,
            right,
            quality=quality,
            target_size=target_size,
            target_bpp=target_bpp,
            target_psnr=target_psnr,
            effort=effort,
            threads=threads,
            background=background,
            metadata=metadata,
            progress=progress,
        ).to_bytes()

    def encode(
        self,
        left: ImageLike | StereoPair,
        right: ImageLike | None = None,
        *,
        quality: float | None = None,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        effort: int | None = None,
        threads: int | None = None,
        background: Background | None = None,
        metadata: Metadata | None = None,
        progress: Progress | None = None,
    ) -> Container:
        """Encodes two views as `compress` does; returns what the file holds.

        Its `to_bytes()` is the file, and its `quality` the one that was taken.
        """
        views = with_given_metadata(to_views(left, right, background), metadata)
        target = target_of(target_size, target_bpp, target_psnr, 2 * views.left.pixels[..., 0].size)
        chosen, tried = self._choices.quality(quality, target), self._choices.effort(effort)
        # As they are shown, because turned by half a pair would look exchanged; by a quarter, it would have no rows.
        on_rows = (view if exchanges_sides(view.orientation) else view.upright() for view in views)
        warn_of_unlikely_pair(*(view.pixels for view in on_rows))
        say = progress or silent
        coding = _PairCoding(self, views, tried, threads, say)
        container: Container
        if target is not None:
            _, trial = TargetSearch(target).run(partial(coding.trial, with_psnr=not target.is_size))
            container = trial.coded
        else:
            container = _no_longer_than_raw(coding, chosen)
        say(1.0, "done")
        return container

    def decompress(
        self,
        data: bytes | Container,
        *,
        output: Output = "pil",
        region: Rectangle | None = None,
        max_pixels: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Any, Any]:
        """Decodes the bytes of a `.bsc` file, or what was read from them, to its left and right view.

        output: "pil" for PIL images, "numpy" for (H, W, 3) uint8 arrays, "torch" for (3, H, W) uint8 tensors. Of grey
        pairs they are of mode L and (H, W). Views come upright: turned as the file's orientation says.
        region: column, row, width and height of the part of each view that is wanted, in pixels of the upright view;
            of large pictures only the bands that show it are decoded.
        max_pixels: the most pixels that a view may have, counted with the padding to the sides that the networks take;
            those of STEREOCODEC_MAX_PIXELS in the environment when left out, or else 25,000,000 of pictures of a single
            band, for which memory grows by some 300 bytes per pixel, and all of others.
        threads: that compute, PyTorch's number when left out; each works on a band of large pictures.
        Raises InvalidInput for a region that is not within the views, FormatError, of which LimitExceeded says that
        there are more pixels, WrongModel when other weights wrote the file, and DecodingMismatch rather than ever
        returning a wrong picture.
        """
        return self._decompressed(self._own(data, max_pixels), output, region, threads, progress)

    def salvage(
        self,
        data: bytes,
        *,
        output: Output = "pil",
        max_pixels: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Any, Any, tuple[str, ...]]:
        """Decodes what is whole of a damaged file: its left and right view, and what is wrong with which bands.

        What these show is grey, in both views; there are none in an intact file. Arguments as of `decompress`.
        Raises CorruptFile for a file whose head is damaged or that has a single band, or no whole one, and what
        `decompress` raises.
        """
        container, lost = salvaged(data)
        left, right = self._decompressed(self._own(container, max_pixels), output, None, threads, progress, lost)
        if len(lost) == len(container.bands):
            raise CorruptFile("the file is damaged in all of its bands; fetch it again")
        return left, right, tuple(lost[number] for number in sorted(lost))

    def _decompressed(
        self,
        container: Container,
        output: Output,
        region: Rectangle | None,
        threads: int | None,
        progress: Progress | None,
        lost: dict[int, str] | None = None,
    ) -> tuple[Any, Any]:
        check_output(output)
        say = progress or silent
        x, y, width, height = _stored(region, container)
        finish = partial(levels, channels=container.channels)
        rows = y, y + height
        views, swapped = self._coder.decode(container, finish, rows=rows, threads=threads, lost=lost, say=say)
        parts = (view[:, x : x + width] for view in (_swapped(*views) if swapped else views))
        left, right = (turned(view, container.orientation) for view in parts)
        say(1.0, "done")
        metadata = container.metadata
        return from_rgb8(left, output, metadata), from_rgb8(right, output, metadata)


class _PairCoding:
    """Codings of one pair at several qualities, which share what does not depend on the quality."""

    def __init__(
        self, codec: StereoCodec, pair: StereoPair, effort: Effort, threads: int | None, say: Progress
    ) -> None:
        self._codec, self.pair, self._threads, self._say = codec, pair, threads, say
        self._views = [view.pixels for view in pair]
        self._swapped = codec._coder.model.either_first and _is_sharper(*self._views[::-1])
        if self._swapped:
            self._views = _swapped(*self._views)
        self._prepared = codec._coder.prepare(self._views, codec.view_kind, effort, say=say)

    def container(self, quality: float) -> Container:
        """What the file holds at a quality."""
        return self._container(self._coded(quality), quality)

    def trial(self, quality: float, *, with_psnr: bool) -> Trial:
        """The same with its size, and with its PSNR where that is asked for: it takes the networks of decoding."""
        coded = self._coded(quality, with_psnr=with_psnr)
        container = self._container(coded, quality)
        level = math.nan if coded.pictures is None else self._psnr(coded.pictures)
        return Trial(len(container.to_bytes()), level, container)

    def _psnr(self, decoded: NDArray[np.uint8]) -> float:
        grey = self.pair.left.channels is Channels.GREY
        both = (psnr(view[..., 0] if grey else view, seen) for view, seen in zip(self._views, decoded, strict=True))
        return sum(both) / 2

    def _coded(self, quality: float, *, with_psnr: bool = False) -> Coded:
        finish = partial(levels, channels=self.pair.left.channels) if with_psnr else None
        return self._codec._coder.encode(
            self._prepared, quality, swapped=self._swapped, threads=self._threads, finish=finish, say=self._say
        )

    def _container(self, coded: Coded, quality: float) -> Container:
        return self._codec._container(coded, replace(self.pair.left, metadata=self.pair.metadata), quality)


def _stored(region: Rectangle | None, container: Container) -> Rectangle:
    """Where a part of what is shown is stored, or all of it."""
    shown = container.shown_size
    if region is None:
        return 0, 0, container.width, container.height
    numbers = tuple(map(plain_number, region)) if isinstance(region, Sequence) else ()
    if len(numbers) != 4 or not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise InvalidInput(f"region is {region!r}; give column, row, width and height as whole numbers")
    x, y, width, height = numbers
    if not (0 <= x < x + width <= shown[0] and 0 <= y < y + height <= shown[1]):
        raise InvalidInput(f"region is {x},{y},{width},{height}; it must be within the views of {shown[0]}x{shown[1]}")
    return stored_rectangle((x, y, width, height), shown, container.orientation)


def _no_longer_than_raw(coding: _PairCoding, quality: float) -> Container:
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
    mine, others = (int(np.abs(np.diff(v[..., 1].astype(np.int16))).sum()) for v in (view, other))
    return mine > others


def _swapped(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Views (H, W, 3) or (H, W), exchanged and mirrored, so that disparities keep their sign; not copied."""
    return [right[:, ::-1], left[:, ::-1]]
