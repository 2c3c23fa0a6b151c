"""`bisic-rt`, the fast default model."""

from __future__ import annotations

from pathlib import Path

from ..registry import register
from .model import BisicRt, BisicRtConfig

register("bisic-rt", BisicRt, BisicRtConfig, recipe=Path(__file__).with_name("bisic-rt.toml"))
