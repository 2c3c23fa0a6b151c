"""What people pass in and get back: pictures in several forms <-> arrays of 8 bits, in colour or grey.

numpy and Pillow only: torch is imported when tensors are asked for, and a tensor is recognised without it.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.metadata import NO_METADATA, Metadata
from ..container.shown import Channels
from ..errors import InvalidInput
from .alpha import Background, background_levels
from .arguments import is_tensor, tensor_to_array
from .picture import Picture, StereoPair, as_pair, channels_of
from .picture_metadata import with_metadata
from .pil import check_size, pil_picture

if TYPE_CHECKING:
    import torch

    ImageLike: TypeAlias = Image.Image | NDArray[np.uint8] | torch.Tensor | Picture

Output: TypeAlias = Literal["pil", "numpy", "torch"]


def to_picture(image: ImageLike, name: str, background: Background | None = None) -> Picture:
    """A picture as it is stored.

    Args:
        image: a PIL image (RGB, grey, black and white or palette), a uint8 array of H x W x 3, or H x W or H x W x 1
            for a grey one, a tensor on any device of 3 x H x W, or H x W, 1 x H x W or H x W x 1 for a grey one (uint8,
            or floating point in 0..1, which is rounded to the nearest of 256 levels), or a `Picture` itself.
        name: what error messages call the picture, e.g. "left".
        background: what transparent parts of a PIL image are laid onto.

    Returns:
        One with the EXIF orientation of a PIL image; may share memory with `image`. A PIL image whose pixels are all
        grey is grey if its mode is or if it has a palette; H x W x 3 and such of which all pixels are grey have three
        equal channels.

    Raises:
        InvalidInput: anything else, or a picture without pixels or above the pixel limits of the format.
    """
    if background is not None:
        background_levels(background)
    if isinstance(image, Picture):
        return image
    if isinstance(image, Image.Image):
        return pil_picture(image, name, background)
    if isinstance(image, np.ndarray):
        check_array(image.shape, image.dtype, name)
        return array_picture(image, name)
    if is_tensor(image):
        return array_picture(_from_tensor(image, name), name)
    hint = "; open it first, e.g. PIL.Image.open(path)" if isinstance(image, str | bytes | os.PathLike) else ""
    raise InvalidInput(
        f"{name} is a {type(image).__name__}: pass a PIL image, an H x W x 3 uint8 array or a 3 x H x W tensor{hint}"
    )


def to_views(
    left: ImageLike | StereoPair, right: ImageLike | None = None, background: Background | None = None
) -> StereoPair:
    """Both views as pictures of equal size that are shown alike (`picture.as_pair`); inputs as of `to_picture`.

    left: may be a pair already, as `open_pair` gives it; `right` is then left out.

    Raises:
        InvalidInput: as of `to_picture`, and when the two sizes (width x height in pixels) differ.
    """
    if isinstance(left, StereoPair):
        if right is not None:
            raise InvalidInput("left is a pair of both views: leave right out")
        return left
    if right is None:
        raise InvalidInput("right is missing: pass both views, or one pair, e.g. stereocodec.open_pair(path)")
    return as_pair(to_picture(left, "left", background), to_picture(right, "right", background))


def to_rgb8(image: ImageLike, name: str) -> NDArray[np.uint8]:
    """One view as H x W x 3 uint8, upright, C-contiguous; inputs and errors as of `to_picture`."""
    return to_picture(image, name).upright().pixels


def to_pair(left: ImageLike, right: ImageLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both views as H x W x 3 uint8 arrays of equal size, upright; inputs and errors as of `to_views`."""
    first, second = to_views(left, right)
    return first.upright().pixels, second.upright().pixels


def psnr(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB over all samples of two uint8 arrays; inf if identical.

    Raises:
        InvalidInput: the shapes differ, or an array is not uint8.
    """
    if reference.dtype != np.uint8 or decoded.dtype != np.uint8 or reference.shape != decoded.shape:
        raise InvalidInput(
            f"PSNR needs two uint8 arrays of one shape, not {reference.dtype} {reference.shape} "
            f"and {decoded.dtype} {decoded.shape}"
        )
    return psnr_of_error(squared_error(reference, decoded), reference.size)


def squared_error(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> int:
    """The sum over all samples of two uint8 arrays of one shape."""
    # Row by row and in integers: exact, and without copies of a large picture in a wide type.
    return sum(
        int(np.square(np.subtract(row, decoded_row, dtype=np.int32)).sum(dtype=np.int64))
        for row, decoded_row in zip(reference, decoded, strict=True)
    )


def psnr_of_error(error: int, samples: int) -> float:
    """The PSNR in dB of so many samples of 8 bits with such a `squared_error`; inf of none."""
    return 10 * math.log10(255**2 * samples / error) if error else math.inf


@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["pil"], metadata: Metadata = ...) -> Image.Image: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["numpy"], metadata: Metadata = ...) -> NDArray[np.uint8]: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Literal["torch"], metadata: Metadata = ...) -> torch.Tensor: ...
@overload
def from_rgb8(array: NDArray[np.uint8], output: Output, metadata: Metadata = ...) -> ImageLike: ...
def from_rgb8(array: NDArray[np.uint8], output: Output, metadata: Metadata = NO_METADATA) -> ImageLike:
    """An H x W x 3 uint8 array, or an H x W one for grey, as the caller wants it.

    Returns:
        "pil": an RGB or L image, whose `info` has the metadata as Pillow's own formats have them; "numpy": `array`
        itself; "torch": a contiguous uint8 tensor on the CPU, 3 x H x W, or H x W for grey.

    Raises:
        InvalidInput: another value of `output`.
    """
    check_output(output)
    if output == "pil":
        return with_metadata(Image.fromarray(array), metadata)
    if output == "numpy":
        return array
    import torch

    return torch.from_numpy((array.transpose(2, 0, 1) if array.ndim == 3 else array).copy())


def check_output(output: object) -> None:
    """Raises InvalidInput for what no decoded picture comes as."""
    if output not in ("pil", "numpy", "torch"):
        raise InvalidInput(f"output is {output!r}; use 'pil', 'numpy' or 'torch'")


def array_picture(array: NDArray[np.uint8], name: str) -> Picture:
    """The picture of an array that `check_array` lets pass; raises InvalidInput for masked values."""
    if np.ma.is_masked(array):
        raise InvalidInput(f"{name} has masked values, which a .bsc file cannot hold: fill them, e.g. array.filled(0)")
    array = np.asarray(array)
    if array.ndim == 2 or array.shape[2] == 1:
        return Picture(np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=-1), Channels.GREY)
    array = np.ascontiguousarray(array)
    return Picture(array, channels_of(array))


def check_array(shape: tuple[int, ...], dtype: np.dtype[Any], name: str, views: int = 1) -> None:
    """Raises InvalidInput unless an array of this shape and dtype is a picture: uint8, H x W x 3, or H x W (x 1).

    views: how many it holds.
    """
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    if len(shape) != 2 and (len(shape) != 3 or shape[2] != 3):
        raise InvalidInput(f"{name} is an array of shape {shape}: {_shape_hint(shape)}")
    if dtype == np.bool_:
        raise InvalidInput(f"{name} is an array of bool, it must be uint8: use array.astype(np.uint8) * 255")
    if dtype != np.uint8:
        hint = (
            "np.clip(np.round(255 * array), 0, 255).astype(np.uint8) if it lies in 0..1"
            if dtype.kind == "f"
            else "array.astype(np.uint8) if its values lie in 0..255"
        )
        raise InvalidInput(f"{name} is an array of {dtype}, it must be uint8: use {hint}")
    check_size(shape[1], shape[0], name, views)


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] == 4:
        return "remove the alpha channel, e.g. array[..., :3]"
    if len(shape) == 3 and shape[0] == 3:
        return "it must be H x W x 3, e.g. array.transpose(1, 2, 0)"
    return "it must be H x W x 3, or H x W for a grey one"


def _from_tensor(tensor: torch.Tensor, name: str) -> NDArray[np.uint8]:
    """3 x H x W or H x W as H x W x 3 or H x W."""
    import torch

    shape = tuple(tensor.shape)
    if tensor.ndim == 3 and shape[0] != 3 and 1 in (shape[0], shape[2]):
        tensor = tensor[0] if shape[0] == 1 else tensor[..., 0]
    if tensor.ndim != 2 and (tensor.ndim != 3 or shape[0] != 3):
        hint = ", pass the pictures of a batch one by one" if tensor.ndim == 4 else ""
        raise InvalidInput(f"{name} is a tensor of shape {shape}: it must be 3 x H x W, or H x W for a grey one{hint}")
    if tensor.dtype != torch.uint8 and not tensor.dtype.is_floating_point:
        raise InvalidInput(f"{name} is a tensor of {tensor.dtype}: it must be uint8, or float in 0..1")
    check_size(tensor.shape[-1], tensor.shape[-2], name)
    array = tensor_to_array(tensor, name)
    if array.dtype != np.uint8:
        if not bool(((array >= 0) & (array <= 1)).all()):  # NaN fails both comparisons
            raise InvalidInput(
                f"{name} has values outside 0..1 or NaN: a float tensor must lie in 0..1, "
                "use tensor / 255 or tensor.clamp(0, 1)"
            )
        array = np.rint(array.astype(np.float32) * 255).astype(np.uint8)
    return array.transpose(1, 2, 0) if array.ndim == 3 else array
