"""Many pairs: what is done, skipped and failed, and what the manifest says of it."""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import dying_work
import numpy as np
import pytest
from batches import NAMES, outputs
from conftest import sample_crop
from PIL import Image

from stereocodec import StereoCodec
from stereocodec.batch.encoding import Encoder
from stereocodec.batch.engine import run_local
from stereocodec.batch.jobs import COLUMNS, EncodeJob, Report
from stereocodec.batch.manifest import ENCODED, read_manifest, write_manifest
from stereocodec.batch.run import encode_all
from stereocodec.errors import InvalidInput
from stereocodec.pictures.rgb import psnr


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
        (job,) = (job for job in jobs if job.name == row["name"])
        decoded = tiny_codec.decompress(data, output="numpy")
        expected = [
            psnr(np.asarray(Image.open(path)), view) for path, view in zip((job.left, job.right), decoded, strict=True)
        ]
        assert [float(row[f"psnr_{side}"]) for side in ("left", "right")] == pytest.approx(expected)
        assert (row["width"], row["height"], row["quality"], row["status"]) == ("48", "32", "60", "done")


def test_what_is_done_and_whole_is_skipped(tmp_path, jobs, settings, tiny_release):
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
    shutil.copytree(tiny_release, tmp_path / "copy")
    same = replace(settings, verify=False, model=str(tmp_path / "copy"))
    assert encode_all(jobs, tmp_path / "out", same) == {"skipped": 3}


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
    assert errors["a/two"] == f"{jobs[1].right}: no such file"
    assert list(outputs(tmp_path / "out")) == ["three.bsc"]
    known = read_manifest(tmp_path / "out" / ENCODED)
    assert [known[name].status for name in NAMES] == ["failed", "failed", "done"]
    assert known["a/one"].error == errors["a/one"]
    assert encode_all(jobs, tmp_path / "out", settings) == {"failed": 2, "skipped": 1}
    shutil.copy(jobs[2].left, jobs[0].left)
    assert encode_all(jobs, tmp_path / "out", settings) == {"failed": 1, "done": 1, "skipped": 1}


def test_a_manifest_comes_back(tmp_path):
    reports = [
        Report("b", "failed", "out/b.bsc", 'a "quoted", odd\tname'),
        Report(
            "a",
            "done",
            "a.bsc",
            "",
            48,
            32,
            50.25,
            1000,
            2.6,
            30.5,
            31.0,
            29.5,
            1.25,
            4.0,
            "00",
            "11",
            "22",
            {"a\udcff.png": "33"},
        ),
    ]
    path = tmp_path / ENCODED
    write_manifest(path, reports)
    again = read_manifest(path).values()
    assert list(again) == reports[::-1]
    written = path.read_bytes()
    write_manifest(path, again)
    assert path.read_bytes() == written


def test_names_that_are_no_text_come_back_from_a_manifest(tmp_path):
    reports = [Report("a\udcff", "done", "out/a\udcff.bsc"), Report("b", "failed", "out/b.bsc", "no picture")]
    write_manifest(tmp_path / ENCODED, reports)
    assert list(read_manifest(tmp_path / ENCODED).values()) == reports


def test_a_manifest_that_cannot_be_read(tmp_path):
    (tmp_path / "manifest.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"manifest.csv cannot be read: "):
        read_manifest(tmp_path / ENCODED)


def test_a_report_as_json_has_a_quality_of_0_and_no_infinities():
    report = Report("a", "done", quality=0.0, psnr_left=float("inf"), psnr_right=30.0)
    assert report.row() == {"name": "a", "status": "done", "quality": 0.0, "psnr_right": 30.0}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.mpo"), "a.mpo: no such file"),
        (PermissionError(13, "Permission denied", "a.mpo"), "a.mpo: Permission denied"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate"), "not enough memory"),
        (RuntimeError("odd\nthings"), "unexpected RuntimeError: odd things"),
    ],
)
def test_whatever_goes_wrong_with_a_pair_is_its_report(jobs, settings, monkeypatch, error, told):
    encoder = Encoder(settings, {})
    monkeypatch.setattr(Encoder, "codec", property(lambda self: exec("raise error", {"error": error})))
    assert encoder(jobs[0]) == Report(NAMES[0], "failed", str(jobs[0].output), told)


def test_what_was_done_is_known_when_a_run_ends_early(tmp_path, settings):
    known = []

    def engine(jobs, make, processes):
        for number in range(101):
            if number == 100:
                known.extend(read_manifest(tmp_path / "out" / ENCODED))
            yield Report(f"{number:03}", "done")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_all([], tmp_path / "out", settings, engine=engine)
    names = [f"{number:03}" for number in range(101)]
    assert known == names[:100]
    assert list(read_manifest(tmp_path / "out" / ENCODED)) == names


def test_pairs_of_arrays_are_encoded(tmp_path, settings, tiny_codec):
    views = sample_crop(32, 48)
    for side, view in zip(("left", "right"), views, strict=True):
        np.save(tmp_path / f"{side}.npy", view)
    job = EncodeJob("a", tmp_path / "left.npy", tmp_path / "right.npy", tmp_path / "out" / "a.bsc")
    assert encode_all([job], tmp_path / "out", settings) == {"done": 1}
    assert job.output.read_bytes() == tiny_codec.compress(*views, quality=60)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\nname,done,f,,x\n", "\xff\xfe\x00"])
def test_what_is_no_manifest_is_not_written_over(tmp_path, jobs, settings, text):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "manifest.csv").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"manifest.csv is no list of pairs .*: move it away"):
        encode_all(jobs, folder, settings)
    assert (folder / "manifest.csv").read_text(encoding="latin-1") == text
    assert outputs(folder) == {}


@pytest.mark.parametrize(
    ("lacks", "change", "told"),
    [
        ("has_efforts", {"effort": 5}, "the model tiny has a single effort; leave effort 5 out"),
        ("has_qualities", {}, "the model tiny has a single quality; leave quality 60 out"),
        (
            "has_qualities",
            {"quality": None, "target_size": 900},
            "the model tiny has a single quality; leave targets out",
        ),
        (None, {"quality": 101}, "quality is 101; it must be a number from 0 to 100"),
        (None, {"effort": 10}, "effort is 10; it must be a whole number from 1 to 9"),
        (None, {"target_bpp": 1.0}, "quality 60 and a target: give one of them"),
    ],
)
def test_what_the_model_has_not_is_said_before_any_pair(
    tmp_path, jobs, settings, tiny_codec, monkeypatch, lacks, change, told
):
    if lacks is not None:
        monkeypatch.setattr(type(tiny_codec._coder.model), lacks, False)
    changed = replace(settings, **change)
    with pytest.raises(InvalidInput, match=told) as error:
        encode_all(jobs, tmp_path / "out", changed, tell=lambda report: pytest.fail("a pair was coded"))
    assert not (tmp_path / "out").exists()
    goal = {name: getattr(changed, name) for name in ("quality", "target_size", "target_bpp", "effort")}
    with pytest.raises(InvalidInput) as of_one:
        tiny_codec.compress(*sample_crop(32, 48), **goal)
    assert str(error.value) == str(of_one.value)


def test_a_model_of_a_single_quality_codes_many_pairs(tmp_path, jobs, settings, tiny_codec, monkeypatch):
    for name in ("has_qualities", "has_efforts"):
        monkeypatch.setattr(type(tiny_codec._coder.model), name, False)
    assert encode_all(jobs, tmp_path / "out", replace(settings, quality=None)) == {"done": 3}


def test_the_default_model_has_all_that_can_be_asked_for():
    model = StereoCodec.from_pretrained(device="cpu")._coder.model
    assert model.has_qualities
    assert model.has_efforts


@pytest.mark.slow
def test_a_process_that_dies_takes_its_own_job_alone():
    jobs = [EncodeJob(str(number), Path(), None, Path()) for number in range(9)]
    reports = {report.name: report for report in run_local(jobs, partial(dying_work.make, "4"), 2)}
    assert sorted(reports) == [job.name for job in jobs]
    assert reports.pop("4").error == "its process died, maybe for lack of memory"
    assert {report.status for report in reports.values()} == {"done"}


@pytest.mark.slow
def test_processes_give_the_same_files_as_one(tmp_path, jobs, settings, monkeypatch):
    encode_all(jobs, tmp_path / "out", settings)
    one = outputs(tmp_path / "out")
    for job in jobs:
        job.output.unlink()
    monkeypatch.setattr(Encoder, "__call__", lambda self, job: pytest.fail("this process does the work"))
    assert encode_all(jobs, tmp_path / "out", settings, processes=2) == {"done": 3}
    assert outputs(tmp_path / "out") == one
