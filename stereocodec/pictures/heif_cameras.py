"""What HEIF files say of the cameras of a stereo pair, as calibration.

Properties `cmin` (intrinsic matrix) and `cmex` (extrinsic matrix) of ISO/IEC 23008-12, first published as MPEG document
w22940; Apple writes them, and a disparity adjustment, under UUIDs of its own (github.com/strukturag/libheif, issues
1164 and 1191). Positions are in micrometres (github.com/MPEGGroup/FileFormatConformance, pull request 85), and both
matrices are those of the picture as it is coded (github.com/MPEGGroup/FileFormat, issue 102), of whose width and height
lengths are fractions. Programs that cannot write them name the same facts in XMP of Apple's
(christianmahnke.de/en/post/vintagereality-apple-spatial).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from .boxes import Box, Fields
from .heif_items import HeifItems, StereoViews
from .xmp import XmpPacket

_INTRINSICS = (b"cmin", bytes.fromhex("22cc04c7d6d94e079d904eb6ecbaf3a3"))
_EXTRINSICS = (b"cmex", bytes.fromhex("4363e9145b7d4aab97aebea69803b434"))
_DISPARITY = bytes.fromhex("de22508536cb436587432f8705e7c78a")
_APPLE = "http://ns.apple.com/image/1.0/"
_ANISOTROPIC = 1
_POSITION, _ORIENTATION, _LONG_ORIENTATION = (1, 2, 4), 8, 16
_DECIMALS = 6


@dataclass(frozen=True)
class _Pinhole:
    """focal: lengths, and centre: the principal point from the upper left corner, x and y in pixels.

    size: of the picture, width and height.
    """

    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[float, float]

    @property
    def centre_in_pixels(self) -> tuple[float, float]:
        """The principal point where (0, 0) is the middle of the upper left pixel, as in a calibration."""
        return self.centre[0] - 0.5, self.centre[1] - 0.5

    def turned(self, quarters: int) -> _Pinhole:
        """That of the picture turned anticlockwise by quarter turns."""
        view = self
        for _ in range(quarters):
            view = _Pinhole(view.focal[::-1], (view.centre[1], view.size[0] - view.centre[0]), view.size[::-1])
        return view

    def mirrored(self, side: int) -> _Pinhole:
        """That of the picture with left and right (side 0), or top and bottom (1), exchanged."""
        centre = list(self.centre)
        centre[side] = self.size[side] - centre[side]
        return replace(self, centre=(centre[0], centre[1]))

    def cut(self, size: tuple[float, float], offset: tuple[float, float]) -> _Pinhole:
        """That of a part of the picture; offset: of the part's centre from that of the picture."""
        start = [(whole - part) / 2 + shift for whole, part, shift in zip(self.size, size, offset, strict=True)]
        return replace(self, centre=(self.centre[0] - start[0], self.centre[1] - start[1]), size=size)


def heif_calibration(items: HeifItems, views: StereoViews, *, upright: bool) -> dict[str, Any]:
    """What the properties of two items, and of their group, say of the cameras; may be empty.

    upright: whether pictures are decoded as they are shown, turned and cut, and not as they are coded.

    Raises ValueError for damaged properties.
    """
    found: dict[str, Any] = {}
    pinholes = [_pinhole(items, item, upright) for item in views[:2]]
    poses = [_pose(items, item) for item in views[:2]]
    for side, pinhole, pose in zip(("left", "right"), pinholes, poses, strict=True):
        camera = {} if pinhole is None else {"focal_length": pinhole.focal, "principal_point": pinhole.centre_in_pixels}
        camera = {key: [round(value, _DECIMALS) for value in values] for key, values in camera.items()} | pose
        if camera:
            found[side] = camera
    known = next((pinhole for pinhole in pinholes if pinhole is not None), None)
    if known is not None:
        found["size"] = [round(side) for side in known.size]
        found["field_of_view"] = round(math.degrees(2 * math.atan(known.size[0] / 2 / known.focal[0])), _DECIMALS)
    positions = [pose.get("position") for pose in poses]
    if positions[0] is not None and positions[1] is not None and positions[0] != positions[1]:
        found["baseline"] = round(math.dist(positions[0], positions[1]), _DECIMALS)
    adjustment = _disparity_adjustment(items, *(number for number in views[::-1] if number is not None))
    return found if adjustment is None else found | {"disparity_adjustment": adjustment}


def _boxes(items: HeifItems, item: int, kinds: tuple[bytes, ...]) -> list[Box]:
    return [box for box in items.properties.get(item, ()) if box.kind in kinds]


def _pinhole(items: HeifItems, item: int, upright: bool) -> _Pinhole | None:
    size = items.size(item)
    described = _boxes(items, item, _INTRINSICS)
    if not described or size is None or 0 in size:
        return None
    fields = Fields(items.data, described[0].start, described[0].end)
    flags = fields.take(4) & 0xFFFFFF
    scale = 2.0 ** -(flags >> 8 & 0x1F)
    width, height = size
    focal, x, y = (fields.take_signed(4) * scale for _ in range(3))
    focal_y = fields.take_signed(4) * scale * height if flags & _ANISOTROPIC else focal * width
    if focal <= 0 or focal_y <= 0:
        return None
    pinhole = _Pinhole((focal * width, focal_y), (x * width, y * height), (float(width), float(height)))
    return _shown(items, item, pinhole) if upright else pinhole


def _shown(items: HeifItems, item: int, pinhole: _Pinhole) -> _Pinhole:
    """A camera after what is done to a coded picture before it is shown, in the order of the properties."""
    for kind, start, end in items.properties.get(item, ()):
        fields = Fields(items.data, start, end)
        if kind == b"irot":
            pinhole = pinhole.turned(fields.take(1) & 3)
        elif kind == b"imir":
            pinhole = pinhole.mirrored(0 if fields.take(1) & 1 else 1)
        elif kind == b"clap":
            values = [fields.take_signed(4) for _ in range(8)]
            if 0 in values[1::2]:
                raise ValueError("its clean aperture divides by zero")
            width, height, x, y = (top / bottom for top, bottom in zip(values[::2], values[1::2], strict=True))
            pinhole = pinhole.cut((width, height), (x, y))
    return pinhole


def _pose(items: HeifItems, item: int) -> dict[str, Any]:
    """Where a camera is, in metres, and how it is turned, as a quaternion x, y, z, w that takes it into the world."""
    described = _boxes(items, item, _EXTRINSICS)
    if not described:
        return {}
    fields = Fields(items.data, described[0].start, described[0].end)
    version, flags = fields.take(1), fields.take(3)
    pose: dict[str, Any] = {
        "position": [round(fields.take_signed(4) * 1e-6, _DECIMALS) if flags & axis else 0.0 for axis in _POSITION]
    }
    if flags & _ORIENTATION and version == 0:
        size, unit = (4, 2.0**30) if flags & _LONG_ORIENTATION else (2, 2.0**14)
        vector = [fields.take_signed(size) / unit for _ in range(3)]
        rest = max(0.0, 1 - sum(value**2 for value in vector))
        pose["orientation"] = [round(value, _DECIMALS) for value in (*vector, math.sqrt(rest))]
    return pose


def _disparity_adjustment(items: HeifItems, *numbers: int) -> float | None:
    """A fraction of the width, from -1 to 1, of the first item or group that tells it."""
    for number in numbers:
        for box in _boxes(items, number, (_DISPARITY,)):
            value = Fields(items.data, box.start, box.end).take_signed(4)
            return value / 10000 if abs(value) <= 10000 else None
    return None


def apple_xmp_calibration(xmp: bytes) -> dict[str, Any]:
    """What Apple's properties in an XMP packet say of the cameras; nothing of what is damaged or no number."""
    try:
        packet = XmpPacket(xmp)
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    for name, key, unit in (
        ("Baseline", "baseline", 1e-3),
        ("HorizontalFOV", "field_of_view", 1.0),
        ("HorizontalDisparityAdjustment", "disparity_adjustment", 1.0),
    ):
        try:
            value = float(packet.get(_APPLE, name) or "") * unit
        except ValueError:
            continue
        if math.isfinite(value):
            found[key] = round(value, _DECIMALS)
    return found
