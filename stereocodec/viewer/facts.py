"""What a page says of a file in words."""

from __future__ import annotations

import math
from typing import TypeAlias

from ..calibration import describe_calibration
from ..container import Container
from ..container.depth import BoundedDepth, DepthView
from ..container.metadata import Metadata

Facts: TypeAlias = "dict[str, str]"


def file_facts(container: Container, model: str) -> Facts:
    """Size, bits per pixel, quality and so on, by what they are called."""
    width, height = container.shown_size
    size = len(container.to_bytes())
    has_depth = container.view_kind.has_depth
    samples = width * height * (1 if has_depth else 2)
    what = "colour and depth" if has_depth else "two views"
    return {
        "Pictures": f"{what} of {width}\u00d7{height} pixels, {container.channels.words}",
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


def _depth_text(depth: DepthView | BoundedDepth) -> str:
    step = depth.metres_per_step
    if isinstance(depth, BoundedDepth):
        return f"{depth.bits} bits of {step:.6g} m, {depth.promise}"
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
    if metadata.calibration is not None:
        facts["Camera"] = describe_calibration(metadata.calibration)
    return facts
