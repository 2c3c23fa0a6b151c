"""A Pillow plug-in: `.bsc` files as images of two frames, the left and the right view.

    import stereocodec.pillow

    with Image.open("pair.bsc") as image:  # the pixels are decoded when they are asked for
        left = image.copy()
        image.seek(1)
        right = image.copy()
    left.save("pair.bsc", save_all=True, append_images=[right], quality=50)

Importing this module registers it, without torch. `Image.open` takes the release that made the file: a built-in one,
or one in the Hub's cache. Its networks stay in memory for the next picture.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from PIL import Image, ImageFile

from .container import HEADER_BYTES, SIGNATURE, Channels, Container, metadata_in, peek_header, read_bounded
from .container.shown import AS_STORED
from .errors import FormatError, StereoCodecError
from .pictures.picture import StereoPair
from .pictures.picture_metadata import kept, orientation_in, with_metadata

if TYPE_CHECKING:
    from .codec import StereoCodec

FORMAT = "BSC"
EXTENSION = ".bsc"
MIME_TYPE = "image/vnd.stereocodec.bsc"

# Loading weights takes longer than decoding a picture, and pictures of a folder have mostly the same ones.
_last: list[StereoCodec] = []
_lock = threading.Lock()


def _unlocked() -> None:
    """A lock that another thread held during a fork would never be free in the forked process."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlocked)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(SIGNATURE)


class BscImageFile(ImageFile.ImageFile):
    """The two views of a `.bsc` file, upright, in mode RGB or L; frame 0 is the left one.

    `info` has the encoder's `quality` and the hexadecimal `model_id`, and as far as the file has them `icc_profile`,
    `exif` and `xmp`. Opening reads what stands before the coded pictures. Damage behind the header and missing weights
    are an OSError when the pixels are asked for, as Pillow's own plug-ins have it; `verify` finds damage too.
    """

    format = FORMAT
    format_description = "Stereo picture of stereocodec"

    def _open(self) -> None:
        assert self.fp is not None
        start = self.fp.read(HEADER_BYTES)
        try:
            header = peek_header(start)
        except FormatError as error:
            if not _accept(start):
                raise SyntaxError(str(error)) from error  # how a plug-in tells Pillow to ask the next one
            raise OSError(str(error)) from error
        self._size = header.shown_size
        self._mode = "L" if header.channels is Channels.GREY else "RGB"
        self.info["quality"] = header.quality
        self.info["model_id"] = header.model_id.hex()
        self.fp.seek(0)
        with suppress(FormatError):  # said when the pixels are asked for
            with_metadata(self, metadata_in(self.fp))
        self.n_frames = 2
        self.is_animated = True
        self._frame = 0
        self._views: tuple[Image.Image, Image.Image] | None = None
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, self.mode)]

    def seek(self, frame: int) -> None:
        """Go to view 0 or 1; raises EOFError for another number."""
        if not self._seek_check(frame):
            return
        self._frame = frame
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, self.mode)]

    def tell(self) -> int:
        """The number of the present view."""
        return self._frame

    def load(self) -> Any:
        """Decodes both views when the first pixel is asked for."""
        if self.tile:
            if self._views is None:
                self._views = _decode(self._all_bytes())
            if self.fp and self._exclusive_fp:
                self.fp.close()
            self.fp = io.BytesIO(self._views[self._frame].tobytes())
        return super().load()

    def verify(self) -> None:
        """Checks the whole file, but does not decode it; raises OSError for damage."""
        try:
            Container.from_bytes(self._all_bytes())
        except FormatError as error:
            raise OSError(str(error)) from error
        super().verify()

    def _all_bytes(self) -> bytes:
        if self.fp is None:
            raise ValueError("the image was closed before its pixels were asked for; open it again")
        self.fp.seek(0)
        try:
            return read_bounded(self.fp)
        except FormatError as error:
            raise OSError(str(error)) from error

    def load_seek(self, pos: int) -> None:
        """Nothing to do: pixels lie at the beginning of what `load` sets up."""


def _decode(data: bytes) -> tuple[Image.Image, Image.Image]:
    try:
        container = Container.from_bytes(data)
        return _codec_of(container).decompress(container)
    except StereoCodecError as error:
        raise OSError(str(error)) from error


def _codec_of(container: Container) -> StereoCodec:
    """The codec of a file; the one of the last file, when the same weights wrote both."""
    from .codec import StereoCodec

    with _lock:
        codec = _last[0] if _last else None
        if codec is None or codec.model_id != container.model_id:
            codec = StereoCodec.for_file(container)
            _last[:] = [codec]
        return codec


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes | os.PathLike[Any]) -> None:
    raise OSError("a .bsc file holds two views: save with save_all=True and append_images=[right]")


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes | os.PathLike[Any]) -> None:
    """Writes two frames: those of `image`, or `image` and the first of `append_images`.

    Settings: quality (0 to 100), background (of transparent parts), model (what `StereoCodec.from_pretrained` takes),
    device; and icc_profile, exif and xmp, which are those of the frames when left out, and None for none.
    """
    from .codec import StereoCodec
    from .pictures.rgb import to_views
    from .releases.folders import DEFAULT_MODEL

    settings = image.encoderinfo
    views = [frame for picture in (image, *settings.get("append_images", ())) for frame in _frames(picture)]
    if len(views) != 2:
        raise OSError(f"a .bsc file holds two views, not {len(views)}: give the right one as append_images=[right]")
    codec = StereoCodec.from_pretrained(settings.get("model", DEFAULT_MODEL), device=settings.get("device", "auto"))
    left, right = views
    pair = _with_given(to_views(left, right, settings.get("background")), settings)
    file.write(codec.compress(pair, quality=settings.get("quality")))


def _with_given(pair: StereoPair, settings: Mapping[str, Any]) -> StereoPair:
    """The pair with the metadata that are given for it; the orientation in given Exif is how its pixels are turned."""
    given = {name: settings[name] for name in ("icc_profile", "exif", "xmp") if name in settings}
    exif = given.get("exif")
    if isinstance(exif, Image.Exif):
        exif = given["exif"] = exif.tobytes()
    known = kept(pair.left.channels, "the pair", given.get("icc_profile"), exif, given.get("xmp"))
    metadata = replace(pair.metadata, **{name: getattr(known, name) for name in given})
    if "exif" not in given:
        return replace(pair, metadata=metadata)
    orientation = orientation_in(exif) or AS_STORED
    left, right = (replace(view, orientation=orientation) for view in pair)
    return StereoPair(left, right, metadata)


def _frames(image: Image.Image) -> list[Image.Image]:
    """Copies of all frames; the image stays at the frame where it was."""
    count = getattr(image, "n_frames", 1)
    if count == 1:
        return [image]
    before = image.tell()
    frames = []
    for number in range(min(count, 3)):  # a third one is one too many
        image.seek(number)
        frames.append(image.copy())
    image.seek(before)
    return frames


Image.register_open(FORMAT, BscImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_save_all(FORMAT, _save_all)
Image.register_extension(FORMAT, EXTENSION)
Image.register_mime(FORMAT, MIME_TYPE)
