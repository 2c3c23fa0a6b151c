"""What a page says of a file in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from ..container import Container, ViewKind
from ..container.depth import DepthView
from ..container.metadata import Metadata

Facts: TypeAlias = "dict[str, str]"


def file_facts(container: Container, model: str) -> Facts:
    """Size, bits per pixel, quality and so on, by what they are called."""
    width, height = container.shown_size
    size = len(container.to_bytes())
    samples = width * height * (2 if container.view_kind is ViewKind.RGB8 else 1)
    what = "two views" if container.view_kind is ViewKind.RGB8 else "colour and depth"
    return {
        "Pictures": f"{what} of {width}\u00d7{height} pixels, {container.channels.name.replace('_', ', ')}",
        "Size": f"{size:,} bytes",
        "Bits per pixel": f"{8 * size / samples:.4f}",
        "Quality": str(container.quality),
        "Model": f"{model} ({container.model_id.hex()})",
        "Format": ".bsc version " + ".".join(map(str, container.version)),
        **({} if container.depth is None else {"Depth": _depth_text(container.depth)}),
        **_metadata_facts(container.metadata),
    }


def level_text(level: float) -> str:
    """A PSNR for people."""
    return "no difference" if math.isinf(level) else f"{level:.2f} dB"


def _depth_text(depth: DepthView) -> str:
    step = depth.metres_per_step
    return (
        f"{depth.bits} bits of {step:.6g} m, {depth.near * step:.6g} to {depth.far * step:.6g} m coded "
        f"{depth.mode.name.lower()}"
    )


def _metadata_facts(metadata: Metadata) -> Facts:
    facts = {}
    if metadata.layout is not None:
        facts["Came as"] = metadata.layout.words
    for name, content in (
        ("Colour profile", metadata.icc_profile),
        ("Exif", metadata.exif),
        ("XMP", metadata.xmp),
    ):
        if content is not None:
            facts[name] = f"{len(content):,} bytes"
    known = _calibration_text(metadata.calibration or {})
    return {**facts, "Camera": known} if known else facts


def _calibration_text(calibration: Mapping[str, Any]) -> str:
    """What is told of most; values of other kinds than those that the format names are left out."""
    left = calibration.get("left")
    focal = left.get("focal_length") if isinstance(left, Mapping) else None
    first = focal[0] if isinstance(focal, list) and focal else None
    parts = (
        ("focal length", first, "px"),
        ("baseline", calibration.get("baseline"), "m"),
        ("field of view", calibration.get("field_of_view"), "degrees"),
        ("disparity adjustment", calibration.get("disparity_adjustment"), "of the width"),
    )
    return ", ".join(f"{name} {value:.6g} {unit}" for name, value, unit in parts if _is_number(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
