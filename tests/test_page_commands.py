"""Every command of every page: run by a test, or named here with the reason why not; and whether its options exist."""

from __future__ import annotations

import argparse
import importlib
import re
import runpy
import sys
from pathlib import Path

import click
import pytest
from pages import PAGES, REPOSITORY, Command, blocks, commands
from stereocodec_cli.main import bisic

from stereocodec.toml_files import read_toml

COMMANDS = [command for page in PAGES for command in commands(page)]
SCRIPTS = sorted(
    path for path in (REPOSITORY / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")
)

RUN = {
    "README.md": "test_readme.py",
    "docs/start.md": "test_docs.py",
    "docs/pictures.md": "test_docs.py",
    "docs/many.md": "test_docs.py",
    "docs/effort.md": "test_docs.py",
    "docs/large.md": "test_docs.py",
    "docs/rgbd.md": "test_docs.py",
    "docs/view.md": "test_docs.py",
    "docs/hub.md": "test_docs.py",
    "docs/training.md": "test_docs_training.py",
    "docs/evaluation.md": "test_docs_training.py",
    "docs/models.md": "test_docs_training.py",
}
"""Pages whose `bisic` lines are run, with the test that does it."""

_ENVIRONMENT = "makes an environment from a package index, which .ci/run does, or needs one that was made so"
_MEASURES = "measures for minutes to hours"
NOT_RUN = {
    "python3": _ENVIRONMENT,
    "python": _ENVIRONMENT,
    "pip": _ENVIRONMENT,
    "cat": "test_known_files.py runs the page",
    "file": "test_known_files.py runs the page",
    "xdg-mime": "test_known_files.py runs the page",
    "pytest": "the tests themselves, which .ci/run starts",
    "ruff": "started by .ci/run",
    "mypy": "started by .ci/run",
    "python3.13": _ENVIRONMENT,
    ".ci/try-python": "installs other Pythons",
    "torchrun bisic": "trains for hours in several processes; test_training_distributed.py does for seconds",
    "tools/fuzz.py": "runs for half an hour; test_fuzz.py does some hundred cases",
    "tools/train_on_gpu.sh": "needs a GPU; test_gpu_script.py rehearses it on the processor",
    "tools/pack_training_data.py": "packs gigabytes; test_gpu_script.py does a few pictures",
    "tools/averaged_weights.py": "test_gpu_script.py runs it on a run of its own",
    "tools/train_depth_network.py": "trains for a quarter of an hour; test_train_depth_network.py does some steps",
    "tools/reference_pages.py": "test_reference_pages.py compares what it writes",
    "tools/spatial_photo.py": "test_spatial_photo.py runs it on small pictures",
    "tools/renderer/render_frames.py": "renders for a minute; test_sample_frames.py does one frame",
    **{f"benchmarks/{path.name}": _MEASURES for path in SCRIPTS},
}
"""Programs that the pages name and the tests do not run as they stand there."""


def test_every_command_is_run_or_named_with_the_reason():
    unknown = [
        str(command)
        for command in COMMANDS
        if command.program not in NOT_RUN and not (command.program == "bisic" and command.page in RUN)
    ]
    assert unknown == []
    programs = {command.program for command in COMMANDS}
    stale = [program for program in NOT_RUN if program not in programs and not program.startswith("benchmarks/")]
    assert stale == []
    for page, test in RUN.items():
        assert f'{Path(page).name}"' in (REPOSITORY / "tests" / test).read_text("utf-8"), page


def test_blocks_of_code_name_a_language_that_is_tested():
    known = {"sh", "python", "text", "toml", "{toctree}", "{include}", ""}
    assert {(page, language) for page in PAGES for language, _ in blocks(page) if language not in known} == set()


@pytest.fixture
def parse_only(monkeypatch, tmp_path):
    """Parses a command with the parser of the program itself, and runs nothing; a misspelt option is an error."""

    class ParsedError(Exception):
        pass

    original = argparse.ArgumentParser.parse_args

    def parsed(self, *arguments, **settings):
        original(self, *arguments, **settings)
        raise ParsedError

    def parse(command):
        path = REPOSITORY / command.program
        if command.program.endswith(".sh"):
            options = set(re.findall(r"--[a-z-]+", path.read_text("utf-8")))
            assert {word for word in command.arguments if word.startswith("--")} <= options
        elif command.program in ("bisic", "torchrun bisic"):
            _parse(bisic, command.arguments)
        elif "click" in (text := path.read_text("utf-8")) and "argparse" not in text:
            if "click.command" in text or "click.group" in text:
                _parse(importlib.import_module(path.stem).main, command.arguments)
        else:
            monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
            monkeypatch.setattr(sys, "argv", [path.name, *command.arguments])
            monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
            with pytest.raises(ParsedError):
                runpy.run_path(str(path), run_name="__main__")

    monkeypatch.chdir(tmp_path)
    return parse


def _parse(command, arguments):
    """Parses with click, without calling anything."""
    context = click.Context(command, info_name="x")
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.get_command(context, name)
        assert command is not None, name
    for checkpoint in (argument for argument in arguments if argument.endswith(".pth.tar")):
        Path(checkpoint).touch()  # must be a file that exists
    with command.make_context("x", list(arguments), parent=context):
        pass


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.program == "bisic" or "/" in command.program or " " in command.program],
    ids=str,
)
def test_options_are_those_of_the_program(command, parse_only):
    if command.program.startswith(".ci/"):
        assert (REPOSITORY / command.program).is_file()
    else:
        parse_only(command)


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("bisic", ("train", "--arch", "bisic-rt", "--data", "x", "-o", "y", "--fotos", "z")),
        ("bisic", ("trian",)),
        ("benchmarks/speed.py", ("--tread", "1")),
        ("tools/pack_training_data.py", ("--pairs", "x", "--mb", "3")),
        ("tools/train_on_gpu.sh", ("start", "--minute", "3")),
    ],
)
def test_misspelt_options_are_found(program, arguments, parse_only):
    with pytest.raises((SystemExit, click.UsageError, AssertionError)):
        parse_only(Command("a page", program, arguments))


def test_extras_that_are_installed_exist():
    known = read_toml(REPOSITORY / "pyproject.toml")["project"]["optional-dependencies"]
    named = {
        extra
        for page in PAGES
        for found in re.findall(r"(?:stereocodec|\.)\[([a-z,]+)\]", (REPOSITORY / page).read_text("utf-8"))
        for extra in found.split(",")
    }
    assert named
    assert named <= known.keys()


def test_files_that_commands_name_exist():
    words = {word for command in COMMANDS for word in (command.program, *command.arguments)}
    files = {word for word in words if re.match(r"(docs|tools|benchmarks|tests)/", word) and "{" not in word}
    assert "benchmarks/speed.py" in files
    assert [name for name in files if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_of_benchmarks_have_help_and_a_page_that_names_them(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script.name, "--help"])
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: ")
    assert len(text.split("\n\n")) > 2  # what it does, and what its options mean
    assert any(f"benchmarks/{script.name}" in (REPOSITORY / page).read_text("utf-8") for page in PAGES)
