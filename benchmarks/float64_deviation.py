"""How far apart the entropy network's results lie between modes of one machine, in units of the lattice.

    python benchmarks/float64_deviation.py [LEFT RIGHT] [--model NAME|DIR] [--quality 50] [--markdown PAGE]

The pair is coded once; then the network walks through its decoded latents in each mode, in float64 and in float32,
and every mean and scale level is compared with the first walk's in float64. A file decodes as long as the deviation is
below the release's epsilon. `rounded differently` counts the parameters that come to lie on another lattice point:
one of them is enough to lose a file that has no guard list. Without LEFT and RIGHT the sample pair is used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markdown_tables import machine, publish, table
from numpy.typing import NDArray

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from tracing import Trace, permuted_sums, replay, traced_encode  # noqa: E402

from stereocodec.codec import StereoCodec  # noqa: E402
from stereocodec.container import Container  # noqa: E402
from stereocodec.entropy.guard import count_entries  # noqa: E402
from stereocodec.pictures.pil import load_image  # noqa: E402
from stereocodec.pictures.rgb import to_pair  # noqa: E402
from stereocodec.releases.release import load_release  # noqa: E402

SAMPLE = REPOSITORY / "docs" / "sample"
DTYPES = {"float64": torch.float64, "float32": torch.float32}
Parameters = NDArray[np.float64]


def main() -> None:
    """Measures and prints the table."""
    arguments = _parser().parse_args()
    warnings.filterwarnings("ignore", message="TF32")  # said by PyTorch whenever a flag of oneDNN is set
    if arguments.replay:
        _replay_here(arguments)
        return
    left, right = to_pair(load_image(arguments.left), load_image(arguments.right))
    codec = StereoCodec.from_pretrained(arguments.model, device="cpu")
    data, trace = traced_encode(codec, (left, right), quality=arguments.quality)
    lattice = load_release(arguments.model).lattice
    results = dict(_walks(arguments, trace.latents))
    reference = results["1 thread"]["float64"]
    rows = [
        (mode, *(text for dtype in DTYPES for text in _compared(walks[dtype], reference)))
        for mode, walks in results.items()
    ]
    header = ["mode"] + [f"{dtype}, {what}" for dtype in DTYPES for what in ("deviation", "rounded differently")]
    text = (
        f"A pair of {left.shape[1]}x{left.shape[0]} at quality {arguments.quality} with {codec.name} "
        f"({codec.model_id.hex()}): {len(data):,} bytes, {reference.size:,} parameters, "
        f"{count_entries(Container.from_bytes(data).bands[0].guard)} guard entries at epsilon {lattice.epsilon:.2g}. "
        f"{machine('stereocodec', 'torch', 'numpy')}, {torch.backends.cpu.get_cpu_capability()}.\n\n"
        + table(header, rows)
    )
    publish(text, "deviation", arguments.markdown)


def _walks(arguments: argparse.Namespace, latents: list[Any]) -> Iterator[tuple[str, dict[str, Parameters]]]:
    """The parameters of every mode, by precision."""
    modes: dict[str, AbstractContextManager[Any]] = {
        "1 thread": _threads(1),
        "2 threads": _threads(2),
        "4 threads": _threads(4),
        "oneDNN off": torch.backends.mkldnn.flags(enabled=False),
        "sums in another order": permuted_sums(),
    }
    for name, mode in modes.items():
        with mode:
            yield name, _all_precisions(arguments, latents)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "latents.npz", Path(folder) / "parameters.npz"
        np.savez(source, *latents)
        command = [sys.executable, __file__, "--replay", str(source), str(target)]
        command += ["--model", arguments.model, "--quality", str(arguments.quality)]
        subprocess.run(command, env=os.environ | {"ATEN_CPU_CAPABILITY": "default"}, check=True)
        with np.load(target) as walks:
            yield "no vector instructions", dict(walks)


def _replay_here(arguments: argparse.Namespace) -> None:
    source, target = arguments.replay
    with np.load(source) as arrays:
        latents = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
    np.savez(target, **_all_precisions(arguments, latents))


def _all_precisions(arguments: argparse.Namespace, latents: list[Any]) -> dict[str, Parameters]:
    walks = {}
    for name, dtype in DTYPES.items():
        release = load_release(arguments.model)
        if dtype == torch.float64:
            release.model.make_exact()
        trace: Trace = replay(release.model, release.lattice, latents, arguments.quality, dtype)
        walks[name] = np.concatenate([step.reshape(-1) for step in trace.parameters])
    return walks


def _compared(parameters: Parameters, reference: Parameters) -> tuple[str, str]:
    deviation = np.abs(parameters - reference).max()
    moved = np.count_nonzero(np.floor(parameters + 0.5) != np.floor(reference + 0.5))
    return f"{deviation:.1e}", f"{moved:,}"


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("left", nargs="?", default=SAMPLE / "left.png")
    parser.add_argument("right", nargs="?", default=SAMPLE / "right.png")
    parser.add_argument("--model", default="bisic-rt")
    parser.add_argument("--quality", type=int, default=50)
    parser.add_argument("--markdown", type=Path, help="a page to put the table into")
    parser.add_argument("--replay", nargs=2, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
