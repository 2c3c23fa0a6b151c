"""Many pairs: what is done, skipped and failed, and what the manifest says of it."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import dying_work
import numpy as np
import pytest
from batches import NAMES, outputs
from conftest import sample_crop
from PIL import Image, ImageCms

from stereocodec.batch.engine import run_local
from stereocodec.batch.jobs import COLUMNS, EncodeJob, Report
from stereocodec.batch.manifest import read_manifest, write_manifest
from stereocodec.batch.run import encode_all
from stereocodec.container import Container
from stereocodec.errors import InvalidInput


def test_every_pair_is_what_compress_gives(tmp_path, jobs, settings, tiny_codec):
    reports = []
    counts = encode_all(jobs, tmp_path / "out", settings, tell=reports.append)
    assert counts == {"done": 3}
    assert [report.name for report in reports] == list(NAMES)
    for job in jobs:
        left, right = (Image.open(path) for path in (job.left, job.right))
        assert job.output.read_bytes() == tiny_codec.compress(left, right, quality=60)
    with (tmp_path / "out" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == sorted(NAMES)
    for row in rows:
        data = Path(row["file"]).read_bytes()
        assert int(row["size"]) == len(data)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert float(row["bpp"]) == pytest.approx(8 * len(data) / (2 * 32 * 48))
        assert float(row["psnr_left"]) > 10
        assert (row["width"], row["height"], row["quality"], row["status"]) == ("48", "32", "60", "done")


def test_what_is_done_and_whole_is_skipped(tmp_path, jobs, settings, monkeypatch):
    encode_all(jobs, tmp_path / "out", settings)
    before = outputs(tmp_path / "out")
    times = {job.name: job.output.stat().st_mtime_ns for job in jobs}
    jobs[0].output.unlink()
    jobs[1].output.write_bytes(before["a/two.bsc"][:-1])
    reports = []
    assert encode_all(jobs, tmp_path / "out", settings, tell=reports.append) == {"done": 2, "skipped": 1}
    assert [report.status for report in reports] == ["done", "done", "skipped"]
    assert outputs(tmp_path / "out") == before
    assert jobs[2].output.stat().st_mtime_ns == times["three"]
    assert encode_all(jobs, tmp_path / "out", settings) == {"skipped": 3}
    unchecked = replace(settings, verify=False)
    assert encode_all(jobs, tmp_path / "out", unchecked) == {"skipped": 3}


@pytest.mark.parametrize("change", [{"quality": 30}, {"swap": True}, {"target_bpp": 2.0, "quality": None}])
def test_other_settings_write_over_nothing_unless_told(tmp_path, jobs, settings, change):
    encode_all(jobs, tmp_path / "out", settings)
    before = outputs(tmp_path / "out")
    reports = []
    changed = replace(settings, **change)
    assert encode_all(jobs, tmp_path / "out", changed, tell=reports.append) == {"failed": 3}
    assert {report.error for report in reports} == {
        "it was made of other pictures or by other settings: use -f to write over it"
    }
    assert outputs(tmp_path / "out") == before
    assert encode_all(jobs, tmp_path / "out", replace(changed, overwrite=True)) == {"done": 3}
    assert all(outputs(tmp_path / "out")[name] != data for name, data in before.items())


def test_what_was_done_before_its_report_was_known_is_done(tmp_path, jobs, settings):
    encode_all(jobs, tmp_path / "out", settings)
    before = outputs(tmp_path / "out")
    (tmp_path / "out" / "manifest.csv").unlink()
    assert encode_all(jobs, tmp_path / "out", settings) == {"done": 3}
    assert outputs(tmp_path / "out") == before


def test_other_pictures_under_the_same_name_are_no_work_that_is_done(tmp_path, jobs, settings):
    encode_all(jobs, tmp_path / "out", settings)
    Image.fromarray(255 - np.asarray(Image.open(jobs[0].left))).save(jobs[0].left)
    assert encode_all(jobs, tmp_path / "out", replace(settings, overwrite=True)) == {"done": 1, "skipped": 2}


def test_failures_are_named_and_stop_nothing(tmp_path, jobs, settings):
    jobs[0].left.write_bytes(b"no picture")
    jobs[1].right.unlink()
    reports = []
    assert encode_all(jobs, tmp_path / "out", settings, tell=reports.append) == {"failed": 2, "done": 1}
    errors = {report.name: report.error for report in reports if report.status == "failed"}
    assert "one_left.png is not a picture" in errors["a/one"]
    assert "two_right.png: no such file" in errors["a/two"] or "No such file" in errors["a/two"]
    assert list(outputs(tmp_path / "out")) == ["three.bsc"]
    known = read_manifest(tmp_path / "out")
    assert [known[name].status for name in NAMES] == ["failed", "failed", "done"]
    assert known["a/one"].error == errors["a/one"]


def test_metadata_are_left_out_where_that_is_asked_for(tmp_path, settings):
    path = tmp_path / "pair.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(np.concatenate(sample_crop(32, 48), axis=1)).save(path, icc_profile=profile)
    job = EncodeJob("pair", path, None, tmp_path / "out" / "pair.bsc")
    with_layout = replace(settings, layout="sbs")
    encode_all([job], tmp_path / "out", with_layout)
    assert [chunk.name for chunk in Container.from_bytes(job.output.read_bytes()).chunks] == ["MODL", "ICCP", "LAYT"]
    encode_all([job], tmp_path / "out", replace(with_layout, keep_metadata=False, overwrite=True))
    assert [chunk.name for chunk in Container.from_bytes(job.output.read_bytes()).chunks] == ["MODL", "LAYT"]


def test_a_manifest_comes_back(tmp_path):
    reports = [
        Report("b", "failed", "out/b.bsc", 'a "quoted", odd\tname'),
        Report("a", "done", "a.bsc", "", 48, 32, 50.25, 1000, 2.6, 30.5, 31.0, "00", "11", "22"),
    ]
    write_manifest(tmp_path, reports)
    assert list(read_manifest(tmp_path).values()) == reports[::-1]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\nname,done,f,,x\n", "\xff\xfe\x00"])
def test_what_is_no_manifest_is_not_written_over(tmp_path, jobs, settings, text):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "manifest.csv").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"manifest.csv is no list of encoded pairs .*: move it away"):
        encode_all(jobs, folder, settings)
    assert (folder / "manifest.csv").read_text(encoding="latin-1") == text
    assert outputs(folder) == {}


@pytest.mark.slow
def test_a_process_that_dies_takes_its_own_job_alone():
    jobs = [EncodeJob(str(number), Path(), None, Path()) for number in range(9)]
    reports = {report.name: report for report in run_local(jobs, partial(dying_work.make, "4"), 2)}
    assert sorted(reports) == [job.name for job in jobs]
    assert reports.pop("4").error == "its process died, maybe for lack of memory"
    assert {report.status for report in reports.values()} == {"done"}


@pytest.mark.slow
def test_processes_give_the_same_files_as_one(tmp_path, jobs, settings):
    encode_all(jobs, tmp_path / "out", settings)
    one = outputs(tmp_path / "out")
    for job in jobs:
        job.output.unlink()
    assert encode_all(jobs, tmp_path / "out", settings, processes=2) == {"done": 3}
    assert outputs(tmp_path / "out") == one
