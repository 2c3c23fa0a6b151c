"""What people pass in and get back: pictures in several forms <-> H x W x 3 arrays of 8-bit RGB.

Whatever a `.bsc` file cannot hold (alpha, more than 8 bits, other colour spaces, animation) is refused with the way
out. (Pillow itself reads 16-bit RGB JPEG 2000 and 10-bit AVIF as 8 bits, without a trace of it.) numpy and Pillow
only: torch is imported when tensors are asked for, and a tensor is recognised without it.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .container_rules import MAX_PIXELS, MAX_SIDE
from .errors import InvalidInput

if TYPE_CHECKING:
    import torch

    ImageLike: TypeAlias = Image.Image | NDArray[np.uint8] | torch.Tensor

Output: TypeAlias = Literal["pil", "numpy", "torch"]
_T = TypeVar("_T")

# Modes that hold no more than 8-bit RGB does, so that expanding them loses nothing.
_EXPANDABLE = ("1", "L", "P", "RGB")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def to_rgb8(image: ImageLike, name: str) -> NDArray[np.uint8]:
    """One view as an array.

    Args:
        image: a PIL image (RGB, or greyscale, black and white or palette without transparency, which are
            expanded), an H x W x 3 uint8 array, or a 3 x H x W tensor on any device (uint8, or floating
            point in 0..1, which is rounded to the nearest of 256 levels).
            A PIL image with an EXIF orientation is turned upright first, as viewers show it.
        name: what error messages call the picture, e.g. "left".

    Returns:
        H x W x 3, uint8, C-contiguous; may share memory with `image`.

    Raises:
        InvalidInput: anything else, or a picture without pixels or above the pixel limits of the format.
    """
    if isinstance(image, Image.Image):
        return _from_pil(image, name)
    if isinstance(image, np.ndarray):
        return _from_array(image, name)
    torch = sys.modules.get("torch")  # not imported: then nobody can have made a tensor
    if torch is not None and isinstance(image, torch.Tensor):
        return _from_tensor(image, name)
    hint = "; open it first, e.g. PIL.Image.open(path)" if isinstance(image, str | bytes | os.PathLike) else ""
    raise InvalidInput(
        f"{name} is a {type(image).__name__}: pass a PIL image, an H x W x 3 uint8 array or a 3 x H x W tensor{hint}"
    )


def to_pair(left: ImageLike, right: ImageLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both views as H x W x 3 uint8 arrays of equal size; inputs and errors as of `to_rgb8`.

    Raises:
        InvalidInput: also when the two sizes (width x height in pixels) differ.
    """
    pair = to_rgb8(left, "left"), to_rgb8(right, "right")
    (left_height, left_width), (right_height, right_width) = (view.shape[:2] for view in pair)
    if (left_height, left_width) != (right_height, right_width):
        raise InvalidInput(
            f"left is {left_width}x{left_height}, right is {right_width}x{right_height}: "
            "the two views of a rectified pair have one size, crop or rectify them first"
        )
    return pair


def load_image(source: str | os.PathLike[str] | IO[bytes], name: str | None = None) -> Image.Image:
    """Open and fully decode one picture from a path or a binary file object, upright and checked.

    Args:
        source: a path, or a file object open for reading bytes.
        name: what error messages call the picture; the path when not given.

    Raises:
        InvalidInput: missing, unreadable, not a picture, damaged, or one that `to_rgb8` refuses. The size
            is checked before the pixels are decoded.
    """
    opened, name = open_image(source, name)
    with opened:
        _check_stored(opened, name)
        load_pixels(opened, name)
        return _upright(opened, name)


def open_image(source: str | os.PathLike[str] | IO[bytes], name: str | None) -> tuple[Image.Image, str]:
    """Open one picture without decoding its pixels; returns it and what error messages call it.

    Raises:
        InvalidInput: missing, unreadable, or not a picture.
    """
    if name is None:
        name = str(Path(source)) if isinstance(source, str | os.PathLike) else "the picture"
    try:
        with warnings.catch_warnings():
            # Pillow warns of very large pictures; they are above the format's limit and refused below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(source), name
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(_why_not_opened(error, name)) from error
    except Exception as error:  # decoders of damaged files raise whatever comes up, e.g. struct.error
        raise InvalidInput(f"{name} is damaged: {_one_line(error)}") from error


def psnr(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB over all samples of two H x W x 3 uint8 arrays; inf if identical.

    Raises:
        InvalidInput: the shapes differ, or an array is not uint8.
    """
    if reference.dtype != np.uint8 or decoded.dtype != np.uint8 or reference.shape != decoded.shape:
        raise InvalidInput(
            f"PSNR needs two uint8 arrays of one shape, not {reference.dtype} {reference.shape} "
            f"and {decoded.dtype} {decoded.shape}"
        )
    # Row by row and in integers: exact, and without copies of a large picture in a wide type.
    squared_error = sum(
        int(np.square(np.subtract(row, decoded_row, dtype=np.int32)).sum(dtype=np.int64))
        for row, decoded_row in zip(reference, decoded, strict=True)
    )
    if squared_error == 0:
        return math.inf
    return 10 * math.log10(255**2 * reference.size / squared_error)


@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["pil"]) -> Image.Image: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["numpy"]) -> NDArray[np.uint8]: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["torch"]) -> torch.Tensor: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Output) -> ImageLike: ...
def from_rgb8(array: NDArray[np.uint8], output: Output) -> ImageLike:
    """An H x W x 3 uint8 array as the caller wants it.

    Returns:
        "pil": an RGB image; "numpy": `array` itself; "torch": a contiguous 3 x H x W uint8 tensor on the CPU.

    Raises:
        InvalidInput: another value of `output`.
    """
    if output == "pil":
        return Image.fromarray(array)
    if output == "numpy":
        return array
    if output == "torch":
        import torch

        return torch.from_numpy(array.transpose(2, 0, 1).copy())
    raise InvalidInput(f"output is {output!r}: it must be 'pil', 'numpy' or 'torch'")


def check_size(width: int, height: int, name: str) -> None:
    """Raises InvalidInput for a picture without pixels or above the pixel limits of the format."""
    if width < 1 or height < 1:
        raise InvalidInput(f"{name} has no pixels: its size is {width}x{height}")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidInput(
            f"{name} is {width}x{height}: a .bsc file holds sides of up to {MAX_SIDE} and "
            f"up to {MAX_PIXELS} pixels per view, scale it down or cut it into tiles"
        )


def _from_pil(image: Image.Image, name: str) -> NDArray[np.uint8]:
    _check_stored(image, name)
    load_pixels(image, name)
    upright = _upright(image, name)
    return np.ascontiguousarray(np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB")))


def _check_stored(image: Image.Image, name: str) -> None:
    """Refuse what cannot be kept; looks at the header alone, the pixels need not be decoded yet."""
    check_size(*image.size, name)
    frames = _guarded(lambda: getattr(image, "n_frames", 1), name)
    if frames > 1:
        raise InvalidInput(
            f"{name} holds {frames} frames ({image.format or 'animated'}): pass one at a time, "
            "e.g. image.seek(0); left = image.copy(); image.seek(1); right = image.copy()"
        )
    if image.mode in _DEEP or _is_stored_deep(image):
        raise InvalidInput(
            f"{name} has more than 8 bits per channel (mode {image.mode}), a .bsc file holds 8: " + _eight_bits(image)
        )
    if image.has_transparency_data:
        raise InvalidInput(
            f"{name} has an alpha channel or a transparent colour (mode {image.mode}), which a .bsc file "
            "cannot hold: remove it, e.g. image.convert('RGBA').convert('RGB')"
        )
    if image.mode not in _EXPANDABLE:
        way_out = "PIL.ImageCms.profileToProfile" if image.mode == "LAB" else "image.convert('RGB')"
        raise InvalidInput(f"{name} is {image.mode}, not RGB: convert it first, e.g. with {way_out}")


def _is_stored_deep(image: Image.Image) -> bool:
    """Whether Pillow is about to cut 16-bit samples down to the 8 bits of the mode it reports.

    Known until the pixels are decoded: the decoder's arguments then name the layout in the file, such as
    "RGB;16B" for PNG and TIFF; for PPM they are the mode and the largest value.
    """
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any(isinstance(argument, str) and ";16" in argument for argument in arguments):
            return True
        if tile[0] in ("ppm", "ppm_plain") and arguments[-1] > 255:
            return True
    return False


def _eight_bits(image: Image.Image) -> str:
    if image.mode in _DEEP:
        return "scale its values to 0..255 first, e.g. Image.fromarray((np.asarray(image) // 257).astype(np.uint8))"
    return "reduce it first, e.g. image.convert('RGB')"


def load_pixels(image: Image.Image, name: str) -> None:
    """Decodes a picture's pixels; raises InvalidInput when they are damaged."""
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # see load_image
        raise InvalidInput(f"{name} is truncated or damaged: {_one_line(error)}") from error


def _upright(image: Image.Image, name: str) -> Image.Image:
    def turned() -> Image.Image:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return image
        return ImageOps.exif_transpose(image)

    return _guarded(turned, name)


def _guarded(read: Callable[[], _T], name: str) -> _T:
    """`read()` of metadata, whose damage Pillow reports by whatever exception comes up."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:
        raise InvalidInput(
            f"{name} has damaged metadata ({_one_line(error)}): write the picture again without it"
        ) from error


def _from_array(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.ndim != 3 or array.shape[2] != 3:
        raise InvalidInput(f"{name} is an array of shape {array.shape}: {_shape_hint(array.shape)}")
    if array.dtype != np.uint8:
        hint = (
            "np.clip(np.round(255 * array), 0, 255).astype(np.uint8) if it lies in 0..1"
            if array.dtype.kind == "f"
            else "array.astype(np.uint8) if its values lie in 0..255"
        )
        raise InvalidInput(f"{name} is an array of {array.dtype}, it must be uint8: use {hint}")
    check_size(array.shape[1], array.shape[0], name)
    return np.ascontiguousarray(array)


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "repeat a greyscale one as np.stack([array] * 3, axis=-1)"
    if len(shape) == 3 and shape[2] == 4:
        return "remove the alpha channel, e.g. array[..., :3]"
    if len(shape) == 3 and shape[0] == 3:
        return "it must be H x W x 3, e.g. array.transpose(1, 2, 0)"
    return "it must be H x W x 3"


def _from_tensor(tensor: torch.Tensor, name: str) -> NDArray[np.uint8]:
    import torch

    shape = tuple(tensor.shape)
    if tensor.ndim != 3 or shape[0] != 3:
        hint = ", pass the pictures of a batch one by one" if tensor.ndim == 4 else ""
        raise InvalidInput(f"{name} is a tensor of shape {shape}: it must be 3 x H x W{hint}")
    if tensor.dtype != torch.uint8 and not tensor.dtype.is_floating_point:
        raise InvalidInput(f"{name} is a tensor of {tensor.dtype}: it must be uint8, or float in 0..1")
    check_size(shape[2], shape[1], name)
    tensor = tensor.detach().cpu()
    if tensor.dtype != torch.uint8:
        if not bool(((tensor >= 0) & (tensor <= 1)).all()):  # NaN fails both comparisons
            raise InvalidInput(
                f"{name} has values outside 0..1 or NaN: a float tensor must lie in 0..1, "
                "use tensor / 255 or tensor.clamp(0, 1)"
            )
        tensor = (tensor.to(torch.float32) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(tensor.permute(1, 2, 0).numpy())


def _why_not_opened(error: Exception, name: str) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"{name} has too many pixels: a .bsc file holds up to {MAX_PIXELS} per view, scale it down"
    if isinstance(error, FileNotFoundError):
        return f"{name}: no such file"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder: name a picture"
    if isinstance(error, PermissionError):
        return f"{name} cannot be read: permission denied"
    if isinstance(error, UnidentifiedImageError):
        return f"{name} is not a picture that Pillow can read: use PNG, TIFF, JPEG or another of its formats"
    return f"{name} cannot be read: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
