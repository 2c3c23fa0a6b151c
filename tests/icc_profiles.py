"""ICC profiles made by hand: of version 4, with a matrix and one curve, as ICC.1:2022 has them."""

import struct

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
# Columns are red, green and blue in XYZ relative to D50, as the profiles of both spaces state them.
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
DISPLAY_P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def matrix_profile(matrix, name, curve=_SRGB_CURVE):
    """Of RGB; the curve is that of sRGB, or one number, a gamma."""
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (xyz(*column) for column in matrix.T), strict=True))
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), parametric(curve))
    return profile(b"RGB ", {b"desc": text(name), b"wtpt": xyz(*D50), **columns, **curves})


def grey_profile(gamma, name="grey"):
    return profile(b"GRAY", {b"desc": text(name), b"wtpt": xyz(*D50), b"kTRC": parametric(gamma)})


def profile(space, elements, kind=b"mntr"):
    """Elements are put one behind the other, each from a multiple of four bytes on."""
    place, table, body = 132 + 12 * len(elements), b"", b""
    for tag, element in elements.items():
        table += struct.pack(">4sII", tag, place + len(body), len(element))
        body += element + bytes(-len(element) % 4)
    white = b"".join(map(fixed, D50))
    head = struct.pack(">I4s4s4s4s4s", place + len(body), b"", b"\x04\x30\0\0", kind, space, b"XYZ ")
    head += struct.pack(">6H", 2026, 11, 29, 0, 0, 0) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + struct.pack(">I", len(elements)) + table + body


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def xyz(*values):
    return b"XYZ " + bytes(4) + b"".join(map(fixed, values))


def parametric(curve):
    kind, numbers = (3, curve) if isinstance(curve, tuple) else (0, (curve,))
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(fixed, numbers))


def text(name, language=b"enUS"):
    raw = name.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, language, len(raw), 28) + raw
