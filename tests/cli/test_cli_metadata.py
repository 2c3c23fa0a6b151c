"""Metadata on the command line: kept, left out, and listed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import MODEL_ID, printed_by_python, run
from exif_data import camera_exif
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image

from stereocodec.container import Band, Chunk, Container, Layout, Metadata, Streams
from stereocodec.container.packing import pack
from stereocodec.pictures.exif import kept_exif

P3 = matrix_profile(DISPLAY_P3, "Display P3")
EXIF = camera_exif(orientation=1)
CALIBRATION = {
    "size": [640, 480],
    "left": {"focal_length": [500.5, 501], "principal_point": [320, 240]},
    "baseline": 0.075,
    "field_of_view": 65.25,
    "disparities": [3, 70],
    "mine": "wörter",
}
ALL = Metadata(P3, kept_exif(EXIF), b"<xmp/>" * 20, CALIBRATION, Layout.HALF_SBS_CROSS)


def file_with(chunks, tmp_path):
    container = Container(
        width=8,
        height=8,
        quality=50,
        model_id=MODEL_ID,
        bands=(Band(b"", Streams(b"", b"", b"", b""), 0),),
        chunks=tuple(chunks),
    )
    (tmp_path / "x.bsc").write_bytes(container.to_bytes())
    return str(tmp_path / "x.bsc"), container


def row(output, title):
    (text,) = (line.split(":", 1)[1].strip() for line in output.splitlines() if line.startswith(f"  {title}:"))
    return text


def test_info_lists_all(tmp_path):
    path, container = file_with(ALL.to_chunks(), tmp_path)
    packed = {chunk.name: len(chunk.payload) for chunk in container.chunks}
    result = run("info", path)
    assert result.exit_code == 0
    assert row(result.output, "ICC profile") == f"Display P3, {len(P3)} bytes ({packed['ICCP']} in the file)"
    sizes = f"{len(ALL.exif)} bytes ({packed['EXIF']} in the file)"
    assert row(result.output, "Exif") == f"FUJIFILM FinePix REAL 3D, 2026-11-28 10:03:04, {sizes}"
    assert row(result.output, "XMP") == f"120 bytes ({packed['XMP_']} in the file)"
    facts = (
        "baseline 75 mm, focal length 500.5 x 501 px, principal point (320, 240), field of view 65.25 degrees, "
        "disparities 3 to 70 px, views of 640x480, 1 other entry"
    )
    assert row(result.output, "calibration") == f"{facts}, {packed['CALB']} bytes"
    assert row(result.output, "came as") == "side by side, half width, right view on the left"


def test_info_as_json_has_all_of_the_calibration(tmp_path):
    path, container = file_with(ALL.to_chunks(), tmp_path)
    packed = {chunk.name: len(chunk.payload) for chunk in container.chunks}
    assert json.loads(run("info", path, "--json").output)["metadata"] == {
        "icc_profile": {"name": "Display P3", "bytes": len(P3), "packed": packed["ICCP"]},
        "exif": {
            "camera": "FUJIFILM FinePix REAL 3D",
            "date": "2026-11-28 10:03:04",
            "bytes": len(ALL.exif),
            "packed": packed["EXIF"],
        },
        "xmp": {"bytes": 120, "packed": packed["XMP_"]},
        "calibration": {"values": CALIBRATION, "packed": packed["CALB"]},
        "layout": {"name": "half-sbs-cross", "words": "side by side, half width, right view on the left"},
    }


def test_info_of_hostile_metadata_is_printable_lines(tmp_path):
    calibration = {
        "baseline": "\x1b[2J\n",
        "left": [],
        "size": [True, 2],
        "disparities": {"a": 1},
        "field_of_view": 10**17,
    }
    exif = EXIF.replace(b"FinePix REAL 3D", b"\x1b[2J\n\xff\xe2\x80\xae REAL ")
    chunks = Metadata(b"\xff" * 200, exif, b"\x1b", calibration).to_chunks()
    path, _ = file_with(chunks, tmp_path)
    result = run("info", path)
    assert result.exit_code == 0
    assert all(line.isprintable() for line in result.output.splitlines())
    assert row(result.output, "calibration").startswith("5 other entries, ")
    assert row(result.output, "ICC profile").startswith("200 bytes")
    assert r"\x1b[2J\n" in row(result.output, "Exif")
    json.loads(run("info", path, "--json").output)
    path, _ = file_with(Metadata(exif=b"no Exif").to_chunks(), tmp_path)
    assert row(run("info", path).output, "Exif") == "damaged, 7 bytes (8 in the file)"


def test_info_of_long_texts_is_cut(tmp_path):
    long = matrix_profile(DISPLAY_P3, "x" * 150)
    path, _ = file_with([Chunk("ICCP", pack(long))], tmp_path)
    assert row(run("info", path).output, "ICC profile").startswith("x" * 120 + "..., ")


@pytest.mark.slow
def test_info_imports_neither_torch_nor_pillow_for_metadata(tmp_path):
    path, _ = file_with(ALL.to_chunks(), tmp_path)
    script = (
        "import sys; from stereocodec_cli.main import bisic; bisic(['info', sys.argv[1]], standalone_mode=False)\n"
        "print('torch' in sys.modules, 'PIL' in sys.modules)"
    )
    assert printed_by_python(script, path)[-1] == "False False"


@pytest.fixture
def views(tmp_path, monkeypatch):
    """Two files with metadata in the current folder; the pair's pixels."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    for name, view in zip(("left", "right"), pixels, strict=True):
        Image.fromarray(view).save(f"{name}.png", icc_profile=P3, exif=b"Exif\0\0" + EXIF)
    return pixels


def info_of(data):
    return Container.from_bytes(data).metadata


def test_encode_keeps_metadata_unless_it_is_told_not_to(views, raw_codec, tmp_path):
    assert run("encode", "left.png", "right.png", "-o", "kept.bsc").exit_code == 0
    assert info_of((tmp_path / "kept.bsc").read_bytes()) == Metadata(P3, ALL.exif)
    assert run("encode", "left.png", "right.png", "-o", "plain.bsc", "--no-metadata").exit_code == 0
    assert Container.from_bytes((tmp_path / "plain.bsc").read_bytes()).chunks == ()


def test_without_metadata_the_layout_stays(views, raw_codec, tmp_path):
    Image.fromarray(np.concatenate(views, axis=1)).save("both.png", icc_profile=P3)
    arguments = ("encode", "both.png", "--layout", "half-sbs", "--no-metadata", "-o", "plain.bsc")
    assert run(*arguments).exit_code == 0
    assert info_of((tmp_path / "plain.bsc").read_bytes()) == Metadata(layout=Layout.HALF_SBS)


def test_encode_tells_what_it_leaves_out_and_goes_on(views, raw_codec, tmp_path):
    Image.fromarray(views[0]).save("left.png", icc_profile=b"no profile")
    result = run("encode", "left.png", "right.png", "-o", "pair.bsc")
    assert result.exit_code == 0
    assert "bisic: warning: left.png: its ICC profile is no ICC profile; it is left out\n" in result.stderr
    assert info_of((tmp_path / "pair.bsc").read_bytes()) == Metadata(P3, ALL.exif)
    quiet = run("encode", "left.png", "right.png", "-o", "quiet.bsc", "-Q")
    assert (quiet.exit_code, quiet.stderr) == (0, "")


def test_decode_without_metadata(views, raw_codec, tmp_path):
    run("encode", "left.png", "right.png", "-o", "pair.bsc")
    for options, profile in (((), P3), (("--no-metadata", "-f"), None)):
        assert run("decode", "pair.bsc", *options).exit_code == 0
        with Image.open("pair_left.png") as image:
            assert image.info.get("icc_profile") == profile
