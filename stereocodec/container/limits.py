"""Versions and limits of the `.bsc` format, and the names of its optional chunks; `docs/format.md` states the same."""

from __future__ import annotations

import re

VERSION = (1, 5)  # newest major and minor version that this reader knows
FIRST_VERSION = (1, 0)  # what a writer states of files that need nothing newer
DEPTH_VERSION = (1, 1)  # the first with depth maps
REPOSITORY_VERSION = (1, 1)  # what a writer states of files that name a repository on the Hub
SHOWN_VERSION = (1, 2)  # the first with grey pictures and with orientations
FRACTION_VERSION = (1, 3)  # the first with qualities that are no whole numbers
METADATA_VERSION = (1, 3)  # the first whose metadata chunks are packed; no program wrote them before
BANDS_VERSION = (1, 4)  # the first with several bands
BOUND_VERSION = (1, 5)  # the first with depth maps within a bound

MAX_SIDE = 65535  # pixels
MAX_PIXELS = 2**25  # of one view
BAND_UNIT = 64  # rows of pixels; a band has a multiple of them, but for the last one
LEAST_BAND_UNITS = 2  # of one of several bands, so that what a band shows depends on its neighbours alone
MAX_GUARD_BYTES = 2**24  # of all bands together
MAX_STREAM_BYTES = 2**28 - 1  # each of a band, and of a depth map; the largest length that is a varint of four bytes
MAX_CHUNKS = 256
MAX_CHUNK_BYTES = 2**26  # payloads of all optional chunks together
MAX_METADATA_BYTES = 2**24  # of one metadata chunk, unpacked
MAX_QUALITY = 100
QUALITY_STEPS = 256  # in a whole quality
MAX_CALIBRATION_BYTES = 2**20  # unpacked; JSON takes many times as much memory when it is read
MAX_CALIBRATION_DEPTH = 32  # of objects and lists in each other
MODEL_ID_BYTES = 6
MAX_MODEL_NAME_BYTES = 255

MODEL_NAME = "MODL"  # UTF-8, one printable line of 1 to 255 bytes: the release's name, e.g. "bisic-rt"
HUB_REPOSITORY = "REPO"  # since 1.1; ASCII, "org/name@commit": where on the Hub the release is
# Metadata, since 1.3; all but LAYT are packed (packing.py).
ICC_PROFILE = "ICCP"  # the ICC profile of both views
EXIF = "EXIF"  # Exif data, beginning with the TIFF header
XMP = "XMP_"  # an XMP packet
CALIBRATION = "CALB"  # UTF-8, a JSON object: the calibration of the two cameras
LAYOUT = "LAYT"  # ASCII, the name of a layout: how both views lay in one picture
METADATA_CHUNKS = frozenset({ICC_PROFILE, EXIF, XMP, CALIBRATION, LAYOUT})
TEXT = "TEXT"  # UTF-8, free text
KNOWN_CHUNKS = METADATA_CHUNKS | {MODEL_NAME, HUB_REPOSITORY, TEXT}

# Names of repositories as the Hub allows them; a commit is a whole one, never a branch, which may move.
REPOSITORY = re.compile(
    r"(?!.{97})(?!.*(?:--|\.\.))[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
)
COMMIT = re.compile(r"[0-9a-f]{40}")
# Branches, tags and commits: what git takes for the name of a reference, no longer than the Hub stores one.
REVISION = re.compile(
    r"(?!.{256})(?!.*(?:\.\.|//|/\.|@\{|\.lock(?:/|$)|[./]$))(?![-./])[^\s\x00-\x1f\x7f~^:?*\[\\]+", re.DOTALL
)
