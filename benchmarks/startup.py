"""Times what a user waits for before anything happens: `bisic --help`, and the package's imports.

    python benchmarks/startup.py

Each command runs in a fresh process; the least of several wall times is the one that other work disturbed least.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from markdown_tables import machine, publish, table

WATCHED = ("torch", "numpy", "PIL", "click")


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    rows = []
    for label, command in _commands():
        seconds = [_wall([sys.executable, *command]) for _ in range(arguments.repeats)]
        loaded = _loaded(command)
        imports = ", ".join(package for package in WATCHED if package in loaded) or "none of them"
        rows.append([label, imports, f"{1000 * min(seconds):.0f} ms", f"{1000 * median(seconds):.0f} ms"])
    text = f"Fresh processes, {arguments.repeats} of each. {machine('stereocodec', 'torch', 'click')}."
    names = ", ".join(WATCHED)
    report = table(["command", f"imports of {names}", "least", "median"], rows, text_columns=2)
    publish(f"{text}\n\n{report}", "startup", arguments.markdown)


def _commands() -> list[tuple[str, list[str]]]:
    script = shutil.which("bisic", path=str(Path(sys.executable).parent))
    # The script that pip makes is Python text, but a program on Windows.
    bisic = [script] if script and not script.endswith(".exe") else ["-m", "stereocodec_cli"]
    return [
        ("`python -c pass`", ["-c", "pass"]),
        ("`bisic --version`", [*bisic, "--version"]),
        ("`bisic --help`", [*bisic, "--help"]),
        ("`bisic encode --help`", [*bisic, "encode", "--help"]),
        ("`import stereocodec`", ["-c", "import stereocodec"]),
        ("`from stereocodec import StereoCodec`", ["-c", "from stereocodec import StereoCodec"]),
        ("`import torch`", ["-c", "import torch"]),
    ]


def _wall(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _loaded(command: Sequence[str]) -> set[str]:
    """The modules that a command imports, by Python's own trace."""
    options = [sys.executable, "-X", "importtime", *command]
    trace = subprocess.run(options, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return {line.rpartition("|")[2].strip() for line in trace.splitlines() if line.startswith("import time:")}


if __name__ == "__main__":
    main()
