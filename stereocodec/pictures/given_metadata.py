"""Metadata that a caller gives in place of what pictures say."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..calibration import check_calibration
from ..container import Metadata
from ..errors import InvalidInput
from .picture import Picture, StereoPair

_Pictures = TypeVar("_Pictures", Picture, StereoPair)


def with_given_metadata(pictures: _Pictures, metadata: Metadata | None) -> _Pictures:
    """A picture or pair with other metadata, where some are given.

    Raises InvalidInput for what are none, and for a calibration of views of another size.
    """
    if metadata is None:
        return pictures
    if not isinstance(metadata, Metadata):
        raise InvalidInput(f"metadata is {type(metadata).__name__}: give a stereocodec.Metadata")
    if metadata.calibration is not None:
        height, width = (pictures.left if isinstance(pictures, StereoPair) else pictures).pixels.shape[:2]
        check_calibration(metadata.calibration, (width, height), metadata.layout)
    return replace(pictures, metadata=metadata)
