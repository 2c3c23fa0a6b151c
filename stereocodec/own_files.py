"""What a codec is given as a file, and whether it is one of those that it decodes."""

from __future__ import annotations

from .container import Container, ViewKind
from .errors import CorruptFile, InvalidInput, WrongModel
from .releases.for_file import other_weights

_PAIRS = "stereo pairs: use StereoCodec, or leave --depth out"
_FRAMES = "colour with depth: use RgbdCodec, or bisic encode --depth"


def contents(file: bytes | Container) -> Container:
    """What a file holds: read from its bytes, or read already. Raises FormatError, InvalidInput for what none can."""
    if not isinstance(file, Container):
        return Container.from_bytes(file)
    file.check()
    return file


def purpose(kind: ViewKind) -> str:
    """What files of a kind are for, and what codes them."""
    return _FRAMES if kind.has_depth else _PAIRS


def require_own(container: Container, kind: ViewKind, name: str, model_id: bytes) -> None:
    """Raises InvalidInput, WrongModel or CorruptFile for a file that the release of this name and id, which codes views
    of this kind, did not write."""
    if container.view_kind.has_depth != kind.has_depth:
        raise InvalidInput(f"the file is for {purpose(container.view_kind)}")
    if container.model_id != model_id:
        raise WrongModel(f"{other_weights(container)}, not with {name} ({model_id.hex()})")
    if container.view_kind is not kind:
        raise CorruptFile(f"the file is damaged: {name} codes depth otherwise; fetch it again")
