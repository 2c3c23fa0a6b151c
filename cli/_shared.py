"""What several commands share: options, reading from a path or standard input, the progress bar."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from stereocodec.container import read_bounded
from stereocodec.container.bounded import MAX_FILE_BYTES
from stereocodec.device_names import MAX_THREADS, check_device_name
from stereocodec.errors import InvalidInput, LimitExceeded, StereoCodecError
from stereocodec.files import write_atomically
from stereocodec.text import one_line, reason_of

if TYPE_CHECKING:
    from stereocodec.band_work import Progress

STANDARD_STREAM = "-"
SUBJECT = "stereocodec.file"  # the key in click's context of what an error is about
_Function = TypeVar("_Function", bound=Callable[..., Any])

_BAR_STEPS = 1000


@contextmanager
def wrong_usage(option: str | None = None) -> Iterator[None]:
    """Within, what is refused is wrong usage of an option; the error names what is right.

    option: None within a callback of click, which knows it.
    """
    try:
        yield
    except StereoCodecError as error:
        hint = None if option is None else f"'{option}'"
        raise click.BadParameter(str(error), param_hint=hint) from error


def _device_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    with wrong_usage():
        return check_device_name(value)


device_option = click.option(
    "--device",
    callback=_device_name,
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Where the networks run: cpu, cuda, cuda:N or mps; auto takes a CUDA device if there is one.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    metavar="N",
    help="How many threads compute for a pair; each works on a band of a large one. Nothing of the result depends on "
    "it.  [default: one for each core]",
)
force_option = click.option("-f", "--force", is_flag=True, help="Overwrite existing files.")
quiet_option = click.option("-Q", "--quiet", is_flag=True, help="Print nothing but errors.")


def use_threads(count: int | None) -> None:
    """Lets PyTorch compute with so many threads, where that is asked for."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


def display_name(path: str) -> str:
    """What messages call an input."""
    return "standard input" if path == STANDARD_STREAM else one_line(path)


@contextmanager
def about(path: str) -> Iterator[None]:
    """Within, the message of an error begins with the name of this input."""
    context = click.get_current_context(silent=True)
    meta: dict[str, Any] = context.meta if context else {}
    meta[SUBJECT] = display_name(path)
    yield
    del meta[SUBJECT]


class NamedPath(click.Path):
    """A path that has a name; the system's own names of the standard streams stand for `-` where that is allowed."""

    _STREAMS = frozenset({"/dev/stdin", "/dev/stdout", "/dev/fd/0", "/dev/fd/1", "/proc/self/fd/0", "/proc/self/fd/1"})

    def __init__(self, *arguments: Any, stream: bool = False, **settings: Any) -> None:
        """stream: whether `-` stands for a standard stream. The others are those of click."""
        super().__init__(*arguments, **settings)
        self._stream = stream

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; fails for an empty one."""
        if not os.fspath(value):
            self.fail("the name is empty.", param, ctx)
        return super().convert(STANDARD_STREAM if self._stream and value in self._STREAMS else value, param, ctx)


def same_file(first: str, second: str) -> bool:
    """Whether two paths name one file, also through links; `-` and devices are never one file."""
    if STANDARD_STREAM in (first, second):
        return False
    try:
        return os.path.samefile(first, second) and Path(first).is_file()
    except (OSError, ValueError):  # one of them does not exist
        return os.path.realpath(first) == os.path.realpath(second)


def read_file(path: str, read: Callable[[BinaryIO], bytes] = read_bounded) -> bytes:
    """The bytes of a `.bsc` file, or of standard input for `-`; no more of them than the file says that it has.

    read: takes them from a file that is open. Raises InvalidInput when it cannot be read, and FormatError when what was
    read is no such file.
    """
    stream = standard_input() if path == STANDARD_STREAM else None
    with about(path):
        return _read_path(path, read) if stream is None else read(stream)


def _read_path(path: str, read: Callable[[BinaryIO], bytes]) -> bytes:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_FILE_BYTES:
                raise LimitExceeded(f"it has {status.st_size} bytes, a .bsc file has at most {MAX_FILE_BYTES}")
            return read(file)
    except StereoCodecError:
        raise
    except FileNotFoundError as error:
        raise InvalidInput("no such file") from error
    except IsADirectoryError as error:
        raise InvalidInput("it is a folder: name a .bsc file") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"it cannot be read: {reason_of(error)}") from error


def standard_input() -> BinaryIO:
    """Standard input for data; raises InvalidInput when it is closed."""
    if sys.stdin is None:
        raise InvalidInput("standard input is closed: name a file, or redirect one to it with <")
    return sys.stdin.buffer


def require_binary_stdout(hint: str) -> BinaryIO:
    """Standard output for data; refuses a terminal, which data would garble, and one that is closed."""
    if sys.stdout is None:
        raise click.UsageError(f"Standard output is closed: redirect it into a file or a pipe, or {hint}.")
    if sys.stdout.isatty():
        raise click.UsageError(f"Standard output is a terminal: redirect it into a file or a pipe, or {hint}.")
    return sys.stdout.buffer


def write_data(data: bytes, output: str, stdout: BinaryIO | None, *, force: bool) -> str:
    """Writes a command's result to a file, or to standard output where that is given; returns what messages call it."""
    if stdout is None:
        write_atomically(output, data, overwrite=force)
        return one_line(output)
    stdout.write(data)
    stdout.flush()
    return "standard output"


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on standard error; None, and nothing printed, when that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=_BAR_STEPS, file=sys.stderr) as bar:

        def report(fraction: float, stage: str) -> None:
            bar.label = stage
            bar.update(round(fraction * _BAR_STEPS) - bar.pos)

        yield report
