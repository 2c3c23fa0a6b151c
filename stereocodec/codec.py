"""The codec of stereo pairs: two views in, the bytes of a `.bsc` file out, and back."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .band_work import Progress
from .coding import levels, silent
from .container import Container, Metadata, ViewKind
from .container.shown import exchanges_sides
from .errors import InvalidInput
from .pictures.given_metadata import with_given_metadata
from .pictures.picture import StereoPair, turned
from .pictures.rgb import Output, check_output, from_rgb8, to_views
from .pictures.strips import mirror, strips
from .pictures.view_errors import ViewErrors
from .pictures.view_match import warn_of_unlikely_pair
from .pixel_limit import ANY_SIZE
from .region import Rectangle, stored_region
from .release_codec import ReleaseCodec
from .releases.folders import DEFAULT_MODEL
from .targets import target_of
from .view_coding import ViewCoding

if TYPE_CHECKING:
    from .models import StereoModel
    from .pictures.alpha import Background
    from .pictures.rgb import ImageLike


class StereoCodec(ReleaseCodec):
    """Compresses stereo pairs to `.bsc` bytes and decodes them to the same latents on any machine.

    One codec may be used from several threads at once. Decoded pictures may differ by one grey level in rare places
    between machines (the last transform runs in float32); the latents, and so the file, never do.
    """

    default_model = DEFAULT_MODEL

    @classmethod
    def _kind_of(cls, model: StereoModel) -> ViewKind | None:
        return ViewKind.RGB8 if model.view_kind is ViewKind.RGB8 else None

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
        pixels = [view.pixels for view in views]
        swapped = self._coder.model.either_first and _is_sharper(*pixels[::-1])
        coding = ViewCoding(
            self,
            _swapped(*pixels) if swapped else pixels,
            replace(views.left, metadata=views.metadata),
            effort=tried,
            swapped=swapped,
            threads=threads,
            say=say,
        )
        container = coding.best(chosen, target)
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

    def psnr(
        self,
        data: bytes | Container,
        pair: StereoPair,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[float, float]:
        """The PSNR in dB of the left and of the right view of a file, against the pair that it was made of.

        Decodes the file as `decompress` does, but keeps no more of large pictures than some of their bands.
        Raises InvalidInput for a pair that the file cannot have been made of, and what `decompress` raises.
        """
        container = self._own(data, ANY_SIZE)
        height, width, _ = pair.left.pixels.shape
        mine = (pair.left.channels, pair.left.orientation, width, height)
        if mine != (container.channels, container.orientation, container.width, container.height):
            raise InvalidInput("the file was not made of this pair: size, orientation or channels differ")
        errors = ViewErrors([view.pixels for view in pair], container.channels)
        finish = partial(levels, channels=container.channels)
        for first, part, swapped in self._coder.parts(container, finish, threads=threads, say=progress or silent):
            errors.add(first, part, swapped=bool(swapped))
        (progress or silent)(1.0, "done")
        left, right = errors.psnr()
        return left, right

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
        x, y, width, height = stored_region(region, container)
        finish = partial(levels, channels=container.channels)
        rows = y, y + height
        views, swapped = self._coder.decode(container, finish, rows=rows, threads=threads, lost=lost, say=say)
        if swapped:
            views.reverse()
        shown = []
        while views:  # of which none is needed any more when it has been turned
            view = views.pop(0)
            if swapped:
                mirror(view)
            upright = turned(view[:, x : x + width], container.orientation)
            del view
            shown.append(from_rgb8(upright, output, container.metadata))
            del upright
        say(1.0, "done")
        left, right = shown
        return left, right


def _is_sharper(view: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether a view has more horizontal detail than the other one.

    The sharper view is coded first, because it predicts the other one better than the other way round; and as the
    rule does not depend on the views' order, a pair and its mirrored and swapped twin give the same file.
    """
    return _steps(view) > _steps(other)


def _steps(view: NDArray[np.uint8]) -> int:
    """The sum of the differences between neighbours on the rows of a view's green channel."""
    return sum(int(np.abs(np.diff(view[rows, :, 1].astype(np.int16))).sum()) for rows in strips(*view.shape[:2]))


def _swapped(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Views (H, W, 3) or (H, W), exchanged and mirrored, so that disparities keep their sign; not copied."""
    return [right[:, ::-1], left[:, ::-1]]
