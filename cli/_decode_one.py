"""`bisic decode` of one file: what is asked for, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import click

from stereocodec.container import Channels, Container
from stereocodec.errors import InvalidInput
from stereocodec.files import Output, check_writable
from stereocodec.pictures.formats import PNG
from stereocodec.pictures.output_form import (
    TWO_FILES,
    OutputForm,
    Part,
    Single,
    check_parts,
    output_form,
    view_part,
)
from stereocodec.text import one_line

from ._shared import STANDARD_STREAM, require_binary_stdout, same_file

if TYPE_CHECKING:
    from stereocodec.pictures.save_pair import SavedPicture

FrameFiles: TypeAlias = dict[str, Path | None]
"""The files of "color" and "depth", or of one of them; None for standard output."""
Outputs: TypeAlias = OutputForm | tuple[Part, ...] | FrameFiles
"""What is asked for: a form that the file may still decide, single views, or parts of a frame."""

_VIEWS, _PARTS = ("left", "right"), ("color", "depth")


def check_names(file: str, output: str | None, layout: str | None, views: Mapping[str, str]) -> None:
    """Raises UsageError for names that cannot be meant so."""
    options = " and ".join(f"--{part}" for part in (_PARTS if set(views) & set(_PARTS) else _VIEWS))
    if set(views) & set(_PARTS) and set(views) & set(_VIEWS):
        raise click.UsageError("--left and --right are of pairs, --color and --depth of colour with depth.")
    if output is not None and views:
        raise click.UsageError(f"Give either -o or files with {options}, not both.")
    if layout is not None and views:
        raise click.UsageError(f"{options} are single views: leave --layout out, or name one picture with -o.")
    if file == STANDARD_STREAM and output is None and not views:
        raise click.UsageError(f"Standard input has no name: say where to write, with -o or {options}.")
    named = views if output is None else {"output": output}
    for option, path in named.items():
        if same_file(path, file):
            raise click.UsageError(f"--{option} is the file to decode: give it a name of its own.")
    both = list(views.values())
    if len(both) == 2 and (both[0] == both[1] or same_file(*both)):
        raise click.UsageError(f"{options} name one file: each view needs its own.")


def outputs_of(
    file: str,
    output: str | None,
    layout: str | None,
    picture_format: str | None,
    quality: int | None,
    views: Mapping[str, str],
) -> Outputs:
    """What is asked for; raises InvalidInput."""
    if views:
        paths = {view: None if path == STANDARD_STREAM else Path(path) for view, path in views.items()}
        if set(paths) <= set(_PARTS):
            return _frame_files(paths, picture_format)
        return tuple(
            view_part(Single(view), path, format=picture_format, quality=quality) for view, path in paths.items()
        )
    target = None if output == STANDARD_STREAM else f"{Path(file).parent}/" if output is None else output
    stem = "" if file == STANDARD_STREAM else Path(file).stem
    return output_form(target, layout=layout, format=picture_format, quality=quality, stem=stem)


def _frame_files(paths: FrameFiles, picture_format: str | None) -> FrameFiles:
    from stereocodec.pictures.save_frame import check_frame_files

    if picture_format is not None:
        raise InvalidInput("the names of --color and --depth tell their formats: leave --format out")
    check_frame_files(paths)
    return paths


def paths_of(outputs: tuple[Part, ...] | FrameFiles) -> list[Path | None]:
    """The files of single views, or of parts of a frame."""
    return list(outputs.values()) if isinstance(outputs, dict) else [part.path for part in outputs]


def stdout_of(output: str | None, views: Mapping[str, str]) -> BinaryIO | None:
    """Standard output, if a picture goes there."""
    streamed = [f"--{view}" for view, path in views.items() if path == STANDARD_STREAM]
    streamed += ["-o"] if output == STANDARD_STREAM else []
    return require_binary_stdout(f"name a file with {streamed[0]}") if streamed else None


def check_all_writable(paths: Iterable[Path | None], force: bool) -> None:
    """Raises OutputError for files that cannot be written, or that are there already; None stands for none."""
    for path in paths:
        if path is not None:
            check_writable(path, force, makes_folder=True)


def pair_saver(
    container: Container,
    outputs: Outputs,
    quality: int | None,
    force: bool,
    stdout: BinaryIO | None,
    beside: Sequence[Output],
    size: tuple[int, int],
) -> Callable[[Any, Any], str]:
    """What writes the views of a pair, of a width and height, and says in a line what it wrote.

    Raises OutputError for what could not be written.
    """
    if isinstance(outputs, dict):
        raise click.UsageError("The file is of a stereo pair: leave --color and --depth out.")
    grey, metadata = container.channels is Channels.GREY, container.metadata
    parts = outputs if isinstance(outputs, tuple) else outputs.parts(metadata.layout, grey=grey)
    check_all_writable([part.path for part in parts], force)
    check_parts(parts, size, metadata.layout, grey=grey)

    def save(left: Any, right: Any) -> str:
        from stereocodec.pictures.rgb import to_views
        from stereocodec.pictures.save_pair import save_parts

        pair = replace(to_views(left, right), metadata=metadata)
        saved = save_parts(parts, pair, quality=quality, overwrite=force, stream=stdout, beside=beside)
        if stdout is not None:
            stdout.flush()
        return _said(saved)

    return save


def _said(saved: Sequence[SavedPicture]) -> str:
    """Names, size, how one file holds both views, and what of the metadata files do not hold."""
    names = ", ".join("standard output" if one.path is None else one_line(one.path) for one in saved)
    first = saved[0]
    words = "" if first.words in (Single.LEFT.words, Single.RIGHT.words) else f", {first.words}"
    left_out = dict.fromkeys(what for one in saved for what in one.left_out)
    without = f"; without {', '.join(left_out)}" if left_out else ""
    return f"{names}: {first.size[0]}x{first.size[1]}{words}{without}"


def frame_saver(
    container: Container,
    outputs: Outputs,
    quality: int | None,
    force: bool,
    stdout: BinaryIO | None,
    beside: Sequence[Output],
) -> Callable[[Any, Any], str]:
    """What writes colour and depth, and says so.

    Raises UsageError for what a pair alone can be, and OutputError for what could not be written.
    """
    files = outputs if isinstance(outputs, dict) else _two_pngs(outputs, force)
    known = container.depth
    assert known is not None
    names = ", ".join("standard output" if path is None else one_line(path) for path in files.values())

    def save(color: Any, depth: Any) -> str:
        from stereocodec.pictures.depth import DepthMap
        from stereocodec.pictures.save_frame import save_frame_files

        left_out = save_frame_files(
            files,
            color,
            DepthMap(depth, known.metres_per_step, known.invalid),
            quality=quality,
            metadata=container.metadata,
            overwrite=force,
            stream=stdout,
            beside=beside,
        )
        if stdout is not None:
            stdout.flush()
        without = f"; without {', '.join(left_out)}" if left_out else ""
        return f"{names}: {depth.shape[1]}x{depth.shape[0]}{without}"

    return save


def _two_pngs(outputs: OutputForm | tuple[Part, ...], force: bool) -> FrameFiles:
    """The files of colour and depth in a folder; raises as `frame_saver`."""
    from stereocodec.pictures.save_frame import frame_paths

    if isinstance(outputs, tuple):
        raise click.UsageError("The file is of colour and depth: leave --left and --right out.")
    folder = outputs.target if outputs.is_folder else None
    if folder is None or outputs.layout not in (None, TWO_FILES) or outputs.form is not PNG:
        raise click.UsageError(
            "The file is of colour and depth, which become two PNG files: name a folder with -o, and leave --layout "
            "and --format out."
        )
    files: FrameFiles = dict(zip(_PARTS, frame_paths(folder, outputs.stem), strict=True))
    check_all_writable(files.values(), force)
    return files
