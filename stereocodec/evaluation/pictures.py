"""Details of pairs for the report: the original and every codec's picture at about equal file size."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .datasets import EvaluationPair
from .metrics import View, psnr
from .points import Point
from .runner import Run

DETAIL = (320, 240)
"""Width and height of a detail in the pair's pixels, at most."""


@dataclass(frozen=True)
class Detail:
    """One codec's detail; `point` is None for the original. `left` and `right` are data URLs."""

    codec: str
    point: Point | None
    left: str
    right: str


@dataclass(frozen=True)
class Scene:
    """A pair's details, the original first; `box` is (left, top, width, height)."""

    pair: str
    group: str
    box: tuple[int, int, int, int]
    details: list[Detail]


def scenes(run: Run, folder: Path) -> list[Scene]:
    """Decodes the files of equal size once more and cuts the details out.

    A file that fails now, or decodes to another picture than the one that was measured, is left out.
    """
    pairs = {pair.name: pair for pair in run.dataset.pairs}
    names = dict.fromkeys(point.pair for point in run.matched)
    return [_scene(run, pairs[name], [p for p in run.matched if p.pair == name], folder) for name in names]


def _scene(run: Run, pair: EvaluationPair, points: Sequence[Point], folder: Path) -> Scene:
    codecs = {codec.name: codec for codec in run.codecs}
    views = pair.load()
    box = busiest(views[0])
    details = [Detail("original", None, *(_data_url(view, box) for view in views))]
    for point in points:
        files = [folder / name for name in point.files.split()]
        try:
            decoded = codecs[point.codec].decode(files, views[0].shape)
            as_measured = np.isclose(psnr(views[0], decoded[0]), point.psnr_left, rtol=0, atol=0.01)
        except Exception:  # the codecs are other people's programs
            continue
        if not as_measured:
            continue
        details.append(Detail(point.codec, point, *(_data_url(view, box) for view in decoded)))
    return Scene(pair.name, pair.group, box, details)


def busiest(view: View, size: tuple[int, int] = DETAIL) -> tuple[int, int, int, int]:
    """The (left, top, width, height) of the part with the strongest edges, in steps of a quarter of its size."""
    height, width = view.shape[:2]
    w, h = min(size[0], width), min(size[1], height)
    luma = view.astype(np.float64).mean(axis=2)
    edges = np.zeros_like(luma)
    edges[:, 1:] += np.abs(np.diff(luma, axis=1))
    edges[1:] += np.abs(np.diff(luma, axis=0))
    places = [(x, y) for y in range(0, height - h + 1, max(1, h // 4)) for x in range(0, width - w + 1, max(1, w // 4))]
    x, y = max(places, key=lambda place: edges[place[1] : place[1] + h, place[0] : place[0] + w].sum())
    return x, y, w, h


def _data_url(view: View, box: tuple[int, int, int, int]) -> str:
    left, top, width, height = box
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(view[top : top + height, left : left + width])).save(
        buffer, "PNG", optimize=True
    )
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
