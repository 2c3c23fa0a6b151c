"""VR photos (`.vr.jpg`) of VR180 cameras and Cardboard Camera: a JPEG, the left view, with the right view in its XMP.

Google, "Cardboard Camera VR Photo Format" (https://developers.google.com/vr/reference/cardboard-camera-vr-photo-format);
Adobe, "XMP Specification Part 3: Storage in Files", 1.1.3.1, on packets of more than 64 KB.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from dataclasses import replace

from ..container.layouts import Layout
from ..container.limits import MAX_METADATA_BYTES
from ..container.shown import AS_STORED
from ..errors import InvalidInput
from .jpeg_segments import APP1, JPEG_START, jpeg_segments
from .picture import Picture, StereoPair, as_pair
from .pil import load_picture
from .source import PairSource
from .xmp import XMP_NOTE, XmpPacket

_MAIN = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PANORAMA, _IMAGE, _AUDIO, _DEPTH = (
    f"http://ns.google.com/photos/1.0/{name}/" for name in ("panorama", "image", "audio", "depthmap")
)
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_GUID_BYTES = 32
_HEAD_BYTES = _GUID_BYTES + 8  # of a piece, with the length of all pieces and the place of this one
_MAX_BYTES = 2**26  # of an extended packet; the largest view as a JPEG, in base64
_PICTURE_STARTS = (JPEG_START, b"\x89PNG\r\n\x1a\n")


def read_vr180(source: PairSource) -> StereoPair | None:
    """The pair of a JPEG whose XMP has panorama data and the right view.

    The XMP keeps what it says of the panorama, and loses the right view and the sound. A panorama for both eyes, and a
    photograph with a depth map, are left to be read as one picture.

    Raises InvalidInput: pieces of the XMP or the right view are missing or damaged, or it has another size.
    """
    if not source.head.startswith(JPEG_START) or isinstance(source.layout, Layout):
        return None
    contents = _packets(source)
    main = next((content[len(_MAIN) :] for content in contents if content.startswith(_MAIN)), b"")
    says_so = _IMAGE.encode() in main
    if _PANORAMA.encode() not in main or not (says_so or b"HasExtendedXMP" in main):
        return None
    try:
        packet = XmpPacket(main)
        says_so = packet.has(_PANORAMA) and packet.has(_IMAGE)
        _complete(packet, contents)
        if packet.has(_DEPTH) or not (packet.has(_PANORAMA) and packet.has(_IMAGE)):
            return None
        right = _right_view(packet)
        xmp = _without_views(packet)
    except ValueError as error:
        if not says_so:
            return None
        raise InvalidInput(f"{source.name} is a VR photo whose right view cannot be read: {error}") from error
    pair = _pair(source, right)
    return replace(pair, metadata=replace(pair.metadata, xmp=xmp))


def _packets(source: PairSource) -> list[bytes]:
    """The segments of a JPEG with XMP; of a file that has more of them than any packet may take, those in front."""
    found, size = [], 0
    with source.open() as file:
        for segment in jpeg_segments(file):
            if segment.marker == APP1 and segment.content.startswith((_MAIN, _EXTENSION)):
                found.append(segment.content)
                size += len(segment.content)
            if size > 2 * _MAX_BYTES:
                break
    return found


def _complete(packet: XmpPacket, contents: Sequence[bytes]) -> None:
    """Adds to a packet what it names as its extension; raises ValueError."""
    guid = packet.get(XMP_NOTE, "HasExtendedXMP")
    if guid is not None:
        packet.remove(XMP_NOTE, "HasExtendedXMP")
        start = _EXTENSION + guid.encode()
        packet.add(XmpPacket(_extension([content for content in contents if content.startswith(start)])))


def _extension(contents: Sequence[bytes]) -> bytes:
    """An extended packet, whose pieces may be in any order."""
    pieces = {}
    for content in contents:
        head = content[len(_EXTENSION) : len(_EXTENSION) + _HEAD_BYTES]
        total, place = (int.from_bytes(head[at : at + 4], "big") for at in (_GUID_BYTES, _GUID_BYTES + 4))
        if total > _MAX_BYTES:
            raise ValueError(f"its XMP claims {total} bytes, the limit is {_MAX_BYTES}")
        pieces[place] = content[len(_EXTENSION) + _HEAD_BYTES :]
    reached = 0
    for place in sorted(pieces):
        if place != reached:
            break
        reached += len(pieces[place])
    if not pieces or reached != total:
        raise ValueError("pieces of its XMP are missing, a program that changed the file may have left them out")
    return b"".join(pieces[place] for place in sorted(pieces))


def _right_view(packet: XmpPacket) -> bytes:
    text = packet.get(_IMAGE, "Data")
    if text is None:
        raise ValueError("its XMP does not hold it, a program that changed the file may have left it out")
    text = "".join(text.split()).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is damaged base64") from error
    if not data.startswith(_PICTURE_STARTS):
        raise ValueError("it is no JPEG")
    return data


def _without_views(packet: XmpPacket) -> bytes:
    """What is kept of the XMP, where the orientation is not told, because it stands elsewhere."""
    for namespace, name in ((_IMAGE, None), (_AUDIO, None), (_TIFF, "Orientation")):
        packet.remove(namespace, name)
    kept = packet.to_bytes()
    if len(kept) > MAX_METADATA_BYTES:
        raise ValueError(f"its XMP has {len(kept)} bytes beside it, a .bsc file holds {MAX_METADATA_BYTES}")
    return kept


def _pair(source: PairSource, data: bytes) -> StereoPair:
    left = source.picture()
    right: Picture = load_picture(io.BytesIO(data), f"the right view of {source.name}", source.background)
    if right.orientation == AS_STORED:  # it mostly has no Exif data of its own
        right = replace(right, orientation=left.orientation)
    return as_pair(left, right)
