"""Every error this package raises on purpose.

StereoCodecError
  InvalidInput          pictures or arguments that cannot be used
  OutputError           a result that cannot be written where it should go
  FormatError           bytes that cannot be read as a `.bsc` file
    NotABscFile         other data, or a file damaged by a text-mode transfer
    UnsupportedVersion  written by a newer format than this reader knows
    CorruptFile         truncated, altered or inconsistent
    LimitExceeded       claims more pixels or bytes than the reader's limits allow
  ModelError            weights that cannot be used
    UnknownModel        no built-in release and no folder of this name
    InvalidRelease      a release folder that is incomplete, altered or inconsistent
    WrongModel          the file was written with other weights
    HubError            the Hub cannot be reached, refuses, or has not what is asked of it
  DecodingMismatch      the decoded latents are not the encoder's: no picture is returned
  TrainingError         a training run that cannot start, resume or be exported

UserWarning
  StereoCodecWarning
    UnlikelyPair        two views that do not look like the left and the right one of a rectified pair
    MetadataLeftOut     what a picture's file says beside its pixels, and cannot be kept
"""

from __future__ import annotations

from .text import one_line


class StereoCodecError(Exception):
    """Base of all errors of this package; its text is one line that says what to do.

    Names with line breaks and the like stand in it as `text.one_line` shows them.
    """

    def __str__(self) -> str:
        """The text, in one line."""
        return one_line(super().__str__())


class InvalidInput(StereoCodecError, ValueError):
    """Pictures or arguments that cannot be used."""


class OutputError(StereoCodecError):
    """A result that cannot be written where it should go."""


class FormatError(StereoCodecError):
    """Bytes that cannot be read as a `.bsc` file."""


class NotABscFile(FormatError):
    """Data without the `.bsc` signature."""


class UnsupportedVersion(FormatError):
    """A file written by a newer version of the format, with something that this reader does not know."""


class CorruptFile(FormatError):
    """A truncated, altered or inconsistent file."""


class LimitExceeded(FormatError):
    """A file that claims more than the reader's limits allow."""


class ModelError(StereoCodecError):
    """Weights that cannot be used."""


class UnknownModel(ModelError):
    """Neither a built-in release nor a folder."""


class InvalidRelease(ModelError):
    """A release folder that is incomplete, altered or inconsistent."""


class WrongModel(ModelError):
    """A file that was written with other weights."""


class HubError(ModelError):
    """The Hub cannot be reached, refuses, or has not what is asked of it."""


class DecodingMismatch(StereoCodecError):
    """The decoded latents differ from the encoder's; no picture is returned."""


class TrainingError(StereoCodecError):
    """A training run that cannot start, resume or be exported."""


class StereoCodecWarning(UserWarning):
    """Base of all warnings of this package; its text is one line."""


class UnlikelyPair(StereoCodecWarning):
    """Views that are coded, but look exchanged, some rows off, or as if they showed different scenes."""


class MetadataLeftOut(StereoCodecWarning):
    """Metadata of a picture that are damaged, too large, or not for its pixels; the picture is coded without them."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an exception says so; torch has a class of its own for GPUs and a plain RuntimeError for CPUs."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "DefaultCPUAllocator" in str(error)
    )
