"""The `bisic` command: its subcommands, found by name, and what an error looks like to a person.

A command's module is imported when the command is used, and torch by the command itself, so that
`bisic --help`, shell completion and wrong arguments are answered at once.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import IO, Any, NamedTuple, NoReturn

import click

from stereocodec import __version__
from stereocodec.errors import StereoCodecError, ran_out_of_memory
from stereocodec.processor import let_waiting_threads_sleep
from stereocodec.text import one_line, reason_of

from ._shared import SUBJECT
from ._signals import Stopped, stop_on_signals
from ._streams import open_standard_streams

# What a shell reports of programs that were ended by Ctrl-C, and by writing to a pipe that nobody reads.
_INTERRUPTED, _READER_GONE = 130, 141

_EPILOG = """
\b
Shell completion, for this shell; put the line into its start-up file to keep it:
  bash  eval "$(_BISIC_COMPLETE=bash_source bisic)"
  zsh   eval "$(_BISIC_COMPLETE=zsh_source bisic)"
  fish  _BISIC_COMPLETE=fish_source bisic | source

Exit status: 0 done, 1 bad data or another failure, 2 wrong usage, 128 + N stopped by signal N: 130 by Ctrl-C, 143 by
kill, 129 by a terminal that was closed, 141 by a reader of the output that has gone.
"""
# What writing to standard output meets, whose errors have no name of a file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)


class _Entry(NamedTuple):
    target: str  # "module:attribute" in this package
    help: str  # the first sentence of the command's own help


COMMANDS = {
    "encode": _Entry("encode:encode", "Compress stereo pairs, or colour with depth, into .bsc files."),
    "decode": _Entry("decode:decode", "Restore the views of .bsc files, or their colour and depth."),
    "view": _Entry("view:view", "Look at a .bsc file in the browser, on a page of its own."),
    "verify": _Entry("verify:verify", "Decode .bsc files and compare checksums, without writing anything."),
    "info": _Entry("info:info", "Show what a .bsc file holds and where its bytes go."),
    "eval": _Entry("evaluate:evaluate", "Measure models and other codecs on stereo pairs."),
    "models": _Entry("models:models", "List the models that are here."),
    "pull": _Entry("pull:pull", "Fetch a model from the Hub."),
    "push": _Entry("push:push", "Publish a release folder on the Hub."),
    "train": _Entry("train:train", "Train a model on folders of stereo pairs, or of colour with depth."),
    "export": _Entry("export:export", "Make a release folder of a training run."),
    "import": _Entry("import_:import_", "Make a release folder of a checkpoint of a published codec."),
}


class Failure(click.ClickException):
    """Bad data or another failure that is not wrong usage: one line, exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line on standard error."""
        click.echo(f"bisic: error: {one_line(self.message)}", file=file, err=True)


class LazyGroup(click.Group):
    """A group that imports a command when it is used, and turns every exception into an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(import_module(f".{module}", __package__), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Read the options before the command; --help and --version print here, and may fail to."""
        with _one_line_failures(debug=False):
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; errors become one line and an exit status."""
        debug = bool(ctx.params.get("debug"))
        if not debug:
            # Libraries' warnings speak to programmers; what a user must know is raised as an error.
            warnings.simplefilter("ignore")
        with _one_line_failures(debug):
            return super().invoke(ctx)


@contextmanager
def _one_line_failures(debug: bool) -> Iterator[None]:
    """Makes one line and an exit status of every exception, and what click raises of it."""
    try:
        yield
    except (click.exceptions.Exit, click.Abort):
        raise
    except click.ClickException as error:
        error.message = one_line(error.message)  # type: ignore[misc]  # whatever class of click shows it
        raise
    except BrokenPipeError:
        _drop_output()
        raise click.exceptions.Exit(_READER_GONE) from None
    except KeyboardInterrupt as error:
        if debug:
            traceback.print_exc()
        what, status = ("interrupted", _INTERRUPTED)
        if isinstance(error, Stopped):
            what, status = f"stopped by {error.signal}", error.status
        click.echo(f"bisic: {what}", err=True)
        raise click.exceptions.Exit(status) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        _drop_output()
        context = click.get_current_context(silent=True)
        subject = context.meta.get(SUBJECT) if context else None
        raise Failure(": ".join(filter(None, (subject, _explained(error))))) from error


def _drop_output() -> None:
    """Lets what standard output has not taken go, instead of failing once more when the program ends."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _explained(error: Exception) -> str:
    if isinstance(error, StereoCodecError):
        return str(error)
    if ran_out_of_memory(error):
        return "not enough memory for pictures of this size: free some, use --device cpu or cut them into tiles"
    if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
        return f"standard output cannot be written: {error.strerror}; free some space or redirect it elsewhere"
    name = type(error).__name__
    return f"unexpected {name}: {reason_of(error)} (the traceback is shown by: bisic --debug COMMAND ...)"


@click.group(
    cls=LazyGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, "-V", "--version", prog_name="bisic")
def bisic(debug: bool) -> None:
    """Store a stereo pair in one small .bsc file and get it back on any machine."""


def main() -> NoReturn:
    """Entry point of the installed command."""
    # Python looks for garbage among all that is left when it ends; among PyTorch's modules that takes 0.4 seconds.
    atexit.register(gc.freeze)
    let_waiting_threads_sleep()
    open_standard_streams()
    stop_on_signals()
    bisic(prog_name="bisic")
    raise SystemExit(0)
