"""Files that programs of the system recognise: the entries in docs/files, and the page on how to install them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from conftest import REPOSITORY
from pages import blocks

from stereocodec.container import SIGNATURE
from stereocodec.pillow import EXTENSION, MIME_TYPE

FILES = REPOSITORY / "docs" / "files"
MAGIC, XML = FILES / "bsc.magic", FILES / "stereocodec-bsc.xml"
GOLDEN = REPOSITORY / "tests" / "golden" / "odd-size.bsc"


def needs(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs the program {' and '.join(missing)}")


def varint(number):
    groups = [number >> shift & 0x7F for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def beginning(width, height, *, version=0x13, flags=0, kind=0):
    """The first fields of a file, and bytes of no meaning."""
    return SIGNATURE + bytes([version, flags, kind]) + varint(width) + varint(height) + bytes([50, *range(200, 240)])


def said_by_file(folder, contents, *options):
    """What file(1) says of each content."""
    for number, content in enumerate(contents):
        (folder / f"{number:04}").write_bytes(content)
    names = sorted(path.name for path in folder.iterdir())
    command = ["file", "--brief", *options, "-m", str(MAGIC), *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_all_entries_know_one_type_by_one_signature():
    (entry,) = ElementTree.parse(XML).getroot()
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    assert entry.get("type") == MIME_TYPE
    assert [glob.get("pattern") for glob in entry.iter(f"{space}glob")] == [f"*{EXTENSION}"]
    (match,) = entry.iter(f"{space}match")
    assert (match.get("type"), match.get("offset")) == ("string", "0")
    (line,) = (line for line in MAGIC.read_text().splitlines() if line.startswith("0\tstring"))
    for value in (match.get("value"), line.split("\t")[2]):
        assert value.encode().decode("unicode_escape").encode("latin-1") == SIGNATURE
    assert f"!:mime\t{MIME_TYPE}\n!:ext\t{EXTENSION[1:]}\n" in MAGIC.read_text()


@pytest.mark.slow
@needs("file")
def test_file_tells_width_and_height_of_every_length(tmp_path):
    sides = [1, 2, 127, 128, 129, 255, 256, 16382, 16383, *(128 * high + 37 * high % 128 for high in range(1, 128))]
    sizes = [*zip(sides, reversed(sides), strict=True), (1, 1), (1, 16383), (16383, 1), (127, 128), (128, 127)]
    said = said_by_file(tmp_path, [beginning(width, height) for width, height in sizes])
    assert said == [f"Stereo picture (stereocodec .bsc), version 1.3, {width} x {height}" for width, height in sizes]


@pytest.mark.slow
@needs("file")
def test_file_tells_what_a_file_holds(tmp_path):
    cases = {
        "version 1.0, 8 x 6": beginning(8, 6, version=0x10),
        "version 1.3, over 16383 x 2": beginning(16384, 2),
        "version 1.3, 8 x over 16383": beginning(8, 65535),
        "version 1.3, 133 x over 16383": beginning(133, 16384),
        "version 1.3, 8 x 6, with depth": beginning(8, 6, kind=1),
        "version 1.3, 8 x 6, grey": beginning(8, 6, flags=0b010),
        "version 1.3, 8 x 6, shown turned by a quarter": beginning(8, 6, flags=0b101000),
        "version 1.3, 8 x 6, shown turned by a quarter, grey, with depth": beginning(8, 6, flags=0b100101, kind=1),
        "version 2.0": beginning(8, 6, version=0x20),
        "version 1.3": SIGNATURE + bytes([0x13]),
    }
    said = said_by_file(tmp_path, cases.values())
    assert said == [f"Stereo picture (stereocodec .bsc), {text}" for text in cases]


@pytest.mark.slow
@needs("file")
def test_damaged_signatures_are_of_no_picture(tmp_path):
    seven_bits = bytes(byte & 0x7F for byte in SIGNATURE)
    damaged = [SIGNATURE.replace(b"\r\n", b"\n"), SIGNATURE[1:], seven_bits, SIGNATURE[:7]]
    said = said_by_file(tmp_path, [content + beginning(8, 6)[8:] for content in damaged])
    assert len(said) == len(damaged)
    assert not any("Stereo" in line for line in said)


@pytest.mark.slow
@needs("file")
@pytest.mark.parametrize(("option", "said"), [("--mime-type", MIME_TYPE), ("--extension", EXTENSION[1:])])
def test_file_knows_type_and_extension(tmp_path, option, said):
    assert said_by_file(tmp_path, [GOLDEN.read_bytes()], option) == [said]


@pytest.mark.slow
@needs("file", "xdg-mime", "update-mime-database", "gio")
def test_the_page_installs_both_entries(tmp_path):
    for folder in ("home", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs").symlink_to(REPOSITORY / "docs")
    for name in ("pair.bsc", "of another name"):
        shutil.copy(GOLDEN, tmp_path / name)
    environment = os.environ | {
        "HOME": str(tmp_path / "home"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CURRENT_DESKTOP": "GNOME",
    }

    def said(script):
        done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    of_file, of_desktop = (code for language, code in blocks("docs/files.md") if language == "sh")
    assert said(of_file) == "pair.bsc: Stereo picture (stereocodec .bsc), version 1.0, 133 x 77\n"
    assert said("file --brief pair.bsc docs/sample/left.png").splitlines()[1].startswith("PNG image data")
    assert said(of_desktop) == f"{MIME_TYPE}\n"
    assert said("xdg-mime query filetype 'of another name'") == f"{MIME_TYPE}\n"


def test_the_page_tells_what_file_says_of_the_sample_pair():
    (text,) = (code for language, code in blocks("docs/files.md") if language == "text")
    assert re.fullmatch(r"pair\.bsc: Stereo picture \(stereocodec \.bsc\), version 1\.\d, 960 x 640\n", text)
    (code,) = (code for language, code in blocks("docs/files.md") if language == "python")
    assert f'mimetypes.add_type("{MIME_TYPE}", "{EXTENSION}")' in code
