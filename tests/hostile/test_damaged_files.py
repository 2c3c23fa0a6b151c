"""Files that were damaged on their way, and other data, must be refused with what happened to them."""

import pytest
from hand_made_files import WHOLE_FILES, by_hand, refusal

from stereocodec.container import Container
from stereocodec.errors import CorruptFile, FormatError, InvalidInput, NotABscFile


def test_empty_file():
    assert "empty" in refusal(b"", NotABscFile)


@pytest.mark.parametrize("data", ["text", None, 5, [137, 66]])
def test_what_is_not_bytes(data):
    with pytest.raises(InvalidInput, match="must be given as bytes"):
        Container.from_bytes(data)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + b"0" * 99, b"\x00", b"BSC degree\n", b"\xff" * 500])
def test_other_data(data):
    message = refusal(data, NotABscFile)
    assert "signature" in message
    assert "text mode" not in message


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\r", b"\n"),
        lambda data: bytes(byte & 0x7F for byte in data),
        lambda data: data.decode("latin-1").encode("utf-8"),
        lambda data: data.decode("cp437").encode("utf-8"),
        lambda data: data.decode("utf-8", "replace").encode("utf-8"),
        lambda data: data.decode("ascii", "ignore").encode("ascii"),
        lambda data: data.decode("ascii", "replace").encode("ascii", "replace"),
    ],
)
def test_text_mode_transfers_are_recognised(damage):
    assert "text mode" in refusal(damage(WHOLE_FILES[0]), NotABscFile)


@pytest.mark.parametrize("data", WHOLE_FILES)
def test_every_truncation(data):
    for length in range(1, len(data)):
        assert "truncated" in refusal(data[:length], CorruptFile)


@pytest.mark.parametrize("data", WHOLE_FILES)
def test_every_flipped_bit(data):
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(FormatError):
            Container.from_bytes(damaged)


@pytest.mark.parametrize("data", WHOLE_FILES)
@pytest.mark.parametrize("garbage", [b"\x00", b"\n", b"garbage" * 99])
def test_trailing_garbage(data, garbage):
    assert f"{len(garbage)} bytes follow" in refusal(data + garbage, CorruptFile)


def test_two_files_in_one():
    refusal(WHOLE_FILES[0] * 2, CorruptFile)


def test_a_wrong_crc_is_refused():
    assert "CRC-32" in refusal(by_hand()[:-4] + b"\x00\x00\x00\x00", CorruptFile)
