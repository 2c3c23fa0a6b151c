"""Counts what each architecture computes for a pair: parameters, multiplications per pixel, and steps in sequence.

    python benchmarks/complexity.py [--size 1024x832] [--markdown docs/models.md]

A multiply-accumulate counts once; per pixel of one view: the pair's total divided by 2 * width * height. PyTorch's own
counter (torch.utils.flop_counter) sees the matrix products, convolutions and attentions of a forward pass with the
defaults of each architecture, `bisic-rt` with smoothing, as it is built in; networks of the published codecs run on the
meta device, which computes shapes alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest import mock

import torch
from markdown_tables import publish, table
from torch.fx.experimental import _config as fx_config
from torch.utils.flop_counter import FlopCounterMode

from stereocodec.entropy.coders import RateEstimator
from stereocodec.models import StereoModel, build_model
from stereocodec.models.bisic.entropy import wavefronts

SETTINGS: dict[str, dict[str, object]] = {"bisic-rt": {"smoothing": True}, "bisic": {}, "bisic-fast": {}, "ecsic": {}}


def main() -> None:
    """Counts and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1024x832", metavar="WxH", help="multiples of 64")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    header = ["architecture", "parameters", "analysis", "entropy network", "synthesis", "all", "steps in sequence"]
    rows = []
    for name, settings in SETTINGS.items():
        device = torch.device("cpu" if name == "bisic-rt" else "meta")
        with device:
            model = build_model(name, settings).eval().to(device)
        counts = kilomacs(model, width, height)
        parameters = sum(p.numel() for p in model.parameters())
        shown = [f"{count:.1f}" for count in (*counts, sum(counts))]
        rows.append([f"`{name}`", f"{parameters:,}", *shown, f"{steps(name, model, width, height):,}"])
    text = (
        f"Thousands of multiply-accumulates per pixel of a view, a pair of {width}x{height}.\n\n{table(header, rows)}"
    )
    publish(text, "complexity", arguments.markdown)


def kilomacs(model: StereoModel, width: int, height: int) -> tuple[float, float, float]:
    """Of the analysis with the hyper analysis, of the walk, and of the synthesis."""
    device = next(model.parameters()).device
    x, quality = torch.rand(2, height, width, 3, device=device), torch.full((2,), 0.5, device=device)
    coder = RateEstimator(model.prior, model.laplace_share, noise=False, whole_slices="rounded")
    counts = []
    # Rates ask which elements are coded; on the meta device that is any number of them.
    with torch.inference_mode(), mock.patch.object(fx_config, "meta_nonzero_assume_all_nonzero", True):
        with FlopCounterMode(display=False) as counter:
            latents = model.analyse(x, quality, with_choices=False)
        counts.append(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter:
            decoded = model.walk(coder, latents, quality, (height, width))
        counts.append(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter:
            model.reconstruct(decoded)
        counts.append(counter.get_total_flops())
    analysis, walk, synthesis = (count / 2 / (2 * width * height) / 1000 for count in counts)
    return analysis, walk, synthesis


def steps(name: str, model: StereoModel, width: int, height: int) -> int:
    """How many times, one after another, a decoder asks for elements of y."""
    if name == "bisic":
        return int(model.config.slices) * len(wavefronts(height // 16, width // 16).steps)
    return {"bisic-rt": 8, "bisic-fast": 2 * getattr(model.config, "slices", 0), "ecsic": 2}[name]


if __name__ == "__main__":
    main()
