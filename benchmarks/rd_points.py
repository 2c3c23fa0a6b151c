"""Rate-distortion points: how one is measured, and the table of them on disk."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from pytorch_msssim import ms_ssim  # type: ignore[import-untyped]

from stereocodec import StereoCodec
from stereocodec.container import Container
from stereocodec.entropy.guard import count_entries
from stereocodec.images import load_image, psnr, to_pair

View = NDArray[np.uint8]
JPEG = "jpeg420"
JPEG_QUALITIES = (5, 10, 20, 35, 55, 75, 88, 94)


@dataclass(frozen=True)
class Pair:
    """A stereo pair on disk and the group that its results are averaged in."""

    name: str
    group: str
    left: Path
    right: Path

    def load(self) -> tuple[View, View]:
        """Both views, (H, W, 3) uint8."""
        return to_pair(load_image(self.left), load_image(self.right))


@dataclass(frozen=True)
class Point:
    """One codec at one setting on one pair; the fields are the columns of points.csv.

    `file_bytes` counts the files of both views, `bpp` is 8 * file_bytes / (2 W H). PSNR (dB, over RGB, 8 bit) and
    MS-SSIM are given per view; `psnr` and `msssim` are the means of the two. `enc_s` and `dec_s` are CPU seconds
    of all threads. None: not known.
    """

    codec: str
    pair: str
    group: str
    setting: str
    file_bytes: int
    bpp: float
    psnr_left: float
    psnr_right: float
    psnr: float
    msssim: float
    enc_s: float
    dec_s: float
    msssim_left: float | None = None
    msssim_right: float | None = None
    guard_entries: int | None = None
    model_id: str = ""

    @property
    def gap(self) -> float:
        """|PSNR left - PSNR right|, dB."""
        return abs(self.psnr_left - self.psnr_right)

    @property
    def msssim_db(self) -> float:
        """-10 log10(1 - MS-SSIM), dB."""
        return float(-10 * np.log10(1 - self.msssim))


COLUMNS = tuple("bytes" if field.name == "file_bytes" else field.name for field in fields(Point))
_FORMATS = {"bpp": ".5f", "enc_s": ".2f", "dec_s": ".2f"} | dict.fromkeys(("psnr_left", "psnr_right", "psnr"), ".4f")
_FORMATS |= dict.fromkeys(("msssim", "msssim_left", "msssim_right"), ".6f")


def find_pairs(folder: Path) -> list[Pair]:
    """The pairs NAME_left.*, NAME_right.* of a folder; groups from its manifest.csv (name, group) if it has one."""
    groups, pairs = manifest_column(folder, "group"), []
    for left in sorted(folder.glob("*_left.*")):
        name = left.stem.removesuffix("_left")
        right = left.with_name(f"{name}_right{left.suffix}")
        if right.is_file():
            pairs.append(Pair(name, groups.get(name, "pairs"), left, right))
    if not pairs:
        raise SystemExit(f"{folder} holds no pairs NAME_left.png, NAME_right.png")
    return pairs


def manifest_column(folder: Path, column: str) -> dict[str, str]:
    """A column of a folder's manifest.csv by the pairs' names; empty without the file or the column."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        return {}
    with manifest.open(newline="", encoding="utf-8") as file:
        return {row["name"]: row[column] for row in csv.DictReader(file) if row.get(column)}


def read_points(path: Path) -> list[Point]:
    """The points of a table; columns that it does not have are None."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_from_row(row) for row in csv.DictReader(file)]


def append_point(path: Path, point: Point) -> None:
    """Adds a line to a table, the header first when it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        values = zip(COLUMNS, astuple(point), strict=True)
        writer.writerow(["" if v is None else format(v, _FORMATS.get(c, "")) for c, v in values])


def measure_release(codec: StereoCodec, pair: Pair, quality: int, folder: Path) -> Point:
    """Encodes to a file in `folder`, reads it back and decodes it."""
    views, path = pair.load(), folder / f"{pair.name}_q{quality}.bsc"

    def encode() -> None:
        path.write_bytes(codec.compress(*views, quality=quality))

    def decode() -> tuple[View, View]:
        left, right = codec.decompress(path.read_bytes(), output="numpy")
        return left, right

    point = _measure((codec.name, pair, f"q{quality}"), views, [path], encode, decode)
    entries = count_entries(Container.from_bytes(path.read_bytes()).guard)
    return replace(point, guard_entries=entries, model_id=codec.model_id.hex())


def measure_jpeg(pair: Pair, quality: int, folder: Path) -> Point:
    """Writes each view to a JPEG file in `folder`, reads it back and decodes it."""
    views = pair.load()
    paths = [folder / f"{pair.name}_q{quality}_{side}.jpg" for side in ("left", "right")]

    def encode() -> None:
        for path, view in zip(paths, views, strict=True):
            path.write_bytes(jpeg_bytes(view, quality))

    def decode() -> tuple[View, View]:
        left, right = (np.asarray(load_image(path)) for path in paths)
        return left, right

    return _measure((JPEG, pair, f"q{quality}"), views, paths, encode, decode)


def jpeg_bytes(view: View, quality: int, subsampling: str = "4:2:0") -> bytes:
    """A view as a JPEG file with optimised Huffman tables (Pillow); `subsampling` of the chroma: 4:2:0 or 4:4:4."""
    buffer = io.BytesIO()
    # For optimised tables Pillow has the whole file in one buffer of about a byte per pixel, which noise overruns.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, 2 * view.size)
    Image.fromarray(view).save(buffer, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
    return buffer.getvalue()


def _measure(
    identity: tuple[str, Pair, str],
    views: tuple[View, View],
    paths: Sequence[Path],
    encode: Callable[[], None],
    decode: Callable[[], tuple[View, View]],
) -> Point:
    start = time.process_time()
    encode()
    encoded = time.process_time()
    decoded = decode()
    end = time.process_time()
    codec, pair, setting = identity
    psnrs = [psnr(a, b) for a, b in zip(views, decoded, strict=True)]
    similarities = [_ms_ssim(a, b, pair.name) for a, b in zip(views, decoded, strict=True)]
    file_bytes = sum(path.stat().st_size for path in paths)
    return Point(
        codec=codec,
        pair=pair.name,
        group=pair.group,
        setting=setting,
        file_bytes=file_bytes,
        bpp=8 * file_bytes / (2 * views[0].shape[0] * views[0].shape[1]),
        psnr_left=psnrs[0],
        psnr_right=psnrs[1],
        psnr=sum(psnrs) / 2,
        msssim=sum(similarities) / 2,
        enc_s=encoded - start,
        dec_s=end - encoded,
        msssim_left=similarities[0],
        msssim_right=similarities[1],
    )


def _ms_ssim(reference: View, decoded: View, name: str) -> float:
    if min(reference.shape[:2]) <= 160:
        raise SystemExit(f"{name} is too small: MS-SSIM over five scales needs sides of more than 160 pixels")
    x, y = (torch.from_numpy(np.array(v)).permute(2, 0, 1)[None].float() for v in (reference, decoded))
    return float(ms_ssim(x, y, data_range=255))


def _from_row(row: dict[str, str]) -> Point:
    def number(column: str) -> float:
        return float(row[column])

    def optional(column: str) -> float | None:
        return number(column) if row.get(column) else None

    guard = optional("guard_entries")
    return Point(
        codec=row["codec"],
        pair=row["pair"],
        group=row["group"],
        setting=row["setting"],
        file_bytes=int(row["bytes"]),
        bpp=number("bpp"),
        psnr_left=number("psnr_left"),
        psnr_right=number("psnr_right"),
        psnr=number("psnr"),
        msssim=number("msssim"),
        enc_s=number("enc_s"),
        dec_s=number("dec_s"),
        msssim_left=optional("msssim_left"),
        msssim_right=optional("msssim_right"),
        guard_entries=None if guard is None else int(guard),
        model_id=row.get("model_id") or "",
    )
