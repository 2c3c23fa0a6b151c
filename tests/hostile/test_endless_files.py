"""Files, pipes and devices without an end are read no further than a `.bsc` file goes, and refused."""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress

import pytest
from commands import error_line, posix_only, run
from conftest import REPOSITORY
from hand_made_files import WHOLE_FILES, by_hand, varint
from PIL import Image

import stereocodec.pillow  # noqa: F401
from stereocodec.container import HEADER_BYTES, Container, read_bounded
from stereocodec.errors import CorruptFile, LimitExceeded, NotABscFile

GOLDEN = [path.read_bytes() for path in sorted((REPOSITORY / "tests" / "golden").glob("*.bsc"))]
VALID = GOLDEN + WHOLE_FILES
LONGEST = 2**28 - 1


class Endless(io.RawIOBase):
    """Some bytes, then zeros for ever; counts what is read, which may be less than what is asked for."""

    def __init__(self, start, most=2**30):
        self.start, self.most, self.count = start, most, 0

    def read(self, size=-1):
        assert size > 0, "read to an end that there is not"
        size = min(size, self.most)
        place, self.count = self.count, self.count + size
        return self.start[place : place + size].ljust(size, b"\0")

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        assert (offset, whence) == (0, 0)
        self.count = 0
        return 0

    def tell(self):
        return self.count


@pytest.mark.parametrize("data", VALID)
@pytest.mark.parametrize("most", [1, 2**30])
def test_a_valid_file_is_read_whole_and_one_byte_further(data, most):
    assert read_bounded(io.BytesIO(data)) == data
    endless = Endless(data, most)
    found = read_bounded(endless)
    assert found == data + b"\0"
    assert endless.count == len(found)
    with pytest.raises(CorruptFile, match="at least 1 bytes follow its end"):
        Container.from_bytes(found)


@pytest.mark.parametrize("data", VALID)
def test_a_truncated_file_is_refused_as_if_it_were_whole_in_memory(data):
    for length in [*range(60), *range(60, len(data), 97), len(data) - 1]:
        with pytest.raises((CorruptFile, NotABscFile)) as in_memory:
            Container.from_bytes(data[:length])
        with pytest.raises(in_memory.type) as from_file:
            read_bounded(io.BytesIO(data[:length]))
        assert str(from_file.value) == str(in_memory.value)


def test_other_data_is_seen_at_its_beginning():
    endless = Endless(b"")
    with pytest.raises(NotABscFile, match="signature"):
        read_bounded(endless)
    assert endless.count <= HEADER_BYTES


@pytest.mark.parametrize(
    "fields",
    [
        {"guard": varint(2**40)},
        {"guard": varint(2**63)},
        {"lengths": varint(LONGEST) * 4},
        {"lengths": b"\0\0\0" + varint(2**62)},
        {"flags": b"\1", "chunks": b"\1abcd" + varint(2**50)},
        {"width": varint(65536)},
    ],
)
def test_more_than_a_picture_of_the_size_can_have_is_refused_unread(fields):
    endless = Endless(by_hand(**fields)[:-8])
    with pytest.raises(LimitExceeded):
        Container.from_bytes(read_bounded(endless))
    assert endless.count < 100


def test_what_large_pictures_can_have_is_read():
    streams = bytes(2**22)
    lengths = b"\0\0" + varint(len(streams)) + b"\0"
    data = by_hand(width=varint(512), height=varint(256), lengths=lengths, streams=streams)
    assert read_bounded(io.BytesIO(data)) == data


def test_a_sparse_file_of_many_gigabytes(tmp_path):
    path = tmp_path / "large.bsc"
    path.write_bytes(GOLDEN[0])
    os.truncate(path, 40 * 2**30)
    for command in ("info", "decode"):
        assert "42949672960 bytes" in error_line(run(command, str(path)))
    os.truncate(path, 2**30)
    assert "follow its end" in error_line(run("info", str(path)))


@posix_only
def test_a_link_to_a_device(tmp_path):
    (tmp_path / "zero.bsc").symlink_to("/dev/zero")
    for command in ("info", "decode"):
        assert "does not begin with the signature" in error_line(run(command, str(tmp_path / "zero.bsc")))


@posix_only
def test_a_pipe_that_somebody_goes_on_filling(tmp_path):
    path = tmp_path / "pipe.bsc"
    os.mkfifo(path)

    def fill():
        with suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
            pipe.write(GOLDEN[0])
            while True:
                pipe.write(bytes(2**16))

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    assert "follow its end" in error_line(run("info", str(path)))
    thread.join(60)
    assert not thread.is_alive()


def test_standard_input_without_an_end(monkeypatch):
    class Stdin:
        buffer = Endless(GOLDEN[0])

    monkeypatch.setattr("stereocodec_cli._shared.sys.stdin", Stdin)
    from stereocodec_cli._shared import read_file

    assert read_file("-") == GOLDEN[0] + b"\0"


def test_pillow_reads_no_further():
    pair = next(data for data in GOLDEN if Container.from_bytes(data).depth is None)
    for start, message in ((pair, "follow its end"), (by_hand(lengths=varint(LONGEST) * 4)[:-8], "claims")):
        endless = Endless(start)
        with Image.open(endless, formats=["BSC"]) as image:
            for use in (image.load, image.verify):
                with pytest.raises(OSError, match=message):
                    use()
                assert endless.count <= max(len(start) + 1, HEADER_BYTES)
