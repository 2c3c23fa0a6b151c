"""Codecs that are other programs, described by a TOML file.

    [[codec]]
    name = "bpg"
    title = "BPG 4:4:4"                                   # optional
    settings = [24, 30, 36, 42]                            # quantisers, qualities: what {quality} becomes
    encode = "bpgenc -m 9 -f 444 -q {quality} -o {file} {left}"
    decode = "bpgdec -o {out_left} {file}"

`{left}`, `{right}` are PNG files of the views, `{file}` the file to write and to read, `{out_left}`, `{out_right}`
the PNG files to write when decoding. Where both commands name only the left view, they are run once per view, and
the sizes of both files count. `{width}` and `{height}` may be used as well. Commands are split as a shell would and
run without one.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import InvalidInput
from ...pictures.pil import load_image
from ...toml_files import read_toml
from ..metrics import View
from ..tools import ToolError, run_tool
from .base import Scale

_SIZE = {"width", "height"}
_NEEDED = {"encode": {"left", "file", "quality"}, "decode": {"out_left", "file"}}
_KNOWN = {"encode": _NEEDED["encode"] | {"right"} | _SIZE, "decode": _NEEDED["decode"] | {"out_right"} | _SIZE}
_KEYS = {"name", "title", "settings", "encode", "decode", "prefix", "suffix"}


@dataclass(frozen=True)
class TemplateCodec:
    """A codec of a command that encodes and one that decodes."""

    name: str
    title: str
    scale: Scale
    encode_command: str
    decode_command: str
    suffix: str

    @property
    def per_view(self) -> bool:
        """Whether the commands handle one view at a time."""
        return not {"right", "out_right"} & (_fields(self.encode_command) | _fields(self.decode_command))

    def missing(self) -> str | None:
        """Whether both programs are there."""
        for command in (self.encode_command, self.decode_command):
            program = shlex.split(command)[0]
            if shutil.which(program) is None:
                return f"{program} is not on PATH"
        return None

    def identity(self) -> str:
        """Both commands and the contents of the programs that they run."""
        programs = {shutil.which(shlex.split(c)[0]) for c in (self.encode_command, self.decode_command)}
        digests = [hashlib.sha256(Path(p).read_bytes()).hexdigest()[:16] for p in sorted(filter(None, programs))]
        return f"{self.encode_command} | {self.decode_command} | {' '.join(digests)}"

    def encode(self, views: tuple[View, View], setting: float, stem: Path) -> list[Path]:
        """One file, or one per view."""
        height, width = views[0].shape[:2]
        sides = ("left", "right")
        with tempfile.TemporaryDirectory() as folder:
            pictures = {side: str(Path(folder) / f"{side}.png") for side in sides}
            for side, view in zip(sides, views, strict=True):
                Image.fromarray(view).save(pictures[side], compress_level=1)
            quality = self.scale.label(setting).removeprefix(self.scale.prefix)
            values = {**pictures, "quality": quality, "width": str(width), "height": str(height)}
            if not self.per_view:
                path = stem.with_name(f"{stem.name}.{self.suffix}")
                return [self._run(self.encode_command, {**values, "file": str(path)}, path)]
            files = [stem.with_name(f"{stem.name}_{side}.{self.suffix}") for side in sides]
            for side, path in zip(sides, files, strict=True):
                self._run(self.encode_command, {**values, "left": pictures[side], "file": str(path)}, path)
            return files

    def decode(self, files: Sequence[Path], shape: tuple[int, ...]) -> tuple[View, View]:
        """Runs the second command."""
        height, width = shape[:2]
        sides = ("left", "right")
        with tempfile.TemporaryDirectory() as folder:
            pictures = [Path(folder) / f"{side}.png" for side in sides]
            values = {"width": str(width), "height": str(height)}
            if self.per_view:
                for path, picture in zip(files, pictures, strict=True):
                    self._run(self.decode_command, {**values, "file": str(path), "out_left": str(picture)}, picture)
            else:
                outputs = {f"out_{side}": str(picture) for side, picture in zip(sides, pictures, strict=True)}
                self._run(self.decode_command, {**values, **outputs, "file": str(files[0])}, pictures[1])
            left, right = (np.asarray(load_image(picture).convert("RGB")) for picture in pictures)
        return left, right

    def _run(self, command: str, values: dict[str, str], result: Path) -> Path:
        result.unlink(missing_ok=True)
        # Split first: a path with a space stays one argument.
        run_tool([part.format(**values) for part in shlex.split(command)])
        if not result.is_file():
            raise ToolError(f"{self.name}: the command '{command}' wrote no file {result.name}")
        return result


def read_templates(path: Path) -> list[TemplateCodec]:
    """The codecs of a TOML file. Raises InvalidInput: unreadable, or a codec that lacks something."""
    tables = read_toml(path).get("codec")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidInput(f"{path} describes no codec; begin each with the line [[codec]]")
    return [_codec(table, path) for table in tables]


def _codec(table: dict[str, Any], path: Path) -> TemplateCodec:
    name = table.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.+-]{1,40}", name):
        raise InvalidInput(f'{path}: each codec needs a name of letters, digits and _.+-, such as name = "bpg"')
    unknown = sorted(table.keys() - _KEYS)
    if unknown:
        raise InvalidInput(
            f"{path}: codec {name} has an unknown key '{unknown[0]}'; known are {', '.join(sorted(_KEYS))}"
        )
    encode, decode = (_command(table, key, name, path) for key in ("encode", "decode"))
    numbers = table.get("settings")
    whole = isinstance(numbers, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
    if not numbers or not isinstance(numbers, list) or not (whole or all(isinstance(n, int | float) for n in numbers)):
        raise InvalidInput(f"{path}: codec {name} needs settings, such as settings = [24, 30, 36, 42]")
    scale = Scale(str(table.get("prefix", "q")), tuple(numbers), min(numbers), max(numbers), whole=whole)
    return TemplateCodec(name, str(table.get("title", name)), scale, encode, decode, str(table.get("suffix", name)))


def _command(table: dict[str, Any], key: str, name: str, path: Path) -> str:
    command, needed = table.get(key), _NEEDED[key]
    try:
        fields = _fields(command) if isinstance(command, str) else set()
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError as error:
        raise InvalidInput(f"{path}: the {key} command of codec {name} cannot be split: {error}") from error
    if not words or not needed <= fields or not fields <= _KNOWN[key]:
        wanted, allowed = (", ".join(f"{{{f}}}" for f in sorted(fields)) for fields in (needed, _KNOWN[key] - needed))
        raise InvalidInput(
            f'{path}: codec {name} needs {key} = "PROGRAM ..." with {wanted} and none but {allowed} more'
        )
    assert isinstance(command, str)
    return command


def _fields(command: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", command))
