"""The code of the documentation: blocks of its pages, the commands in them, and how they are run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from commands import run

REPOSITORY = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((REPOSITORY / "docs").glob("*.md")))]
_LAUNCHERS = ("setsid", "nohup")
_SCRIPT = r"# \w+\.py\n"  # how the code of a file begins


def blocks(page):
    """(language, code) of all fenced blocks of a page."""
    return re.findall(r"^```(\S*)\n(.*?)^```$", (REPOSITORY / page).read_text(encoding="utf-8"), re.M | re.S)


@dataclass(frozen=True)
class Command:
    """One simple command; `program` is its name without folders, or the script that Python runs; `file` what it reads
    from standard input."""

    page: str
    program: str
    arguments: tuple[str, ...]
    file: str | None = None

    def __str__(self):
        return f"{self.page}: {self.program} {shlex.join(self.arguments)}"


def commands(page):
    """The commands of a page's shell blocks, in order, without settings of the environment and redirections."""
    return [command for language, code in blocks(page) for command in _commands_of(page, language, code)]


def _commands_of(page, language, code):
    found = []
    if language not in ("sh", "console"):
        return found
    for line in code.replace("\\\n", " ").splitlines():
        for step in re.split(r"&&|(?<![>&])&(?!\d|&)", line):
            words = shlex.split(step.removeprefix("$ "), comments=True)
            found += [_command(page, words)] if words else []
    return found


def _command(page, words):
    words = [word for word in words if not re.match(r"\d*>", word)]
    file = None
    if "<" in words:
        place = words.index("<")
        file = words[place + 1]
        del words[place : place + 2]
    while words[0] in _LAUNCHERS or re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    program, *arguments = words
    name = program if "/" not in program or not program.startswith((".venv/", "/tmp/")) else Path(program).name
    if re.fullmatch(r"python[\d.]*", name) and arguments[0].endswith(".py"):
        name, *arguments = arguments
    if name == "torchrun":
        place = arguments.index("stereocodec_cli")
        name, arguments = "torchrun bisic", arguments[place + 1 :]
    return Command(page, name, tuple(arguments), file)


def of_program(page, name):
    """Arguments of the commands of a page that run a program."""
    return [list(command.arguments) for command in commands(page) if command.program == name]


def done(arguments, stdin=None):
    """The result of a `bisic` command that must succeed."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, (arguments, result.output)
    return result


def steps(page):
    """In order, Python code, as text, and `bisic` commands of a page; code of files is left out (`script`)."""
    for language, code in blocks(page):
        if language == "python" and not re.match(_SCRIPT, code):
            yield code
        yield from (command for command in _commands_of(page, language, code) if command.program == "bisic")


def run_page(page, names=None, *, without=None):
    """Does the steps of a page in the current folder; all must succeed.

    names: what its Python code knows and defines. without: an argument whose commands are left out.
    """
    names = {} if names is None else names
    for step in steps(page):
        if isinstance(step, str):
            exec(compile(step, page, "exec"), names)
        elif without is None or without not in step.arguments:
            done(step.arguments, None if step.file is None else Path(step.file).read_bytes())


def script(page, name):
    """The code of a page that begins with the name of a file."""
    (code,) = (code for _, code in blocks(page) if code.startswith(f"# {name}\n"))
    return code
