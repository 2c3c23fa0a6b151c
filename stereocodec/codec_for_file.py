"""The codec for what a `.bsc` file holds; light, torch is imported when it is called."""

from __future__ import annotations

from typing import Any

from .container import Container


def codec_for_file(container: Container, model: str | None = None, *, device: str = "auto", pull: bool = False) -> Any:
    """The `StereoCodec` or `RgbdCodec` that decodes a file; arguments and what is raised are those of `for_file`."""
    if container.view_kind.has_depth:
        from .rgbd_codec import RgbdCodec

        return RgbdCodec.for_file(container, model, device=device, pull=pull)
    from .codec import StereoCodec

    return StereoCodec.for_file(container, model, device=device, pull=pull)
