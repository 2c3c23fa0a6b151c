"""Small VR photos (`.vr.jpg`): a JPEG whose XMP holds another one."""

from __future__ import annotations

import base64
import hashlib

from stereocodec.pictures.jpeg_segments import APP1, segment_bytes

MAIN, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PANORAMA = "<GPano:FullPanoWidthPixels>4096</GPano:FullPanoWidthPixels>"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "GPano": "http://ns.google.com/photos/1.0/panorama/",
        "GImage": "http://ns.google.com/photos/1.0/image/",
        "GAudio": "http://ns.google.com/photos/1.0/audio/",
        "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "xmpNote": "http://ns.adobe.com/xmp/note/",
    }.items()
)


def packet(properties="", attributes=""):
    """An XMP packet with properties as elements, and others as attributes."""
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {NAMESPACES} {attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return text.encode()


def pieces(extended, size=60000, guid=None):
    """An extended packet as contents of segments."""
    guid = guid or hashlib.md5(extended).hexdigest().upper().encode()
    head = EXTENSION + guid + len(extended).to_bytes(4, "big")
    return [head + at.to_bytes(4, "big") + extended[at : at + size] for at in range(0, len(extended), size)]


def with_segments(data, contents):
    """A JPEG with segments APP1 at its beginning."""
    return data[:2] + b"".join(segment_bytes(APP1, content) for content in contents) + data[2:]


def vr_photo(left, right, *, attributes="", extended_properties="", size=60000, arrange=list):
    """A VR photo; right: bytes of the picture in its XMP. arrange: given the segments of the extended packet."""
    data = base64.b64encode(right).decode()
    extended = packet(
        extended_properties, f'GImage:Data="{data}" GAudio:Data="{base64.b64encode(bytes(9000)).decode()}"'
    )
    guid = hashlib.md5(extended).hexdigest().upper()
    main = packet(
        PANORAMA, f'{attributes} GImage:Mime="image/jpeg" GAudio:Mime="audio/mp4" xmpNote:HasExtendedXMP="{guid}"'
    )
    return with_segments(left, [MAIN + main, *arrange(pieces(extended, size))])
