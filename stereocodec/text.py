"""Text of others, such as names of files and messages of libraries, as one line that a terminal may show."""

from __future__ import annotations

import unicodedata

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def one_line(text: object) -> str:
    """`str(text)` with every character that would do something to a terminal, or not show, in Python's notation.

    These are control characters (a line break is `\\n`, Escape `\\x1b`), marks that turn the direction of writing, and
    the bytes of a file's name that are no text in the system's encoding (`\\xff`). Spaces stay as they are.
    """
    text = str(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def reason_of(error: BaseException) -> str:
    """What an exception of the system or of a library says, as one line.

    Of the system's it is what went wrong alone, without a number and the file's name. Lines become one, and the type
    stands for no text.
    """
    said = getattr(error, "strerror", None) or error
    return one_line(" ".join(str(said).split())) or type(error).__name__


def _shown(character: str) -> str:
    code = ord(character)
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    if 0xDC80 <= code <= 0xDCFF:  # what stands for an undecodable byte: PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
