"""Takes fields off the front of a `.bsc` file; whatever would run past its end is a truncation."""

from __future__ import annotations

import re
import zlib

from ..errors import CorruptFile, NotABscFile, UnsupportedVersion
from .limits import VERSION
from .varint import read_varint

SIGNATURE = b"\x89BSC\r\n\x1a\n"
# What is left of the signature after line endings were converted or the first byte was re-encoded.
_TEXT_MODE_DAMAGE = re.compile(rb".{0,3}BSC[\r\n]{1,3}\x1a", re.DOTALL)


class Reader:
    """The bytes of a file and how many of them have been taken; raises CorruptFile for what cannot be taken."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | bytearray = data
        self._position = 0

    @property
    def position(self) -> int:
        """How many bytes have been taken."""
        return self._position

    def skip_to(self, position: int) -> None:
        """Leaves out all before a place, which may lie beyond the end."""
        self._position = min(position, len(self._data))

    def take(self, count: int, what: str) -> bytes:
        left = len(self._data) - self._position
        if count > left:
            raise corrupt(f"truncated or damaged: {what} should have {count} bytes, {left} are left")
        start, self._position = self._position, self._position + count
        return bytes(self._data[start : self._position])

    def byte(self, what: str) -> int:
        return self.take(1, what)[0]

    def varint(self, what: str) -> int:
        try:
            value, self._position = read_varint(self._data, self._position)
        except EOFError as error:
            raise corrupt(f"truncated or damaged: it ends within {what}") from error
        except ValueError as error:
            raise corrupt(f"damaged: {what} is not a valid varint") from error
        return value

    def signature(self) -> None:
        if self._data.startswith(SIGNATURE):
            self._position = len(SIGNATURE)
        elif not self._data:
            raise NotABscFile("the file is empty; fetch or write it again")
        elif SIGNATURE.startswith(self._data):
            raise corrupt("truncated: it ends within its signature")
        elif _TEXT_MODE_DAMAGE.match(self._data):
            raise NotABscFile(
                "not a .bsc file any more: its signature was altered as by a transfer in text mode; "
                "transfer the original again in binary mode"
            )
        else:
            raise NotABscFile("not a .bsc file: it does not begin with the signature of one")

    def version(self) -> tuple[int, int]:
        """The version of the format that the file states, major and minor, if this reader knows the major one."""
        major, minor = divmod(self.byte("the version"), 16)
        if major > VERSION[0]:
            raise UnsupportedVersion(
                f"the file has version {major}.{minor} of the .bsc format and this reader knows "
                f"versions up to {VERSION[0]}.{VERSION[1]}; update stereocodec"
            )
        if major < VERSION[0]:
            raise corrupt(f"damaged: version {major}.{minor} of the .bsc format does not exist")
        return major, minor

    @staticmethod
    def known(value: int, known: range | tuple[int, ...], what: str, version: tuple[int, int]) -> int:
        """`value`, if this reader knows it; a newer minor version may define values that it does not."""
        if value in known:
            return value
        if version > VERSION:
            raise UnsupportedVersion(
                f"the file has version {version[0]}.{version[1]} of the .bsc format and uses {what} {value}, "
                f"this reader knows versions up to {VERSION[0]}.{VERSION[1]}; update stereocodec"
            )
        raise corrupt(f"damaged: {what} {value} does not exist in its version of the format")

    def checked(self, what: str) -> None:
        """A CRC-32 of all bytes before it; raises CorruptFile where it does not match."""
        end = self._position
        if int.from_bytes(self.take(4, f"the CRC of {what}"), "little") != zlib.crc32(memoryview(self._data)[:end]):
            raise corrupt(f"damaged: the CRC-32 of {what} does not match")

    def finish(self) -> None:
        """The CRC, then nothing more."""
        end = self._position
        stored = int.from_bytes(self.take(4, "the CRC"), "little")
        surplus = len(self._data) - self._position
        if surplus:
            raise corrupt(f"damaged or has other data appended: at least {surplus} bytes follow its end")
        if zlib.crc32(memoryview(self._data)[:end]) != stored:
            raise corrupt("damaged: its CRC-32 does not match")


def corrupt(what: str) -> CorruptFile:
    """The error for what no intact file holds."""
    return CorruptFile(f"the file is {what}; fetch or write it again")
