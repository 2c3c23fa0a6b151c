"""Release folders as files: where they lie, their config.json, their checksums, and a summary; imports no torch.

A release is built into the package (stereocodec/weights/NAME), lies in a local folder or comes from a repository on
the Hub; all are the same thing: config.json, model.safetensors (weights and integer tables) and README.md (card).
`releases/release.py` makes a network of one.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ..errors import InvalidInput, InvalidRelease, OutputError, UnknownModel
from ..json_files import read_json
from ..regular_files import read_regular
from ..tensor_files import MAX_TENSORS_BYTES, Header, read_header
from ..text import one_line, reason_of

OLDEST_FORMAT, FAMILIES_FORMAT, NEWEST_FORMAT = 2, 3, 4
BUILT_IN = Path(__file__).parent.parent / "weights"
DEFAULT_MODEL = "bisic-rt"
# Built-in releases of earlier versions, by model id: what their files say by name when they meet this version.
EARLIER_RELEASES = {"4513a838e18f": ("bisic-rt", "0.1.0"), "3e9e33ff4415": ("bisic-rt", "0.2.0")}
CONFIG, TENSORS, CARD = "config.json", "model.safetensors", "README.md"
RUN_CHECKPOINT = "checkpoint.safetensors"  # in the folder of a training run
_MAX_CARD_BYTES = 2**22
_MAX_PARAMETERS = 2**40
_MAX_FIGURE = 10**6  # of what was measured at export
_PSNR = ("psnr_left", "psnr_right", "psnr_color")  # in rows of the metrics in config.json


def built_in_names() -> list[str]:
    """Names of the releases inside the package."""
    return sorted(folder.name for folder in BUILT_IN.iterdir() if (folder / CONFIG).is_file())


def built_in_of(model_id: bytes) -> Path | None:
    """The folder of the built-in release with this id; None when it is none of them."""
    for folder in (BUILT_IN / name for name in built_in_names()):
        with suppress(InvalidRelease):
            if model_id_of(folder) == model_id:
                return folder
    return None


def find_release(name_or_path: str | Path) -> Path:
    """The folder of a built-in release or of a path; raises UnknownModel when there is neither."""
    if not isinstance(name_or_path, str | os.PathLike):
        raise InvalidInput(f"the model is {name_or_path!r}; name a built-in release or a folder")
    folder = Path(name_or_path)
    if str(name_or_path) in built_in_names():
        folder = BUILT_IN / str(name_or_path)
    if not _is_file(folder / CONFIG):
        raise UnknownModel(
            f"no model '{_printable(name_or_path)}': it is neither a built-in release ({', '.join(built_in_names())}) "
            "nor a folder with a config.json"
        )
    return folder


def refuse_occupied(folder: Path) -> None:
    """Raises OutputError unless a release can be written to a folder: it is not there, or empty."""
    if exists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(f"{folder} exists and is not an empty folder; choose another or remove it")


def read_config(folder: Path) -> dict[str, Any]:
    """A release's config.json; raises InvalidRelease for none, for damage and for another format version."""
    try:
        config = read_json(folder / CONFIG)
    except (OSError, ValueError) as error:
        raise _unreadable(folder / CONFIG, error) from error
    version = config.get("format_version") if isinstance(config, dict) else None
    if version is None and _is_file(folder / RUN_CHECKPOINT):
        raise InvalidRelease(
            f"{folder} is the folder of a training run: make a release of it first, bisic export {folder} -o DIR"
        )
    if type(version) is not int or not OLDEST_FORMAT <= version <= NEWEST_FORMAT:
        older = type(version) is int and version < OLDEST_FORMAT
        way_out = "use the stereocodec version that it is from" if older else "upgrade stereocodec"
        raise InvalidRelease(
            f"{folder / CONFIG} has release format {_printable(version)}; this version reads {OLDEST_FORMAT} to "
            f"{NEWEST_FORMAT}: {way_out}"
        )
    return dict(config)


def model_id_of(folder: Path) -> bytes:
    """The id of a release, from its config.json alone; raises InvalidRelease when it has none."""
    try:
        return bytes.fromhex(read_config(folder)["model_id"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRelease(f"{folder / CONFIG} has no valid model_id; export or fetch the release again") from error


def read_checked(folder: Path, config: Mapping[str, Any]) -> dict[str, bytes]:
    """The files that config.json lists, by name, each with the sha256 that it lists.

    Raises InvalidRelease when one is missing or altered, and when others than model.safetensors and README.md are
    listed; the first must be.
    """
    listed = config.get("files")
    if not (isinstance(listed, dict) and TENSORS in listed and listed.keys() <= {TENSORS, CARD}):
        raise InvalidRelease(f"{folder / CONFIG} does not list the release's files; fetch the release again")
    tensors_header(folder)
    contents = {}
    for name, expected in listed.items():
        contents[name] = _read(folder / name, MAX_TENSORS_BYTES if name == TENSORS else _MAX_CARD_BYTES)
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise InvalidRelease(f"{folder / name} does not match its sha256; fetch the release again")
    return contents


def tensors_header(folder: Path) -> Header:
    """What model.safetensors announces; raises InvalidRelease when that cannot be, or when there is none."""
    try:
        return read_header(folder / TENSORS)
    except (OSError, ValueError) as error:
        raise _unreadable(folder / TENSORS, error) from error


def read_card(folder: Path) -> bytes:
    """The model card; nothing when there is none. Raises InvalidRelease when it is none that a release can have."""
    return _read(folder / CARD, _MAX_CARD_BYTES) if (folder / CARD).exists() else b""


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_regular(path, limit)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | ValueError) -> InvalidRelease:
    return InvalidRelease(f"{path} cannot be read: {_printable(reason_of(error))}; fetch it again")


@dataclass(frozen=True)
class Summary:
    """What a release says of itself, in printable text.

    size: bytes of its files. licence: as in its card, or None. parameters: how many numbers were trained. rates:
    (quality, bits per pixel, PSNR in dB) as measured at export, by quality; empty when it was not measured.
    """

    name: str
    architecture: str
    model_id: str
    size: int
    licence: str | None
    parameters: int
    rates: tuple[tuple[int, float, float], ...]


def summary(folder: Path) -> Summary:
    """Reads config.json, the card and the header of the tensors; raises InvalidRelease when they are not a release's.

    Nothing is checked against its sha256: `read_checked` does that.
    """
    config = read_config(folder)
    try:
        card = read_card(folder).decode("utf-8", "replace")
        return Summary(
            name=_printable(config["name"]),
            architecture=_printable(config["architecture"]),
            model_id=model_id_of(folder).hex(),
            size=sum((folder / name).stat().st_size for name in (CONFIG, TENSORS, CARD) if _is_file(folder / name)),
            licence=_licence(card),
            parameters=_parameters(config, folder),
            rates=_rates(config["training"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRelease(f"{folder} is not a usable release: {type(error).__name__}; fetch it again") from error


def _parameters(config: Mapping[str, Any], folder: Path) -> int:
    """How many numbers were trained, as the release says; of an earlier one, how many there are beside its tables.

    The latter counts what a network keeps beside its parameters, such as statistics of training data.
    """
    recorded = config.get("parameters")
    if recorded is not None:
        if type(recorded) is not int or not 0 <= recorded <= _MAX_PARAMETERS:
            raise ValueError("an impossible number of parameters")
        return recorded
    tensors = tensors_header(folder).tensors
    return sum(math.prod(tensor.shape) for name, tensor in tensors.items() if not name.startswith("tables/"))


def check_licence(name: str) -> None:
    """Raises InvalidInput for what cannot stand as a licence in a card."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", name):
        raise InvalidInput(f"{name!r} is not the name of a licence: write one word, such as mit or cc-by-4.0")


def _licence(card: str) -> str | None:
    front_matter = re.match(r"---\r?\n(.*?)^---\s*$", card, re.DOTALL | re.MULTILINE)
    line = front_matter and re.search(r"^license:\s*[\"']?([^\s\"'#]+)", front_matter[1], re.MULTILINE)
    return _printable(line[1]) if line else None


def _rates(training: Mapping[str, Any]) -> tuple[tuple[int, float, float], ...]:
    """What was measured at export; the PSNR is the mean of the pictures'."""
    rates = []
    for row in training.get("metrics") or ():
        names = ("quality", "bpp", *(name for name in _PSNR if name in row))
        quality, bpp, *levels = (_figure(row[name]) for name in names)
        rates.append((int(quality), bpp, fmean(levels)))
    return tuple(rates)


def _figure(value: object) -> float:
    """A number that can have been measured."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MAX_FIGURE < value < _MAX_FIGURE:
        raise ValueError("an impossible measurement")
    return float(value)


def _printable(text: object) -> str:
    """Text from a release as it may be shown on a terminal: one line, and not endless."""
    return one_line(str(text)[:255])


def exists(path: Path) -> bool:
    """Whether there is a file or folder of this name; False for a name that none can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that no file can have
        return False
