"""The code of the documentation: blocks of its pages, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((REPOSITORY / "docs").glob("*.md")))]
_LAUNCHERS = ("setsid", "nohup")


def blocks(page):
    """(language, code) of all fenced blocks of a page."""
    return re.findall(r"^```(\S*)\n(.*?)^```$", (REPOSITORY / page).read_text(encoding="utf-8"), re.M | re.S)


@dataclass(frozen=True)
class Command:
    """One simple command; `program` is its name without folders, or the script that Python runs."""

    page: str
    program: str
    arguments: tuple[str, ...]

    def __str__(self):
        return f"{self.page}: {self.program} {shlex.join(self.arguments)}"


def commands(page):
    """The commands of a page's shell blocks, in order, without settings of the environment and redirections."""
    found = []
    for language, code in blocks(page):
        if language in ("sh", "console"):
            for line in code.replace("\\\n", " ").splitlines():
                for step in re.split(r"&&|(?<![>&])&(?!\d|&)", line):
                    words = shlex.split(step.removeprefix("$ "), comments=True)
                    found += [_command(page, words)] if words else []
    return found


def _command(page, words):
    words = [word for word in words if not re.match(r"\d*>", word)]
    if "<" in words:
        del words[words.index("<") : words.index("<") + 2]
    while words[0] in _LAUNCHERS or re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    program, *arguments = words
    name = program if "/" not in program or not program.startswith((".venv/", "/tmp/")) else Path(program).name
    if re.fullmatch(r"python[\d.]*", name) and arguments[0].endswith(".py"):
        name, *arguments = arguments
    if name == "torchrun":
        place = arguments.index("stereocodec_cli")
        name, arguments = "torchrun bisic", arguments[place + 1 :]
    return Command(page, name, tuple(arguments))


def of_program(page, name):
    """Arguments of the commands of a page that run a program."""
    return [list(command.arguments) for command in commands(page) if command.program == name]
