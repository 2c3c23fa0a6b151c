"""Times what a user waits for before anything happens: `bisic --help`, the package's imports, and a small file.

    python benchmarks/startup.py

Each command runs in a fresh process, in turns with the others, after one more that leaves Python's bytecode, as pip
does for what it installs; the least of several wall times is the one that other work disturbed least.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from markdown_tables import machine, publish, table
from speed import SAMPLE, fitted

from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import to_pair

SIDES = ("left", "right")
WATCHED = ("torch", "numpy", "PIL", "click")
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        commands = _commands(_small_file(Path(scratch)))
        seconds: list[list[float]] = [[] for _ in commands]
        for repeat in range(arguments.repeats + 1):
            for (_, command), measured in zip(commands, seconds, strict=True):
                wall = _wall([sys.executable, *command])
                if repeat:
                    measured.append(wall)
        loaded = [_loaded(command) for _, command in commands]
    torch = min(seconds[-1])
    rows = [
        [
            label,
            ", ".join(package for package in WATCHED if package in found) or "none of them",
            f"{1000 * min(measured):.0f} ms",
            f"{1000 * median(measured):.0f} ms",
            f"{min(measured) / torch:.2f}",
        ]
        for (label, _), measured, found in zip(commands, seconds, loaded, strict=True)
    ]
    text = f"Fresh processes, {arguments.repeats} of each. {machine('stereocodec', 'torch', 'click')}."
    names = ", ".join(WATCHED)
    header = ["command", f"imports of {names}", "least", "median", "least / `import torch`"]
    publish(f"{text}\n\n{table(header, rows, text_columns=2)}", "startup", arguments.markdown)


def _small_file(folder: Path) -> Path:
    """The sample pair, cropped to 512x384, as a file."""
    from stereocodec import StereoCodec

    left, right = (fitted(view, 512, 384) for view in to_pair(*(load_image(SAMPLE / f"{s}.png") for s in SIDES)))
    file = folder / "small.bsc"
    file.write_bytes(StereoCodec.from_pretrained(device="cpu").compress(left, right))
    return file


def _commands(small: Path) -> list[tuple[str, list[str]]]:
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
        ("`bisic decode` of 512x384", [*bisic, "decode", str(small), "-f", "--quiet"]),
        ("`import torch`", ["-c", "import torch"]),
    ]


def _wall(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
    return time.perf_counter() - start


def _loaded(command: Sequence[str]) -> set[str]:
    """The modules that a command imports, by Python's own trace."""
    options = [sys.executable, "-X", "importtime", *command]
    trace = subprocess.run(options, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return {line.rpartition("|")[2].strip() for line in trace.splitlines() if line.startswith("import time:")}


if __name__ == "__main__":
    main()
