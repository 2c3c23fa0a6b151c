"""`.npy` and `.npz` files that lie about what they hold are refused in one line, before they take memory."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from commands import error_line, run

from stereocodec.errors import InvalidInput
from stereocodec.pictures.array_files import load_view
from stereocodec.pictures.open_pair import open_pair

VIEWS = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
LITTLE_MEMORY = 2**23


def npy(header, samples=b"", version=b"\1\0"):
    """A `.npy` file with this text as its header."""
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    return b"\x93NUMPY" + version + length + header.encode("latin1") + samples


def header(shape, descr="'|u1'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n"


def npz(entries, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


WHOLE_NPY = saved(VIEWS)
WHOLE_NPZ = npz({"left.npy": saved(VIEWS[0]), "right.npy": saved(VIEWS[1])}, zipfile.ZIP_DEFLATED)


def refused(data):
    """The error's line; fails where much memory was taken."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as caught:
            open_pair(io.BytesIO(data), name="x")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LITTLE_MEMORY
    line = str(caught.value)
    assert line.startswith("x")
    assert line.isprintable()
    return line


class Trap:
    """Fails the test when pickle reads it."""

    def __reduce__(self):
        return pytest.fail, ("pickle was read",)


def test_pickle_is_never_read():
    objects = npy(header("(2, 6, 8, 3)", "'|O'"), pickle.dumps(Trap()))
    assert "Python objects" in refused(objects)
    assert "Python objects" in refused(npz({"left.npy": objects, "right.npy": objects}))
    nested = npy(header("(2, 6, 8, 3)", "[('a', '|O')]"), pickle.dumps(Trap()))
    assert "Python objects" in refused(nested)


@pytest.mark.parametrize(
    "shape",
    [
        "(2, 8192, 8192, 3)",
        "(2, 65536, 1, 3)",
        "(2, 99999999999999999999, 8, 3)",
        "(2, 6, 8, 99999999999999999999)",
        "(99999999999, 99999999999, 3)",
        "(2, 0, 8, 3)",
        "(2, -6, -8, 3)",
        "(True, 6, 8)",
        "(2, 6, 8, 3, 1)",
        "()",
        "(2,)",
    ],
)
def test_shapes_that_no_pair_has(shape):
    refused(npy(header(shape), bytes(300)))
    refused(npz({"left.npy": npy(header(shape), bytes(300)), "right.npy": npy(header(shape))}))


def test_the_largest_views_are_not_made_before_their_samples_are_there():
    assert "truncated: 300 of 201326592 bytes" in refused(npy(header("(2, 4096, 8192, 3)"), bytes(300)))


def test_a_picture_of_both_views_may_have_the_pixels_of_two():
    assert "truncated: 0 of 201326592 bytes" in refused(npy(header("(4096, 16384, 3)")))
    assert "is 16384x4097: a .bsc file holds" in refused(npy(header("(4097, 16384, 3)")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "{'descr': '|u1'}",
        header("'2'"),
        header("[2, 6, 8, 3]"),
        header("(2, 6, 8, 3)", "'nonsense'"),
        header("(2, 6, 8, 3)", order="7"),
        header("(2, 6, 8, 3)", "__import__('os').abort()"),
        pytest.param("(" * 900, id="parentheses"),
        pytest.param("-" * 900 + "1", id="minus"),
        pytest.param("9" * 900, id="digits"),
        pytest.param("{" + " " * 2000, id="spaces"),
        pytest.param("\0" * 100, id="zeros"),
        pytest.param("\xff" * 100, id="no text"),
    ],
)
@pytest.mark.parametrize("version", [b"\1\0", b"\2\0"])
def test_headers_that_are_none(text, version):
    assert "is damaged" in refused(npy(text, bytes(300), version))


@pytest.mark.parametrize("version", [b"\0\0", b"\1\1", b"\3\0", b"\xff\xff"])
def test_versions_that_numpy_does_not_write_for_pictures(version):
    assert "is damaged" in refused(npy(header("(2, 6, 8, 3)"), bytes(288), version))


@pytest.mark.parametrize("length", [*range(6, 200, 11), len(WHOLE_NPY) - 1])
def test_a_truncated_array(length):
    line = refused(WHOLE_NPY[:length])
    assert "is damaged" in line or "is truncated" in line


@pytest.mark.parametrize("length", [*range(4, len(WHOLE_NPZ), 29), len(WHOLE_NPZ) - 1])
def test_a_truncated_archive(length):
    assert "truncated or damaged" in refused(WHOLE_NPZ[:length])


def test_more_samples_than_the_header_says():
    assert "goes on after its 288 bytes" in refused(WHOLE_NPY + b"\0")
    long = npz({"left.npy": saved(VIEWS[0]) + b"\0", "right.npy": saved(VIEWS[1])})
    assert "left goes on after its 144 bytes" in refused(long)


def test_a_bomb_is_read_no_further_than_its_array():
    bomb = npz({"left.npy": saved(VIEWS[0]) + bytes(2**24), "right.npy": saved(VIEWS[1])}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**16
    assert "goes on after" in refused(bomb)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_a_bound_is_not_read(method):
    assert "which NumPy does not write" in refused(npz({"left.npy": saved(VIEWS[0]), "right.npy": b""}, method))


def test_an_altered_archive():
    stored = npz({"left.npy": saved(VIEWS[0]), "right.npy": saved(VIEWS[1])})
    for place in (stored.index(VIEWS[0].tobytes()) + 10, stored.rindex(VIEWS[1].tobytes()) + 140):
        altered = bytearray(stored)
        altered[place] ^= 1
        assert "Bad CRC-32" in refused(bytes(altered))


def outcome(data):
    """The views, or the line of a refusal."""
    try:
        return [view.pixels.shape for view in open_pair(io.BytesIO(data), name="x")]
    except InvalidInput as error:
        return str(error)


def test_every_byte_of_an_archive_may_be_another():
    for place in range(len(WHOLE_NPZ)):
        altered = bytearray(WHOLE_NPZ)
        altered[place] ^= 0xFF
        result = outcome(altered)
        assert result == [(6, 8, 3)] * 2 or result.isprintable()


def test_an_encrypted_archive():
    marked = bytearray(npz({"left.npy": saved(VIEWS[0]), "right.npy": saved(VIEWS[1])}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        marked[marked.index(signature) + offset] |= 1
    assert "it is encrypted" in refused(bytes(marked))


def test_archives_of_something_else():
    for entries in ({}, {"word/document.xml": b"<w/>"}, {"left.png": b"", "right.png": b""}):
        assert "ZIP archive without arrays" in refused(npz(entries))


def test_names_of_arrays_cannot_fill_the_line_or_the_terminal():
    names = [f"\x1b[2J{'a' * 300}\n{number}" for number in range(500)]
    line = refused(npz({f"{name}.npy": b"" for name in names}))
    assert len(line) < 1000
    assert "\\x1b[2J" in line


def test_a_list_of_entries_as_long_as_a_sparse_file(tmp_path):
    path = tmp_path / "pair.npz"
    size = 2**33
    path.write_bytes(b"PK\x03\x04")
    os.truncate(path, size)
    with path.open("r+b") as file:
        file.seek(size - 22)
        file.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 2**32 - 2, 4, 0))
    tracemalloc.start()
    try:
        line = error_line(run("encode", str(path), "-o", str(tmp_path / "pair.bsc")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "a list of entries of 4294967294 bytes" in line
    assert peak < 2**26


def test_one_view_is_checked_as_a_pair_is():
    for data in (npy(header("(8192, 8192, 3)")), npy(header("(6, 8, 3)")), npy("{}"), WHOLE_NPY):
        with pytest.raises(InvalidInput, match=r"^left\.npy "):
            load_view(io.BytesIO(data), "left.npy")
