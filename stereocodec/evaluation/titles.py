"""What people call codecs whose points were measured elsewhere."""

from __future__ import annotations

from .runner import ANCHORS, LEARNED_ANCHORS

TITLES = {name: codec.title for name, codec in (ANCHORS | LEARNED_ANCHORS).items()} | {
    "bpg_x265": "BPG 4:4:4 (x265)",
    "bpg_jctvc": "BPG 4:4:4 (HM)",
    "vtm_ldp": "VVC, two frames (VTM)",
}
"""Titles by the names of codecs in tables of points."""
