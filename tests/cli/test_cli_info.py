"""`bisic info`: what is shown of a file."""

from __future__ import annotations

import dataclasses
import json

import pytest
from commands import MODEL_ID, bisic_process, error_line, printed_by_python, run
from hand_made_files import changed

from stereocodec.container import Band, Chunk, Container, Streams
from stereocodec.releases import folders
from stereocodec.releases.folders import NEWEST_FORMAT


@pytest.fixture
def described(tmp_path):
    """A file in which every part has its own size."""
    container = Container(
        width=1001,
        height=77,
        quality=63,
        model_id=MODEL_ID,
        # A guard list of two varints.
        bands=(Band(b"\x03\x85\x01", Streams(b"a" * 11, b"b" * 13, b"c" * 1700, b"d" * 1900), 0x0012ABCD),),
    )
    path = tmp_path / "x.bsc"
    path.write_bytes(container.to_bytes())
    return path, container


def test_info_as_json(described):
    path, _ = described
    data = path.read_bytes()
    for result in (run("info", str(path), "--json"), run("info", "-", "--json", stdin=data)):
        assert result.exit_code == 0
        shown = json.loads(result.output)
        assert shown.pop("overhead") == len(data) - 11 - 13 - 1700 - 1900 - 3
        assert shown == {
            "version": "1.0",
            "width": 1001,
            "height": 77,
            "views": "RGB8",
            "channels": "RGB",
            "orientation": 1,
            "shown": {"width": 1001, "height": 77},
            "quality": 63,
            "model": {"id": "000102030405", "name": None, "origin": None},
            "bytes": len(data),
            "bpp": 8 * len(data) / (2 * 1001 * 77),
            "streams": {"left": {"z": 11, "y": 1700}, "right": {"z": 13, "y": 1900}},
            "guard": {"bytes": 3, "entries": 2},
            "bands": [{"rows": [0, 76], "bytes": 3 + 11 + 13 + 1700 + 1900, "latents": "0012abcd"}],
            "chunks": [],
            "checksums": {"latents": "0012abcd", "file": f"{int.from_bytes(data[-4:], 'little'):08x}"},
        }


def test_info_as_text(described):
    path, container = described
    origin = "org/name@" + "0" * 40
    chunks = (Chunk("MODL", b"mine"), Chunk("REPO", origin.encode()), Chunk("TEXT", b"hi"))
    path.write_bytes(dataclasses.replace(container, chunks=chunks).to_bytes())
    result = run("info", str(path))
    assert result.exit_code == 0
    for text in [
        f"{path}: .bsc version 1.0",
        "two of 1001x77",
        f"000102030405 mine {origin}",
        "left view:   1,711 bytes (z 11, y 1,700)",
        "right view:  1,913 bytes (z 13, y 1,900)",
        "guard list:  3 bytes, 2 entries",
        "MODL 4, REPO 49, TEXT 2",
        "latents 0012abcd",
    ]:
        assert text in result.output


def test_info_names_the_built_in_model_of_the_id(described, monkeypatch, tmp_path):
    path, _ = described
    for name, model_id in [("other", "ff"), ("this", MODEL_ID.hex())]:
        (tmp_path / name).mkdir()
        config = {"format_version": NEWEST_FORMAT, "model_id": model_id}
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{")
    monkeypatch.setattr(folders, "BUILT_IN", tmp_path)
    assert json.loads(run("info", str(path), "--json").output)["model"]["name"] == "this"


def test_info_imports_no_torch(described):
    path, _ = described
    code = (
        "import sys\n"
        "from stereocodec_cli.main import bisic\n"
        "bisic(['info', *sys.argv[1:]], standalone_mode=False)\n"
        "print('torch' in sys.modules)\n"
    )
    lines = printed_by_python(code, path)
    assert "  quality:     63" in lines
    assert lines[-1] == "False"


def test_info_refuses_every_truncation_and_appended_data(described):
    path, container = described
    data = changed(container, streams=Streams(b"a", b"b", b"c", b"d")).to_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        error_line(run("info", str(path)))
    path.write_bytes(data + b"\0")
    assert "1 bytes follow its end" in error_line(run("info", str(path)))


def test_messages_are_kept_out_of_standard_output(described):
    path, _ = described
    good = bisic_process("info", path)
    assert (good.returncode, good.stderr) == (0, b"")
    bad = bisic_process("info", path.with_name("missing.bsc"))
    assert (bad.returncode, bad.stdout) == (1, b"")
    usage = bisic_process("info")
    assert (usage.returncode, usage.stdout) == (2, b"")
