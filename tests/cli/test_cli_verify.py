"""`bisic verify`: what is said of whole and damaged files."""

from __future__ import annotations

import json

import pytest
from commands import names, run
from conftest import sample_crop
from hand_made_files import changed

from stereocodec.container import Container


@pytest.fixture
def files(tmp_path, tiny_codec, monkeypatch):
    """a.bsc, deep/b.bsc, and notes.txt in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("a", "deep/b")):
        data = tiny_codec.compress(*sample_crop(32, 48, top=8 * number), quality=60)
        (tmp_path / f"{name}.bsc").write_bytes(data)
    (tmp_path / "notes.txt").write_text("nothing to verify")
    return tmp_path


def verify(release, *arguments):
    return run("verify", *arguments, "--model", str(release), "-j", "1", "--device", "cpu")


def test_whole_files(files, tiny_release):
    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    result = verify(tiny_release, ".")
    assert (result.exit_code, result.output) == (0, "2 verified\n")
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before
    assert verify(tiny_release, "a.bsc", "-Q").output == ""


def test_files_that_fail_are_named_and_do_not_stop_the_rest(files, tiny_release):
    whole = (files / "a.bsc").read_bytes()
    (files / "a.bsc").write_bytes(whole[:-1])
    other = Container.from_bytes(whole)
    forged = changed(other, latent_checksum=other.bands[0].latent_checksum ^ 1)
    (files / "forged.bsc").write_bytes(forged.to_bytes())
    result = verify(tiny_release, ".", "gone.bsc")
    assert result.exit_code == 1
    assert result.stdout == "1 verified, 3 failed\n"
    lines = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["a.bsc", "forged.bsc", "gone.bsc"]
    assert "truncated" in lines[0]
    assert "not the encoder's" in lines[1]
    assert lines[2] == "bisic: gone.bsc: gone.bsc: no such file"


def test_one_json_object_per_file(files, tiny_release):
    (files / "bad.bsc").write_bytes(b"")
    result = verify(tiny_release, ".", "--json")
    reports = {report["name"]: report for report in map(json.loads, result.stdout.splitlines())}
    assert sorted(reports) == ["a.bsc", "bad.bsc", "deep/b.bsc"]
    assert reports["bad.bsc"]["status"] == "failed"
    assert "empty" in reports["bad.bsc"]["error"]
    good = reports["deep/b.bsc"]
    assert (good["status"], good["width"], good["height"], good["quality"]) == ("done", 48, 32, 60)
    assert good["size"] == len((files / "deep" / "b.bsc").read_bytes())
    assert result.exit_code == 1


def test_a_folder_without_files_and_no_names(files, tiny_release):
    (files / "empty").mkdir()
    result = verify(tiny_release, "empty")
    assert result.exit_code == 1
    assert result.output == "bisic: error: empty has no .bsc files\n"
    assert run("verify").exit_code == 2
    assert names(files / "empty") == []
