"""Points and pairs as the scripts use them; see stereocodec/evaluation/."""

from __future__ import annotations

from pathlib import Path

from stereocodec.errors import StereoCodecError
from stereocodec.evaluation import datasets
from stereocodec.evaluation.codecs.base import picture_bytes
from stereocodec.evaluation.datasets import EvaluationPair, manifest_column
from stereocodec.evaluation.metrics import View
from stereocodec.evaluation.points import Point

__all__ = ["JPEG", "EvaluationPair", "Point", "View", "find_pairs", "jpeg_bytes", "manifest_column"]

JPEG = "jpeg420"


def jpeg_bytes(view: View, quality: int, subsampling: str = "4:2:0") -> bytes:
    """A view as a JPEG file with optimised Huffman tables; `subsampling` of the chroma: 4:2:0 or 4:4:4."""
    return picture_bytes(view, "JPEG", {"quality": quality, "subsampling": subsampling, "optimize": True})


def find_pairs(folder: Path) -> list[EvaluationPair]:
    """The pairs of a folder in the layouts of data sets; groups from its manifest.csv (name, group) if it has one.

    Raises SystemExit: there are none, or one cannot be used.
    """
    try:
        found = datasets.find_dataset(folder)
    except StereoCodecError as error:
        raise SystemExit(str(error)) from error
    if found.problems:
        problem = found.problems[0]
        raise SystemExit(f"{problem.name}: {problem.reason}")
    return list(found.pairs)
