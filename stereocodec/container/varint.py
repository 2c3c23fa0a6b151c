"""Varints: unsigned integers below 2^64 in LEB128, seven bits per byte, in their one shortest form.

`docs/format.md` specifies them; lengths in the container and entries of the guard list are stored so.
"""

from __future__ import annotations

MAX_BYTES = 10


def write_varint(value: int) -> bytes:
    """The 1 to 10 bytes of `value`, 0 to 2^64 - 1."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes | bytearray, start: int, *, max_bytes: int = MAX_BYTES) -> tuple[int, int]:
    """The varint that begins at `start`, and where the data go on after it.

    Raises:
        EOFError: the data end within the varint.
        ValueError: it has more than `max_bytes` bytes, is not in its shortest form, or is 2^64 or more.
    """
    value = 0
    for index in range(max_bytes):
        if start + index >= len(data):
            raise EOFError("the data end within a varint")
        byte = data[start + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 2**64 or (byte == 0 and index):
                break
            return value, start + index + 1
    raise ValueError("not a valid varint")
