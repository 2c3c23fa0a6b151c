"""What `bisic info` says of the metadata of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stereocodec.calibration import describe_calibration
from stereocodec.container import Container
from stereocodec.container.limits import CALIBRATION, EXIF, ICC_PROFILE, XMP
from stereocodec.text import one_line

_CHUNKS = {"icc_profile": ICC_PROFILE, "exif": EXIF, "xmp": XMP, "calibration": CALIBRATION}
_TITLES = {"icc_profile": "ICC profile", "exif": "Exif", "xmp": "XMP", "calibration": "calibration"}
_MOST_SHOWN = 120


def describe_metadata(container: Container) -> dict[str, Any]:
    """What there is, as JSON values: `bytes` as it was given, `packed` as it takes them in the file."""
    metadata = container.metadata
    calibration = metadata.calibration
    facts: dict[str, dict[str, Any]] = {
        "icc_profile": {} if metadata.icc_profile is None else _profile_facts(metadata.icc_profile),
        "exif": {} if metadata.exif is None else _exif_facts(metadata.exif),
        "xmp": {} if metadata.xmp is None else {"bytes": len(metadata.xmp)},
        "calibration": {} if calibration is None else {"values": calibration},
    }
    described: dict[str, Any] = {
        name: {**known, "packed": len(container.chunk(_CHUNKS[name]) or b"")} for name, known in facts.items() if known
    }
    if metadata.layout is not None:
        described["layout"] = {"name": metadata.layout.value, "words": metadata.layout.words}
    return described


def metadata_rows(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles and texts of one line each."""
    rows = []
    for name, title in _TITLES.items():
        if name in described:
            known = described[name]
            parts = [describe_calibration(known["values"])] if name == "calibration" else map(_shown, _texts(known))
            packed = f"{known['packed']:,} bytes"
            sizes = packed if "bytes" not in known else f"{known['bytes']:,} bytes ({known['packed']:,} in the file)"
            rows.append((title, ", ".join((*parts, sizes))))
    if "layout" in described:
        rows.append(("came as", described["layout"]["words"]))
    return rows


def _profile_facts(profile: bytes) -> dict[str, Any]:
    from stereocodec.pictures.icc import profile_name

    return {"name": profile_name(profile), "bytes": len(profile)}


def _exif_facts(exif: bytes) -> dict[str, Any]:
    from stereocodec.pictures.exif import exif_facts

    try:
        facts = exif_facts(exif)
    except ValueError:
        return {"damaged": True, "bytes": len(exif)}
    return {"camera": facts.camera, "date": facts.date, "bytes": len(exif)}


def _texts(known: Mapping[str, Any]) -> list[str]:
    damaged = ["damaged"] if known.get("damaged") else []
    return damaged + [known[key] for key in ("name", "camera", "date") if known.get(key)]


def _shown(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}..."
