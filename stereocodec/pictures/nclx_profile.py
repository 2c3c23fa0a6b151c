"""ICC profiles for colours that a file names by code points (`nclx`, ITU-T H.273) instead of a profile of its own.

A profile (ISO 15076-1:2010, version 4.3) has the primaries, adapted to the white D50 by Bradford's matrix, and one
curve.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .bit_depth import file_start
from .boxes import Fields
from .heif_items import read_items

_WHITE = (0.3127, 0.3290)  # D65
_D50 = (0.9642, 1.0, 0.8249)  # of the profile connection space
_BRADFORD = np.array([(0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)])
# H.273, table 2: x and y of red, green and blue, with the white D65. Those of standard television are shown as sRGB.
_PRIMARIES = {
    1: ("BT.709", (0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
# H.273, table 3, as parametric curves of ICC, to light: g, and where it is linear near black a, b, c, d.
_BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 14, 15), _BT709_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: _SRGB_CURVE,
}
_UNSPECIFIED, _SRGB = 2, (1, 13)
_SHOWN_AS_SRGB = (1, 6, 13, 14, 15)  # by viewers, with the primaries of BT.709


def profile_of_nclx(image: Image.Image) -> bytes | None:
    """The profile of an opened HEIC or AVIF image that names its colours by code points, before it is decoded.

    None for sRGB and what viewers show alike, for unknown colours, for those of high dynamic range, which no such
    profile can tell, and for other images.
    """
    codes = _code_points(image)
    if codes is None:
        return None
    primaries, transfer = (
        default if code == _UNSPECIFIED else code for code, default in zip(codes, _SRGB, strict=True)
    )
    if (primaries == 1 and transfer in _SHOWN_AS_SRGB) or primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    name, *chromaticities = _PRIMARIES[primaries]
    return _profile(f"{name}, transfer characteristics {transfer}", np.array(chromaticities), _CURVES[transfer])


def _code_points(image: Image.Image) -> tuple[int, int] | None:
    """Colour primaries and transfer characteristics, as of H.273."""
    if image.format == "HEIF":  # pillow-heif has read them
        codes = image.info.get("nclx_profile")
        return None if codes is None else (codes["color_primaries"], codes["transfer_characteristics"])
    if image.format != "AVIF":
        return None
    start = file_start(image)
    try:
        items = read_items(start)
        for box in () if items is None else items.properties.get(items.primary, ()):
            fields = Fields(start, box.start, box.end)
            if box.kind == b"colr" and fields.take_bytes(4) == b"nclx":
                return fields.take(2), fields.take(2)
    except ValueError:  # cut off or damaged: decoding says so
        return None
    return None


def _profile(name: str, chromaticities: NDArray[np.float64], curve: tuple[float, ...]) -> bytes:
    """chromaticities: (3, 2), x and y of red, green and blue."""
    white = _xyz(np.array(_WHITE))
    primaries = np.stack([_xyz(point) for point in chromaticities], axis=1)
    colorants = primaries * np.linalg.solve(primaries, white)
    scale = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adaptation = np.linalg.solve(_BRADFORD, scale[:, None] * _BRADFORD)
    red, green, blue = (adaptation @ colorants).T
    curve_type = b"para" + struct.pack(">IHH", 0, 3 if len(curve) > 1 else 0, 0) + _fixed(curve)
    tags = {
        b"desc": _text(name),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz_type(_D50),
        b"chad": b"sf32" + bytes(4) + _fixed(adaptation.ravel()),
        b"rXYZ": _xyz_type(red),
        b"gXYZ": _xyz_type(green),
        b"bXYZ": _xyz_type(blue),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve_type),
    }
    return _with_tags(tags)


def _with_tags(tags: dict[bytes, bytes]) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for content in tags.values():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = b"".join(struct.pack(">4sII", tag, places[content], len(content)) for tag, content in tags.items())
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(_D50)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


def _xyz(point: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _fixed(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    """Signed numbers with 16 bits before and 16 behind the point."""
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _xyz_type(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
