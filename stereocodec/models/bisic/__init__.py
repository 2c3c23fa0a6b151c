"""`bisic` and `bisic-fast`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..registry import OfficialFormat, register
from .keys import official_config, official_weights
from .model import Bisic, BisicConfig, BisicFast, BisicFastConfig

for _name, _model, _config in (("bisic", Bisic, BisicConfig), ("bisic-fast", BisicFast, BisicFastConfig)):
    register(
        _name,
        _model,
        _config,
        official=OfficialFormat(partial(official_config, arch=_name), official_weights),
        recipe=Path(__file__).with_name(f"{_name}.toml"),
    )
