"""The pages that are written from the commands' help and the docstrings, and how they are written."""

from __future__ import annotations

import re

import docstring_markdown
import pytest
import reference_pages
from stereocodec_cli.main import COMMANDS

PAGES = reference_pages.pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_pages_are_what_the_tool_writes(name):
    written = (reference_pages.DOCS / name).read_text(encoding="utf-8")
    assert written == PAGES[name], f"run python tools/reference_pages.py, and commit docs/{name}"


def test_every_command_and_option_is_shown_as_it_is_typed():
    page = PAGES["commands.md"]
    for name in COMMANDS:
        assert f"\n## bisic {name}\n" in page
    for option in ("-q, --quality", "--depth-unit UNIT", "--max-minutes", "--trained-on", "-V, --version"):
        assert f"`{option}" in page
    prose = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->", "", page, flags=re.DOTALL)
    assert "--" not in prose  # which builders of pages make dashes of
    assert "\N{EN DASH}" not in page
    assert "{click}" not in page


@pytest.mark.parametrize(
    "name",
    ["StereoCodec", "ReleaseCodec.from_pretrained", "RgbdCodec.decompress", "Container.from_bytes", "CorruptFile",
     "find_pairs", "find_frames", "depth_errors", "DepthMap.metres", "evaluate", "register", "Trainer.run"],
)  # fmt: skip
def test_public_names_are_shown_with_what_they_take(name):
    page = PAGES["api.md"]
    heading = "####" if "." in name else "###"
    described = page.split(f"\n{heading} {name}\n\n```python\n")[1].split("\n#")[0]
    code, text = described.split("\n```\n", 1)
    assert name.split(".")[-1] in code
    assert text.strip()


def test_docstrings_become_paragraphs_lists_and_code():
    docstring = """Takes `a` with --b, not a-b.

    left, right: both views,
        of one size.
    quality: 0 to 100.
    Raises InvalidInput.

        code(1)
    """
    assert docstring_markdown.as_markdown(docstring) == (
        "Takes `a` with `--b`, not a-b.\n\n"
        "- `left`, `right`: both views,\n  of one size.\n- `quality`: 0 to 100.\n\nRaises InvalidInput.\n\n"
        "```python\ncode(1)\n```"
    )


def test_signatures_are_those_of_the_code():
    def found(a: int, *rest: str, b: bool = False, **others: object) -> str: ...

    assert (
        docstring_markdown.signature("f", found)
        == "def f(a: int, *rest: str, b: bool = False, **others: object) -> str"
    )
    assert docstring_markdown.signature("E", KeyError) == "class E"
