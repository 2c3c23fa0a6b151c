"""Pairs of pictures in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...datasets.pairs import find_pairs
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


def load_pairs(sources: Iterable[Path]) -> list[Pair]:
    """All pairs of folders and CSV lists (`find_pairs`), decoded, with names that differ.

    Raises what `find_pairs` and `PairFiles.load` raise: InvalidInput, which names the source or the file.
    """
    found = find_all(find_pairs, sources)
    return [Pair(files.name, torch.from_numpy(np.concatenate(files.load(), -1))) for files in found]


def rendered_pair(side: int = 256, disparity: int = 12) -> Pair:
    """Texture seen from two places."""
    scene = torch.from_numpy(rendered_texture(side, side + disparity))
    return Pair("a rendered pair", torch.cat([scene[:, :side], scene[:, disparity:]], -1))
