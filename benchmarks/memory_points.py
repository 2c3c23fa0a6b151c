"""Points of pairs that are coded in memory, and what the scripts that measure such points share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from markdown_tables import machine
from rd_points import EvaluationPair, Point, View, find_pairs

from stereocodec import StereoCodec
from stereocodec.errors import StereoCodecError
from stereocodec.pictures.rgb import psnr


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all these scripts have."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="bisic-rt", metavar="NAME|DIR")
    options.add_argument("--device", default="cpu", help="auto, cpu or cuda (default cpu)")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the report")
    return options


def pairs_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of `parser`, and those that choose pairs on disk."""
    options = parser(description)
    options.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of stereo pairs")
    options.add_argument("--pairs", nargs="+", metavar="NAME", help="only these pairs")
    return options


def chosen_pairs(arguments: argparse.Namespace) -> list[EvaluationPair]:
    """The pairs of --data, or those that --pairs names. Raises SystemExit when there is none of them."""
    pairs = [p for p in find_pairs(arguments.data) if not arguments.pairs or p.name in arguments.pairs]
    if not pairs:
        raise SystemExit(f"{arguments.data} holds none of the pairs {', '.join(arguments.pairs)}")
    return pairs


def load_codec(arguments: argparse.Namespace) -> StereoCodec:
    """The codec of --model and --device. Raises SystemExit when there is none."""
    try:
        return StereoCodec.from_pretrained(arguments.model, device=arguments.device)
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error


def conditions(codec: StereoCodec, what: str) -> str:
    """The line above the tables: weights, what was coded, machine and versions."""
    return f"Weights `{codec.name}` ({codec.model_id.hex()}), {what}. {machine('stereocodec', 'torch', 'numpy')}."


def coded_point(
    codec: StereoCodec, pair: str, group: str, views: tuple[View, View], quality: int, effort: int | None = None
) -> Point:
    """Encodes two views (H, W, 3) uint8 and decodes the file; see `memory_point`."""
    tried = {} if effort is None else {"effort": effort}
    data = codec.compress(*views, quality=quality, **tried)
    name = " ".join([codec.name, *(f"--effort {effort}" for effort in tried.values())])
    return memory_point((name, pair, group, f"q{quality}"), views, len(data), codec.decompress(data, output="numpy"))


def memory_point(
    identity: tuple[str, str, str, str], views: tuple[View, View], file_bytes: int, decoded: Sequence[View]
) -> Point:
    """A point of (codec, pair, group, setting) from both views before and after coding.

    MS-SSIM, which needs pictures of some size, and the times are not measured: NaN.
    """
    codec, pair, group, setting = identity
    left, right = (psnr(a, b) for a, b in zip(views, decoded, strict=True))
    return Point(
        codec=codec,
        pair=pair,
        group=group,
        setting=setting,
        file_bytes=file_bytes,
        bpp=8 * file_bytes / (2 * views[0].shape[0] * views[0].shape[1]),
        psnr_left=left,
        psnr_right=right,
        psnr=(left + right) / 2,
        msssim=float("nan"),
        enc_s=float("nan"),
        dec_s=float("nan"),
    )
