"""Markdown tables, and the marked blocks of a page that they replace."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def table(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """A Markdown table; all but the first `text_columns` columns are aligned to the right."""
    rules = ["---" if column < text_columns else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rules, *rows))


def replace_block(page: Path, name: str, text: str) -> None:
    """Puts `text` between the comments `begin: NAME` and `end: NAME` of a page; the rest of it stays.

    Raises SystemExit when the page does not have both comments.
    """
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    old = page.read_text(encoding="utf-8")
    before, found_begin, rest = old.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{page} has no lines '{begin}' and '{end}' to put the tables between")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def publish(text: str, name: str, page: Path | None) -> None:
    """Prints a report, and puts it into the page's block when a page is given."""
    print(text)
    if page is not None:
        replace_block(page, name, text)


def machine(*packages: str) -> str:
    """Processor, logical cores, system, Python and the versions of packages, in one line."""
    found = [f"{package} {_version(package)}" for package in packages]
    system = f"{platform.system()} {platform.machine()}"
    return ", ".join([f"{_processor()} ({os.cpu_count()} CPUs)", system, f"Python {platform.python_version()}", *found])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
