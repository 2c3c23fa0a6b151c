"""Draws details of a pair: original, JPEG 4:2:0 of the same size, and a release, with bytes, bpp and PSNR.

    python benchmarks/comparison_picture.py [LEFT RIGHT] [-q 15] [--against avif] [-o docs/images/comparison.png]

Without LEFT and RIGHT the repository's sample pair is used. The JPEG files, or those of another codec, have one quality
for both views, the lowest at which they are no smaller than the release's file. Every pixel of a detail is drawn as a
square of four.
"""

from __future__ import annotations

import argparse
import io
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from picture_notes import save_noted
from PIL import Image, ImageDraw, ImageFont
from rd_points import View

from stereocodec import StereoCodec
from stereocodec.evaluation.codecs.base import PillowCodec, picture_bytes
from stereocodec.evaluation.runner import find_anchor
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import psnr, to_pair

ROOT = Path(__file__).parent.parent
DETAIL = (221, 160)  # width and height in the pair's pixels
ZOOM = 2
MARGIN, GAP, HEAD, FOOT = 21, 16, 78, 44
INK, GREY, PAPER = (24, 28, 33), (92, 99, 108), (255, 255, 255)

Pair = tuple[View, View]


@dataclass(frozen=True)
class Column:
    """A codec's pair with its captions."""

    title: str
    numbers: str
    views: Pair


def main() -> None:
    """Codes the pair and draws the picture."""
    arguments = _parser().parse_args()
    if (arguments.left is None) != (arguments.right is None):
        raise SystemExit("name both views, or none for the sample pair")
    sample = ROOT / "docs" / "sample"
    paths = (arguments.left or sample / "left.png", arguments.right or sample / "right.png")
    pair = to_pair(*map(load_image, paths))
    codec = StereoCodec.from_pretrained(arguments.model, device="cpu")
    other = find_anchor(arguments.against)
    assert isinstance(other, PillowCodec)
    columns = _columns(pair, codec, other, arguments.quality, arguments.name or codec.name)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    picture = _draw(columns, (arguments.left_detail, arguments.right_detail))
    save_noted(picture, arguments.output, codec.name, codec.model_id.hex())
    for column in columns:
        print(f"{column.title}: {column.numbers}")
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("left", nargs="?", type=Path)
    parser.add_argument("right", nargs="?", type=Path)
    parser.add_argument("--left-detail", type=_corner, default=(506, 82), metavar="X,Y", help="its upper left corner")
    parser.add_argument("--right-detail", type=_corner, default=(650, 258), metavar="X,Y")
    parser.add_argument("-q", "--quality", type=int, default=15)
    parser.add_argument("--against", choices=("jpeg", "webp", "avif"), default="jpeg", help="default: jpeg, 4:2:0")
    parser.add_argument("--model", default="bisic-rt", metavar="NAME|DIR")
    parser.add_argument("--name", help="what the picture calls the release; default: its name")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "images" / "comparison.png")
    return parser


def _corner(text: str) -> tuple[int, int]:
    x, y = map(int, text.split(","))
    return x, y


def _columns(pair: Pair, codec: StereoCodec, other: PillowCodec, quality: int, name: str) -> list[Column]:
    height, width = pair[0].shape[:2]
    data = codec.compress(*pair, quality=quality)
    other_quality, files = _other_files(other, pair, len(data))
    left, right = (np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files)

    def numbers(size: int, decoded: Pair | None = None) -> str:
        text = f"{size:,} bytes, {8 * size / (2 * width * height):.2f} bpp"
        return text if decoded is None else f"{text}, {np.mean(list(map(psnr, pair, decoded))):.1f} dB"

    decoded = codec.decompress(data, output="numpy")
    return [
        Column("Original", numbers(6 * width * height), pair),
        Column(f"{other.title}, quality {other_quality}", numbers(sum(map(len, files)), (left, right)), (left, right)),
        Column(f"{name}, quality {quality}", numbers(len(data), decoded), decoded),
    ]


def _other_files(other: PillowCodec, pair: Pair, size: int) -> tuple[int, list[bytes]]:
    """Both views at the lowest of the codec's qualities whose files have at least `size` bytes in total."""

    def files(quality: int) -> list[bytes]:
        return [picture_bytes(view, other.format, {**dict(other.options), "quality": quality}) for view in pair]

    qualities = range(1, 96)
    place = bisect_left(qualities, size, key=lambda quality: sum(map(len, files(quality))))
    if place == len(qualities):
        raise SystemExit(f"{other.title} of quality 95 is smaller than {size:,} bytes; choose a lower quality")
    return qualities[place], files(qualities[place])


def _draw(columns: list[Column], corners: tuple[tuple[int, int], tuple[int, int]]) -> Image.Image:
    cell_width, cell_height = ZOOM * DETAIL[0], ZOOM * DETAIL[1]
    width = 2 * MARGIN + len(columns) * (cell_width + GAP) - GAP
    height = MARGIN + HEAD + 2 * (cell_height + GAP) - GAP + FOOT + MARGIN
    picture = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(picture)
    for index, column in enumerate(columns):
        x, y = MARGIN + index * (cell_width + GAP), MARGIN
        pen.text((x, y), column.title, INK, ImageFont.load_default(30))
        pen.text((x, y + 40), column.numbers, GREY, ImageFont.load_default(23))
        for row, (view, corner) in enumerate(zip(column.views, corners, strict=True)):
            detail = Image.fromarray(_detail(view, corner)).resize((cell_width, cell_height), Image.Resampling.NEAREST)
            picture.paste(detail, (x, MARGIN + HEAD + row * (cell_height + GAP)))
    foot = "Above a detail of the left view, below of the right view. Bytes of both views; PSNR over both whole views."
    pen.text((MARGIN, height - MARGIN - 24), foot, GREY, ImageFont.load_default(21))
    return picture


def _detail(view: View, corner: tuple[int, int]) -> View:
    x, y = corner
    detail = view[y : y + DETAIL[1], x : x + DETAIL[0]]
    if detail.shape[:2] != DETAIL[::-1]:
        raise SystemExit(f"a detail of {DETAIL[0]}x{DETAIL[1]} at {x},{y} does not lie within the picture")
    return detail


if __name__ == "__main__":
    main()
