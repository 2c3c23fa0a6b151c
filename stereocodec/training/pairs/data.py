"""Pairs of pictures in memory."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...datasets.pairs import PairFiles, find_pairs
from ...datasets.sources import find_all
from ..examples import Picture
from ..rendered import rendered_texture


class Pair(Picture):
    """Both views of a pair, in six channels: left RGB, then right RGB."""

    def crop(self, top: int, left: int, height: int, width: int) -> Pair:
        """One part of the two views."""
        return Pair(self.name, self.pixels[top : top + height, left : left + width])

    def stacked(self) -> Tensor:
        """The left view, then the right one: (2, H, W, 3) uint8."""
        return torch.stack([self.pixels[..., :3], self.pixels[..., 3:]])


def load_pairs(sources: Iterable[Path], report: Callable[[str], object] | None = None) -> list[Pair]:
    """All pairs of folders and lists (`find_pairs`), decoded, with names that differ.

    report: called with a line on the pictures that are in no pair, if there are any.

    Raises what `find_pairs` and `PairFiles.load` raise: InvalidInput, which names the source or the file.
    """

    def find(source: Path) -> list[PairFiles]:
        unmatched: list[str] = []
        found = find_pairs(source, on_unmatched=lambda picture, reason: unmatched.append(picture))
        if unmatched and report is not None:
            report(
                f"{len(unmatched)} pictures of {source} are in no pair, such as {unmatched[0]}; "
                f"bisic eval {shlex.quote(str(source))} --list names all"
            )
        return found

    found = find_all(find, sources)
    return [Pair(files.name, torch.from_numpy(np.concatenate(files.load(), -1))) for files in found]


def rendered_pair(side: int = 256, disparity: int = 12) -> Pair:
    """Texture seen from two places."""
    scene = torch.from_numpy(rendered_texture(side, side + disparity))
    return Pair("a rendered pair", torch.cat([scene[:, :side], scene[:, disparity:]], -1))
