"""Times every architecture on one pair: encoding and decoding by parts, beside a plain float32 forward pass.

    python benchmarks/published_speed.py [--size 1024x832] [--releases DIR ...] [--markdown docs/models.md]

The plain pass is what published code times: analysis, estimated rates and synthesis in float32, without any coding;
of BiSIC with its 3D convolutions as such, and with contexts that no decoder has, so that it needs no steps. Full-size
networks have untrained weights (`formula_weights.py`; seeded starting weights for `ecsic`), `bisic-rt` its own. Each
file is decoded, the coded bytes are held against the model's estimate, and the estimate against the published one.
--releases measures folders of releases, with the weights in them, in place of all of these.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

import as_bisic  # noqa: F401  # before numpy and PyTorch
import numpy as np
import torch
import torch.nn.functional as F
from coding_parts import DECODE, ENCODE, Parts, coding_parts
from complexity import SETTINGS
from formula_weights import fill
from markdown_tables import machine, publish, table
from numpy.typing import NDArray
from speed import SAMPLE, fitted
from torch import Tensor

from stereocodec import StereoCodec
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.lattice import Lattice
from stereocodec.models import StereoModel, build_model
from stereocodec.models.bisic.model import Bisic
from stereocodec.models.bisic.stereo_conv import StereoConv, StereoConvTranspose
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_pair
from stereocodec.releases.folders import built_in_names, find_release
from stereocodec.releases.release import coding_tables, load_release, save_release
from stereocodec.training.measure import coded_and_estimated_bytes

View = NDArray[np.uint8]


def main() -> None:
    """Measures one architecture after the other and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1024x832", metavar="WxH", help="multiples of 64")
    parser.add_argument("--archs", nargs="+", default=tuple(SETTINGS), metavar="NAME")
    parser.add_argument("--releases", nargs="+", type=Path, metavar="DIR", help="in place of --archs")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="runs after one to warm up")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked blocks get the tables")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    left, right = (
        fitted(view, width, height) for view in to_pair(*(load_image(SAMPLE / f"{v}.png") for v in ("left", "right")))
    )
    times, sizes = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for release in arguments.releases or map(partial(_release, Path(scratch)), arguments.archs):
            times.append(_times(release, (left, right), arguments.repeats))
            sizes.append(_sizes(release, np.stack([left, right])))
            print(f"{times[-1]}\n{sizes[-1]}", file=sys.stderr, flush=True)
    conditions = f"A pair of {width}x{height}, {arguments.threads} threads. {machine('torch', 'numpy')}."
    header = [
        "architecture",
        *(f"encode: {part}, s" for part in ENCODE[:-1]),
        *(f"decode: {p}, s" for p in DECODE[:-1]),
    ]
    header += ["plain float32 pass, s", "(encode + decode) / plain", "peak memory so far, GB"]
    publish(f"{conditions}\n\n{table(header, times)}", "published-speed", arguments.markdown)
    header = [
        "architecture",
        "coded bytes",
        "estimated",
        "coded / estimated",
        "published estimate",
        "decodable / published",
    ]
    publish(f"{conditions}\n\n{table(header, sizes)}", "published-sizes", arguments.markdown)


def _release(scratch: Path, arch: str) -> Path:
    """The release of an architecture: the built-in one, or untrained weights in a folder of their own."""
    if arch in built_in_names():
        return find_release(arch)
    folder = scratch / arch
    torch.manual_seed(0)
    model = build_model(arch, {})
    fill(model, arch)
    lattice = Lattice()
    save_release(
        folder,
        name=arch,
        architecture=arch,
        model=model,
        tables=coding_tables(model, lattice),
        lattice=lattice,
        training={},
        card="untrained",
        precision=torch.float32,
    )
    return folder


def _times(release: Path, views: tuple[View, View], repeats: int) -> list[str]:
    codec = StereoCodec.from_pretrained(release, device="cpu")
    model = load_release(release).model
    encode, decode = coding_parts(
        codec, type(model), views, quality=50 if codec.has_qualities else None, repeats=repeats
    )
    plain = _seconds(lambda: _plain_pass(model, np.stack(views)), repeats)
    shown = _shown(encode, ENCODE) + _shown(decode, DECODE)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    ratio = (encode["total"] + decode["total"]) / plain
    return [f"`{codec.name}`", *shown, f"{plain:.1f}", f"{ratio:.2f}", f"{memory:.1f}"]


def _shown(parts: Parts, names: Sequence[str]) -> list[str]:
    return [f"{parts[name]:.1f}" for name in names[:-1]]


def _seconds(action: Callable[[], object], repeats: int) -> float:
    """The median of some runs, after one to warm up."""
    measured = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        action()
        measured.append(time.perf_counter() - start)
    return float(np.median(measured[1:]))


@torch.inference_mode()
def _plain_pass(model: StereoModel, views: NDArray[np.uint8]) -> Tensor:
    x, quality = torch.from_numpy(views).float() / 255, torch.full((2,), 0.5)
    coder = RateEstimator(model.prior, model.laplace_share, noise=False, whole_slices="rounded")
    with patch.object(StereoConv, "_convolve", _conv3d), patch.object(StereoConvTranspose, "forward", _transposed3d):
        latents = model.analyse(x, quality, with_choices=False)
        return model.reconstruct(model.walk(coder, latents, quality, (x.shape[1], x.shape[2])))


def _volume(stacked: Tensor) -> Tensor:
    """(B, 2 C, H, W) -> (B, C, 2, H, W)."""
    return stacked.unflatten(1, (2, -1)).transpose(1, 2).contiguous()


def _conv3d(layer: StereoConv, x: Tensor, weight: Tensor) -> Tensor:
    y = F.conv3d(_volume(x), weight, layer.bias, layer.stride, layer.padding)
    return y.transpose(1, 2).flatten(1, 2)


def _transposed3d(layer: StereoConvTranspose, x: Tensor, output_size: None = None) -> Tensor:
    y = F.conv_transpose3d(_volume(x), layer.weight, layer.bias, (1, 2, 2), (1, 2, 2), (0, 1, 1))
    return y.transpose(1, 2).flatten(1, 2)


def _sizes(release: Path, views: NDArray[np.uint8]) -> list[str]:
    loaded = load_release(release)
    coded, estimated = coded_and_estimated_bytes(loaded, torch.from_numpy(views) / 255, 50)
    row = [f"`{loaded.name}`", f"{coded:,}", f"{estimated:,.0f}", f"{coded / estimated:.4f}"]
    if not isinstance(loaded.model, Bisic):
        return [*row, "-", "-"]
    published = _published_bytes(loaded.model, views)
    return [*row, f"{published:,.0f}", f"{estimated / published:.4f}"]


@torch.inference_mode()
def _published_bytes(model: StereoModel, views: NDArray[np.uint8]) -> float:
    """The estimate of the official evaluation, with contexts from latents rounded to integers."""
    x, quality = torch.from_numpy(views).float() / 255, torch.zeros(2)
    coder = RateEstimator(model.prior, model.laplace_share, noise=False, whole_slices="rounded")
    model.walk(coder, model.analyse(x, quality, with_choices=False), quality, (x.shape[1], x.shape[2]))
    return float(coder.bits.sum()) / 8


if __name__ == "__main__":
    main()
