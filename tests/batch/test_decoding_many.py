"""Many files: which pictures they become."""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import names, run
from conftest import sample_crop
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image
from rgbd_frames import frame, save_small

from stereocodec import Metadata, RgbdCodec
from stereocodec.batch.decoding import Decoder, DecodeSettings
from stereocodec.batch.jobs import COLUMNS, DecodeJob
from stereocodec.batch.manifest import DECODED, ENCODED, read_manifest
from stereocodec.batch.run import decode_all
from stereocodec.errors import InvalidInput
from stereocodec.pictures.save_pair import save_pair

P3 = matrix_profile(DISPLAY_P3, "Display P3")


@pytest.mark.parametrize("keep_metadata", [True, False])
def test_pictures_are_those_of_save_pair(tmp_path, tiny_release, tiny_codec, keep_metadata):
    data = tiny_codec.compress(*sample_crop(32, 48), quality=60, metadata=Metadata(icc_profile=P3))
    (tmp_path / "a.bsc").write_bytes(data)
    settings = DecodeSettings(str(tiny_release), device="cpu", format="jpeg", quality=30, keep_metadata=keep_metadata)
    report = Decoder(settings)(DecodeJob("a", tmp_path / "a.bsc", tmp_path / "out" / "b"))
    assert (report.status, report.size) == ("done", len(data))
    metadata = Metadata(icc_profile=P3) if keep_metadata else Metadata()
    views = tiny_codec.decompress(data, output="numpy")
    save_pair(*views, f"{tmp_path}/expected/", format="jpeg", quality=30, metadata=metadata, name="b")
    assert names(tmp_path / "out") == names(tmp_path / "expected") == ["b_left.jpg", "b_right.jpg"]
    for name in names(tmp_path / "out"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
    small = replace(settings, max_pixels=100, overwrite=True)
    assert "max_pixels" in Decoder(small)(DecodeJob("a", tmp_path / "a.bsc", None)).error


def test_frames_become_colour_and_depth(tmp_path):
    codec = RgbdCodec.from_pretrained(save_small(tmp_path / "small"), device="cpu")
    data = codec.compress(*frame())
    (tmp_path / "f.bsc").write_bytes(data)
    job = DecodeJob("f", tmp_path / "f.bsc", tmp_path / "out" / "f")
    report = Decoder(DecodeSettings(str(tmp_path / "small"), device="cpu"))(job)
    assert (report.status, report.error) == ("done", "")
    assert names(tmp_path / "out") == ["f_color.png", "f_depth.png"]
    for part, samples in zip(("color", "depth"), codec.decompress(data, output="numpy"), strict=True):
        np.testing.assert_array_equal(Image.open(tmp_path / "out" / f"f_{part}.png"), samples)
    refused = Decoder(DecodeSettings(str(tmp_path / "small"), device="cpu", layout="sbs", overwrite=True))(job)
    assert refused.error.startswith("it is of colour and depth, which become two PNG files")


def test_options_of_decode_and_verify_hold_for_every_file(tmp_path, monkeypatch):
    asked = []
    for module in ("run", "engine"):
        monkeypatch.setattr(
            f"stereocodec.batch.{module}.run", lambda jobs, make, count: asked.append((make, jobs, count)) or []
        )
    monkeypatch.chdir(tmp_path)
    Path("a.bsc").touch()
    alike = ("--max-pixels", "5000", "--device", "cpu", "-j", "3")
    pictures = ("--layout", "half-sbs", "--format", "jpeg", "--output-quality", "30", "--no-metadata", "-f")
    assert run("decode", "a.bsc", "a.bsc", "-o", "out", "--pull", *alike, *pictures).exit_code == 0
    assert run("verify", "a.bsc", "--model", "mine", *alike).exit_code == 0
    decoding = DecodeSettings(None, True, "cpu", 5000, "half-sbs", "jpeg", 30, keep_metadata=False, overwrite=True)
    verifying = DecodeSettings(model="mine", device="cpu", max_pixels=5000)
    assert [make.args for make, _, _ in asked] == [(decoding, {}), (verifying,)]
    assert [[job.output for job in jobs] for _, jobs, _ in asked] == [[Path("out/a"), Path("out/a@2")], [None]]
    assert [count for _, _, count in asked] == [3, 3]


def test_a_second_run_skips_what_is_whole_and_of_the_same_file_and_settings(tmp_path, tiny_release, tiny_codec):
    left, right = sample_crop(32, 48)
    for name, views in (("a", (left, right)), ("b", (right, left)), ("c", (left, left))):
        (tmp_path / f"{name}.bsc").write_bytes(tiny_codec.compress(*views, quality=60))
    jobs = [DecodeJob(name, tmp_path / f"{name}.bsc", tmp_path / "out" / name) for name in "abc"]
    settings, out = DecodeSettings(str(tiny_release), device="cpu"), tmp_path / "out"
    assert decode_all(jobs, out, settings) == {"done": 3}
    expected = {name: (out / name).read_bytes() for name in names(out)}
    assert decode_all(jobs, out, replace(settings, max_pixels=10**6)) == {"skipped": 3}
    for side in ("left", "right"):
        (out / f"a_{side}.png").unlink()
    (out / "b_right.png").write_bytes(b"retouched")
    reports = []
    assert decode_all(jobs, out, settings, tell=reports.append) == {"done": 1, "failed": 1, "skipped": 1}
    assert {report.name: report.status for report in reports} == {"a": "done", "b": "failed", "c": "skipped"}
    assert (out / "b_right.png").read_bytes() == b"retouched"
    assert decode_all(jobs[1:2], out, replace(settings, overwrite=True)) == {"done": 1}
    assert {name: (out / name).read_bytes() for name in names(out)} == expected
    listed = read_manifest(out / DECODED)
    assert {name: sorted(report.pictures) for name, report in listed.items()} == {
        name: [f"{name}_left.png", f"{name}_right.png"] for name in "abc"
    }
    assert listed["a"].pictures["a_left.png"] == hashlib.sha256(expected["a_left.png"]).hexdigest()
    # Of another file under the same name, or otherwise, they are other pictures.
    shutil.copy(tmp_path / "b.bsc", tmp_path / "a.bsc")
    assert decode_all(jobs, out, settings) == {"failed": 1, "skipped": 2}
    assert decode_all(jobs, out, replace(settings, overwrite=True)) == {"done": 1, "skipped": 2}
    assert decode_all(jobs, out, replace(settings, layout="sbs")) == {"done": 3}
    assert decode_all(jobs, out, replace(settings, layout="sbs")) == {"skipped": 3}


def test_pictures_whose_report_was_lost_are_done(tmp_path, tiny_release, tiny_codec):
    (tmp_path / "a.bsc").write_bytes(tiny_codec.compress(*sample_crop(32, 48)))
    job, settings = DecodeJob("a", tmp_path / "a.bsc", tmp_path / "a"), DecodeSettings(str(tiny_release), device="cpu")
    assert decode_all([job], tmp_path, settings) == {"done": 1}
    before = read_manifest(tmp_path / DECODED)
    (tmp_path / DECODED).unlink()
    for name in ("x/a.bsc", "a"):  # also under another name of the same file
        assert decode_all([replace(job, name=name)], tmp_path, settings) == {"done": 1}
    assert read_manifest(tmp_path / DECODED)["a"] == before["a"]


def test_pictures_of_another_file_are_no_ones_to_write_over(tmp_path, tiny_release, tiny_codec):
    left, right = sample_crop(32, 48)
    settings, out = DecodeSettings(str(tiny_release), device="cpu"), tmp_path / "out"
    for name, views in (("b", (left, right)), ("c", (right, left))):
        (tmp_path / f"{name}.bsc").write_bytes(tiny_codec.compress(*views))
    deep = DecodeJob("c", tmp_path / "c.bsc", out / "deep" / "b")
    assert decode_all([DecodeJob("b", tmp_path / "b.bsc", out / "b"), deep], out, settings) == {"done": 2}
    before = (out / "b_left.png").read_bytes()
    assert decode_all([replace(deep, output=out / "b")], out, settings) == {"failed": 1}
    assert (out / "b_left.png").read_bytes() == before


def test_pictures_under_another_name_are_not_done(tmp_path, tiny_release, tiny_codec):
    (tmp_path / "a.bsc").write_bytes(tiny_codec.compress(*sample_crop(32, 48)))
    settings, out = DecodeSettings(str(tiny_release), device="cpu"), tmp_path / "out"
    job = DecodeJob("a.bsc", tmp_path / "a.bsc", out / "a")
    assert decode_all([job], out, settings) == {"done": 1}
    # As where a file of the same name is decoded along with it and comes first.
    assert decode_all([replace(job, output=out / "a@2")], out, settings) == {"done": 1}
    assert (out / "a@2_left.png").read_bytes() == (out / "a_left.png").read_bytes()


@pytest.mark.parametrize("pictures", ['["a"]', '{"a": 1}', '{"/dev/zero": "00"}', '{"a/b.png": "00"}', "[" * 9999])
def test_hostile_lists_of_pictures_are_refused(tmp_path, pictures):
    row = {**dict.fromkeys(COLUMNS, ""), "name": "a", "status": "done", "pictures": pictures}
    with (tmp_path / DECODED).open("w", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        rows.writerow(row)
    with pytest.raises(InvalidInput, match=r"decoded\.csv is no list of pairs"):
        read_manifest(tmp_path / DECODED)


def test_the_list_of_pictures_is_not_that_of_files(tmp_path, tiny_release, tiny_codec):
    (tmp_path / "a.bsc").write_bytes(tiny_codec.compress(*sample_crop(32, 48)))
    (tmp_path / ENCODED).write_text("mine")
    job = DecodeJob("a", tmp_path / "a.bsc", tmp_path / "a")
    assert decode_all([job], tmp_path, DecodeSettings(str(tiny_release), device="cpu")) == {"done": 1}
    assert (tmp_path / ENCODED).read_text() == "mine"
    (tmp_path / DECODED).write_text("else")
    with pytest.raises(InvalidInput, match=r"decoded\.csv is no list of pairs"):
        decode_all([job], tmp_path, DecodeSettings(str(tiny_release), device="cpu"))
