"""Docstrings and signatures as Markdown, for `tools/reference_pages.py`."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Collection, Iterator
from typing import Any

# "left, right: what they are", and "Args:" on a line of its own.
_ITEM = re.compile(r"(\w+(?:, \*{0,2}\w+)*): (\S.*)")
_SECTION = re.compile(r"(\w+):")
_WIDTH = 100  # of a signature before it is broken


def literal_options(text: str) -> str:
    """Prose with options as code, so that no renderer makes a dash of `--`, and without accidental emphasis."""
    pieces = re.split(r"(`[^`]*`)", text)
    for place in range(0, len(pieces), 2):
        pieces[place] = re.sub(r"(?<![\w-])--?[a-zA-Z][\w-]*", lambda found: f"`{found[0]}`", pieces[place])
    # Again apart, because an escape within code would show.
    pieces = re.split(r"(`[^`]*`)", "".join(pieces))
    return "".join(p if place % 2 else re.sub(r"([*<](?=\w))", r"\\\1", p) for place, p in enumerate(pieces))


def as_markdown(docstring: str | None) -> str:
    """A docstring with its items as a list, and with drawings and code as blocks."""
    blocks = inspect.cleandoc(docstring or "").split("\n\n")
    return "\n\n".join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> str:
    lines = block.split("\n")
    if lines[0].startswith("    "):
        return f"```python\n{inspect.cleandoc(block)}\n```"
    is_list = any(line.startswith("- ") or _SECTION.fullmatch(line) or _ITEM.match(line.strip()) for line in lines)
    if not is_list and any(line.startswith("  ") for line in lines):
        return f"```text\n{block}\n```"
    written: list[str] = []
    for line in lines:
        _append(written, line)
    return "\n".join(written)


def _append(written: list[str], line: str) -> None:
    """Adds a line of a docstring to Markdown: the beginning of an item, of a paragraph, or what goes on."""
    text = line.strip()
    section, item = _SECTION.fullmatch(line), _ITEM.fullmatch(text)
    is_first = not written or written[-1] == ""
    in_item = bool(written) and written[-1].startswith(("- ", "  "))
    if line.startswith("- "):
        written.append(f"- {literal_options(line[2:])}")
    elif section:
        written += [*([] if is_first else [""]), f"{section[1]}:", ""]
    elif item:
        names = ", ".join(f"`{name}`" for name in item[1].split(", "))
        written += [*([] if is_first or in_item else [""]), f"- {names}: {literal_options(item[2])}"]
    elif in_item and text[:1].isupper() and written[-1].endswith("."):
        written += ["", literal_options(text)]
    else:
        written.append(f"  {literal_options(text)}" if in_item else literal_options(text))


def members(value: type[Any], described: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that this package defines, base classes first; without bases of these names."""
    found: dict[str, Any] = {}
    for base in reversed(value.__mro__):
        if base.__module__.startswith("stereocodec") and base.__name__ not in described:
            found |= {name: item for name, item in vars(base).items() if name[0] != "_"}
    for name, item in found.items():
        function = item.__func__ if isinstance(item, (classmethod, staticmethod)) else item
        if isinstance(function, property) or inspect.isfunction(function):
            yield name, item


def signature(name: str, value: Any) -> str:
    """How it is called, on one line or with a line for each argument."""
    if isinstance(value, property):
        returned = inspect.signature(value.fget).return_annotation if value.fget else Any
        return f"{name}: {returned}"
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return f"class {name}({', '.join(value.__members__)})"
    function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
    decorator = f"@{type(value).__name__}\n" if isinstance(value, (classmethod, staticmethod)) else ""
    try:
        found = inspect.signature(function)
    except ValueError:  # of built-in exceptions
        return f"class {name}"
    arguments = _arguments(found, skip_first=inspect.isfunction(function) and _is_method(function, value))
    keyword = "class" if inspect.isclass(value) else "def"
    returned = "" if keyword == "class" or found.return_annotation is found.empty else f" -> {found.return_annotation}"
    kinds = {parameter.kind for parameter in found.parameters.values()}
    if keyword == "class" and kinds <= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return f"class {name}"  # of exceptions and of what others derive from
    line = f"{keyword} {name}({', '.join(arguments)}){returned}"
    if len(line) > _WIDTH:
        line = f"{keyword} {name}(\n    " + ",\n    ".join(arguments) + f",\n){returned}"
    return decorator + line


def _is_method(function: Any, value: Any) -> bool:
    owner, _, _ = function.__qualname__.rpartition(".")
    return not isinstance(value, staticmethod) and owner != "" and not owner.endswith("<locals>")


def _arguments(found: inspect.Signature, *, skip_first: bool) -> list[str]:
    """Arguments as they are written, with the marks between the kinds."""
    written, keywords = [], False
    for parameter in list(found.parameters.values())[int(skip_first) :]:
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            written.append("*")
            keywords = True
        keywords = keywords or parameter.kind is parameter.VAR_POSITIONAL
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        text = f"{stars}{parameter.name}"
        if parameter.annotation is not parameter.empty:
            text += f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            space = " " if parameter.annotation is not parameter.empty else ""
            text += f"{space}={space}{_shown(parameter.default)}"
        written.append(text)
    return written


def _shown(default: object) -> str:
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    if inspect.isfunction(default) and default.__name__.isidentifier():
        return default.__name__
    return repr(default) if isinstance(default, (str, int, float, tuple, bytes, type(None))) else "..."
