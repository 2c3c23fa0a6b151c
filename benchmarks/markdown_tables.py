"""Markdown tables, and the marked blocks of a page that they replace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stereocodec.evaluation.results import machine

__all__ = ["machine", "publish", "replace_block", "table"]


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
