"""Trains the network of lossless and bounded depth, and writes its weights as whole numbers.

    python tools/train_depth_network.py --pairs PAIRS -o stereocodec/depth_coding/network.safetensors

It learns from rendered rooms as three kinds of depth cameras see them, and from pairs of photographs, NAME_left.* and
NAME_right.* in a folder, that OpenCV matches. There are two sets of networks: those for smooth maps learn from maps
whose bins are listed, those for noisy maps from the others. Networks see by how much they were off nearby. So they are
trained twice: first with the errors of no network, then with those of the first ones. All of it takes half an hour on
two cores. The weights are part of the format: other weights are another format.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from depth_frames import matched_frame, room_frames
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn

from stereocodec.depth_coding.bound import DepthBound
from stereocodec.depth_coding.neighbours import FINE, FINE_BITS, INPUTS, LARGEST, UNIT, Known
from stereocodec.depth_coding.network import KINDS, ONE, OUTPUTS, SETS, WEIGHT_UNIT
from stereocodec.depth_coding.passes import passes
from stereocodec.depth_coding.samples import chosen_bins
from stereocodec.depth_coding.walk import surroundings

SEED = 1
HIDDEN = 32
ROOMS, LARGE_ROOMS = 64, 3  # how many, and each of how many is 640x480 pixels large
MOST_HOLES = 0.6
BOUNDS = (0, 0, 2, 10)  # in steps; each map is seen with two of them
EXAMPLES = 1800  # of each pass of the finest two levels, half as many of each coarser one
COARSEST = 16
BATCH, RATE, SHORT = 6144, 4e-3, 1500
LARGEST_SUM = 2**24


class Layers(nn.Module):
    """A network in floats, as `network.Network` is in whole numbers."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, HIDDEN, bias=False)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.third = nn.Linear(HIDDEN, OUTPUTS)
        self.direct = nn.Linear(inputs, OUTPUTS, bias=False)
        with torch.no_grad():
            self.third.weight *= 0.1
            self.third.bias.copy_(torch.tensor([0.0, -1.0, 2.0]))
            self.direct.weight.zero_()

    def forward(self, inputs: Tensor) -> Tensor:
        """Of inputs (N, inputs) in `UNIT`ths the outputs (N, OUTPUTS)."""
        inputs = inputs / UNIT
        hidden = self.first(inputs).clamp(0, LARGEST / UNIT)
        hidden = self.second(hidden).clamp(0, LARGEST / UNIT)
        outputs: Tensor = self.third(hidden) + self.direct(inputs)
        return outputs

    def whole_numbers(self) -> dict[str, NDArray[np.int32]]:
        """The tensors of `network.Network`; raises SystemExit if a sum could exceed 2^24."""
        tensors = {}
        for name in ("first", "second", "third", "direct"):
            weight = getattr(self, name).weight.detach().double().numpy()
            tensors[name] = np.rint(weight * WEIGHT_UNIT).astype(np.int32)
        for name in ("second", "third"):
            bias = getattr(self, name).bias.detach().double().numpy()
            tensors[f"{name}_bias"] = np.rint(bias * ONE).astype(np.int32)[:, None]
        sums = {name: np.abs(tensor).sum(1).max() * LARGEST for name, tensor in tensors.items()}
        if max(sums["first"], sums["second"], sums["third"] + sums["direct"]) > LARGEST_SUM * 3 // 4:
            raise SystemExit(f"sums of the network are too large for whole numbers in float32: {sums}")
        return tensors


Seen = tuple[NDArray[np.int16], NDArray[np.int8], NDArray[np.float32]]
Networks = Mapping[tuple[bool, int], Layers]
"""By whether they are for smooth maps, those whose bins are listed, and by the kind of pass."""


@dataclass(frozen=True)
class Examples:
    """Pixels of one kind of pass: inputs (N, inputs) int16, magnitudes (N,) int8, and residuals (N,) in bins."""

    inputs: Tensor
    magnitudes: Tensor
    residuals: Tensor


_shared: dict[tuple[bool, int], Examples] = {}


def main() -> None:
    """Trains and writes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder of photographs")
    options.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the weights go")
    options.add_argument("--steps", type=int, default=10000, help="of the second training, for each kind of pass")
    options.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = options.parse_args()
    torch.set_num_threads(1)
    # Forked processes share what is here already; the examples are some gigabytes.
    workers = multiprocessing.get_context("fork")
    with workers.Pool(arguments.processes) as pool:
        maps = [depth for part in pool.imap(depth_maps, sources(arguments.pairs)) for depth in part]
    print(f"{len(maps)} maps", file=sys.stderr, flush=True)
    networks: Networks = {}
    for steps in (SHORT, arguments.steps):
        with workers.Pool(arguments.processes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            seen = joined(pool.imap(partial(examples, networks=networks), enumerate(maps)))
        _shared.update(seen)
        with workers.Pool(arguments.processes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            states = pool.map(partial(trained, steps=steps), sorted(seen), chunksize=1)
        networks = {which: with_state(which[1], state) for which, state in zip(sorted(seen), states, strict=True)}
    tensors = {
        f"{SETS[listed]}.{kind}.{name}": tensor.astype(narrowest(tensor))
        for (listed, kind), layers in networks.items()
        for name, tensor in layers.whole_numbers().items()
    }
    save_file(tensors, arguments.output)


def narrowest(tensor: NDArray[np.int32]) -> type[np.int16] | type[np.int32]:
    """Of the types of integers that a file may have."""
    return np.int16 if np.abs(tensor).max() < 2**15 else np.int32


def sources(pairs: Path) -> list[int | Path]:
    """Seeds of rooms, and left views of pairs."""
    return [*range(ROOMS), *sorted(pairs.glob("*_left.*"))]


def depth_maps(source: int | Path) -> list[NDArray[np.uint16]]:
    """The maps of a seed or a pair, 0 where there is no measurement."""
    if isinstance(source, int):
        size = (320, 240) if source % LARGE_ROOMS else (640, 480)
        return [frame.depth for frame in room_frames(source, *size).values()]
    right = next(source.parent.glob(source.name.replace("_left.", "_right.")))
    depth = matched_frame(source, right).depth
    return [depth] if (depth == 0).mean() <= MOST_HOLES else []


def examples(numbered: tuple[int, NDArray[np.uint16]], networks: Networks) -> list[tuple[tuple[bool, int], Seen]]:
    """Pixels of a map; networks: those whose errors are seen, none at first."""
    number, depth = numbered
    rng = np.random.default_rng([SEED, number])
    holes = depth == 0
    found = []
    for steps in rng.permutation(BOUNDS)[:2].tolist():
        bins, listed = chosen_bins(depth[~holes], DepthBound(steps), 0)
        numbers = np.zeros(depth.shape, dtype=np.int64)
        numbers[~holes] = bins.numbers(depth[~holes])
        of_kinds = [networks[listed, kind] for kind in range(KINDS)] if networks else None
        for kind, (inputs, magnitudes, residuals), most in seen_while_coding(numbers, holes, of_kinds):
            chosen = rng.permutation(residuals.size)[:most]
            found.append(((listed, kind), (inputs[:, chosen].T.copy(), magnitudes[chosen], residuals[chosen])))
    return found


def joined(parts: Iterable[list[tuple[tuple[bool, int], Seen]]]) -> dict[tuple[bool, int], Examples]:
    """All pixels by the network that they are for."""
    found = defaultdict(list)
    for part in parts:
        for which, seen in part:
            found[which].append(seen)
    return {
        which: Examples(*(torch.from_numpy(np.concatenate(parts)) for parts in zip(*several, strict=True)))
        for which, several in found.items()
    }


def seen_while_coding(
    bins: NDArray[np.int64], holes: NDArray[np.bool_], networks: Sequence[Layers] | None
) -> Iterator[tuple[int, Seen, int]]:
    """Of each pass its kind, its pixels, and how many of them are wanted."""
    known = Known(holes)
    known.fill_first(int(bins[0, 0]))
    for one in passes(holes.shape):
        parts = surroundings(known, one)
        inputs = np.concatenate([part.inputs for part in parts], axis=1)
        base = np.concatenate([part.base for part in parts])
        magnitudes = np.concatenate([part.magnitude for part in parts])
        expected = base.astype(np.int64)
        if networks:
            with torch.no_grad():
                offsets = networks[one.kind](torch.from_numpy(inputs.T))[:, 0].clamp(-4, 4).numpy()
            expected = np.rint(base + np.ldexp(offsets, magnitudes)).astype(np.int64).clip(0, FINE * int(bins.max()))
        measured = ~holes[one.places].reshape(-1)
        here = np.where(measured, bins[one.places].reshape(-1), expected + FINE // 2 >> FINE_BITS)
        known.fill(one, here, abs(here * FINE - base), abs(here * FINE - expected))
        if one.step <= COARSEST:
            residuals = ((here * FINE - base) / FINE)[measured].astype(np.float32)
            seen = inputs[:, measured].astype(np.int16), magnitudes[measured].astype(np.int8)
            yield one.kind, (*seen, residuals), EXAMPLES >> max(0, one.step.bit_length() - 2)


def trained(which: tuple[bool, int], steps: int) -> dict[str, NDArray[np.float32]]:
    """The weights of a network for some bins and one kind of pass."""
    kind, seen = which[1], _shared[which]
    torch.manual_seed(SEED + kind)
    layers = Layers(INPUTS[kind])
    optimiser = torch.optim.Adam(layers.parameters(), RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    start, mean = time.monotonic(), 0.0
    for step in range(steps):
        chosen = torch.randint(0, len(seen.residuals), (BATCH,))
        outputs = layers(seen.inputs[chosen].float())
        loss = bits(seen.residuals[chosen], seen.magnitudes[chosen].float(), outputs).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layers.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean += (loss.item() - mean) / min(step + 1, 100)
    print(
        f"{SETS[which[0]]} {kind}: {len(seen.residuals)} examples, {mean:.4f} bits, {time.monotonic() - start:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return {name: tensor.numpy() for name, tensor in layers.state_dict().items()}


def with_state(kind: int, state: dict[str, NDArray[np.float32]]) -> Layers:
    """A network that was trained in another process."""
    layers = Layers(INPUTS[kind])
    layers.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()})
    return layers


def bits(residuals: Tensor, magnitudes: Tensor, outputs: Tensor) -> Tensor:
    """What residuals (N,) cost under the laws that `tables.py` has in whole numbers."""
    unit = torch.exp2(magnitudes - FINE_BITS)
    distance = residuals - unit * outputs[:, 0].clamp(-4, 4)
    width = torch.exp2((magnitudes - FINE_BITS + outputs[:, 1]).clamp(-4, 9.5))
    share = torch.exp2(-2 * outputs[:, 2].clamp(0, 3) - 2)
    likely = (1 - share) * mass(distance, width) + share * mass(distance, 8 * width)
    return -torch.log2(likely + 2.0**-23)


def mass(distance: Tensor, width: Tensor) -> Tensor:
    """What a logistic law has in a bin at a distance from its middle."""
    sign = torch.where(distance > 0, -1.0, 1.0)
    ends = sign * (distance + 0.5) / width, sign * (distance - 0.5) / width
    return torch.sigmoid(torch.maximum(*ends)) - torch.sigmoid(torch.minimum(*ends))


if __name__ == "__main__":
    main()
