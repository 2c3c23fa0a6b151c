"""`bisic info`; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from stereocodec.container import Band, Channels, Container, ViewKind, rows_of_bands
from stereocodec.container.depth import BoundedDepth, DepthView
from stereocodec.container.limits import HUB_REPOSITORY, MODEL_NAME
from stereocodec.container.shown import AS_STORED
from stereocodec.releases.folders import built_in_of

from ._metadata import describe_metadata, metadata_rows
from ._shared import NamedPath, about, display_name, read_file

_TURNS = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored left to right, then turned by 90 degrees anticlockwise",
    6: "turned by 90 degrees clockwise",
    7: "mirrored left to right, then turned by 90 degrees clockwise",
    8: "turned by 90 degrees anticlockwise",
}


@click.command()
@click.argument("file", type=NamedPath(stream=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(file: str, as_json: bool) -> None:
    """Show what a .bsc file holds and where its bytes go.

    FILE is a .bsc file, or - for standard input. The whole file is checked, so that the exit status tells
    whether it is intact; whether it decodes is known only by decoding it.

    Of metadata it tells the name of the ICC profile, the camera and date of Exif, and what is known of the
    calibration of the cameras, of which --json has all.
    """
    data = read_file(file)
    with about(file):
        described = describe(data)
    if as_json:
        click.echo(json.dumps(described, indent=2))
    else:
        click.echo(as_text(file, described))


def describe(data: bytes) -> dict[str, Any]:
    """Everything that a `.bsc` file says without its model, as JSON values; sizes in bytes.

    Raises:
        FormatError: the file is not intact.
    """
    from stereocodec.entropy.guard import count_entries

    container = Container.from_bytes(data)
    bands, depth = container.bands, container.depth
    first, second = ("left", "right") if depth is None else ("color", "depth")
    sizes = {first: {"z": _total(bands, "z_left"), "y": _total(bands, "y_left")}}
    if container.view_kind.coded_views == 2:
        sizes[second] = {"z": _total(bands, "z_right"), "y": _total(bands, "y_right")}
    depth_bytes = 0 if depth is None else len(depth.mask)
    if isinstance(depth, BoundedDepth):
        depth_bytes += len(depth.samples)
    samples = container.width * container.height * (2 if depth is None else 1)
    chunk_bytes = sum(len(chunk.payload) for chunk in container.chunks)
    metadata = describe_metadata(container)
    guard = sum(len(band.guard) for band in bands)
    return {
        "version": ".".join(map(str, container.version)),
        "width": container.width,
        "height": container.height,
        "views": container.view_kind.name,
        "channels": container.channels.name,
        "orientation": container.orientation,
        "shown": {"width": container.shown_size[0], "height": container.shown_size[1]},
        "quality": container.quality,
        "model": {"id": container.model_id.hex(), "name": _model_name(container), "origin": _origin(container)},
        "bytes": len(data),
        "bpp": 8 * len(data) / samples,
        **({} if depth is None else {"depth": _depth(depth)}),
        **({"metadata": metadata} if metadata else {}),
        "streams": sizes,
        "guard": {"bytes": guard, "entries": sum(count_entries(band.guard) for band in bands)},
        "bands": _bands(container),
        "chunks": [{"name": chunk.name, "bytes": len(chunk.payload)} for chunk in container.chunks],
        "overhead": len(data) - sum(band.payload_bytes for band in bands) - chunk_bytes - depth_bytes,
        # Of several bands, each has its own.
        "checksums": {
            "latents": f"{bands[0].latent_checksum:08x}" if len(bands) == 1 else None,
            "file": data[-4:][::-1].hex(),
        },
    }


def _total(bands: Sequence[Band], stream: str) -> int:
    return sum(len(getattr(band.streams, stream)) for band in bands)


def _bands(container: Container) -> list[dict[str, Any]]:
    """The first and last row of each, its bytes, and the checksum of its latents."""
    rows = rows_of_bands(container.height, len(container.bands))
    return [
        {"rows": [first, end - 1], "bytes": band.payload_bytes, "latents": f"{band.latent_checksum:08x}"}
        for band, (first, end) in zip(container.bands, rows, strict=True)
    ]


def _depth(depth: DepthView | BoundedDepth) -> dict[str, Any]:
    """What the samples of a depth map mean, and how they are coded: within a bound, in steps, parts per million and
    words, or by networks, over the range from `near` to `far` in metres."""
    step = depth.metres_per_step
    known = {"bits": depth.bits, "metres_per_step": step, "invalid": depth.invalid, "mask": len(depth.mask)}
    if isinstance(depth, BoundedDepth):
        bound = {"steps": depth.max_steps, "ppm": depth.max_ppm, "text": depth.promise}
        return {
            **known,
            "mode": "lossless" if depth.lossless else "bounded",
            "bound": bound,
            "bytes": len(depth.samples),
        }
    return {**known, "mode": depth.mode.name.lower(), "near": depth.near * step, "far": depth.far * step}


def _depth_text(depth: dict[str, Any]) -> str:
    if "bound" in depth:
        coded, size = depth["bound"]["text"], f"{depth['bytes']:,} bytes, "
    else:
        coded, size = f"{depth['near']:.6g} to {depth['far']:.6g} m coded {depth['mode']}", ""
    return (
        f"{depth['bits']} bits of {depth['metres_per_step']:.6g} m, {coded}, {depth['invalid']} is invalid "
        f"({size}mask {depth['mask']:,} bytes)"
    )


def _model_name(container: Container) -> str | None:
    """The built-in release of the file's id, or else the name that the file gives; None if unknown."""
    built_in = built_in_of(container.model_id)
    if built_in is not None:
        return built_in.name
    claimed = container.chunk(MODEL_NAME)
    return None if claimed is None else claimed.decode("utf-8")


def _origin(container: Container) -> str | None:
    """Where on the Hub the release is, if the file says so: "org/name@commit"."""
    origin = container.chunk(HUB_REPOSITORY)
    return None if origin is None else origin.decode("ascii")


def as_text(file: str, described: dict[str, Any]) -> str:
    """What `describe` gives, as lines for people; `file` is its path."""
    model, guard, bands, checksums = (described[key] for key in ("model", "guard", "bands", "checksums"))
    chunks = ", ".join(f"{chunk['name']} {chunk['bytes']:,}" for chunk in described["chunks"]) or "none"
    rows = [
        ("size", f"{described['bytes']:,} bytes, {described['bpp']:.4f} bpp"),
        ("views", _views_text(described)),
        *((("orientation", _orientation_text(described)),) if described["orientation"] != AS_STORED else ()),
        *((("depth", _depth_text(described["depth"])),) if "depth" in described else ()),
        ("quality", f"{described['quality']:.7g}"),
        ("model", " ".join(filter(None, (model["id"], model["name"], model["origin"])))),
        *((f"{view} view", _stream_text(sizes)) for view, sizes in described["streams"].items()),
        *((("bands", _bands_text(bands)),) if len(bands) > 1 else ()),
        ("guard list", f"{guard['bytes']:,} bytes, {guard['entries']:,} entries"),
        ("chunks", chunks),
        *metadata_rows(described.get("metadata", {})),
        ("overhead", f"{described['overhead']:,} bytes"),
        ("checksums", f"latents {checksums['latents'] or 'of each band'}, file {checksums['file']}"),
    ]
    lines = [f"{display_name(file)}: .bsc version {described['version']}"]
    return "\n".join(lines + [f"  {label + ':':<12} {text}" for label, text in rows])


def _bands_text(bands: list[dict[str, Any]]) -> str:
    heights = [band["rows"][1] - band["rows"][0] + 1 for band in bands]
    return f"{len(bands)} of {min(heights)} to {max(heights)} rows"


def _views_text(described: dict[str, Any]) -> str:
    count = "one" if described["views"] == ViewKind.RGB8_BOUNDED_DEPTH.name else "two"
    text = f"{count} of {described['width']}x{described['height']}, {described['views']}"
    channels = Channels[described["channels"]]
    return text if channels is Channels.RGB else f"{text}, {channels.words}"


def _orientation_text(described: dict[str, Any]) -> str:
    orientation, shown = described["orientation"], described["shown"]
    return f"{orientation}, shown {_TURNS[orientation]} as {shown['width']}x{shown['height']}"


def _stream_text(sizes: dict[str, int]) -> str:
    parts = ", ".join(f"{stream} {size:,}" for stream, size in sizes.items())
    return f"{sum(sizes.values()):,} bytes ({parts})"
