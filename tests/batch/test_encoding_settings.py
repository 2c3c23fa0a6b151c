"""What the settings of a batch do to its pairs: as the same arguments do to a single one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calibration_files import EXTRINSICS, projection
from conftest import sample_crop
from PIL import Image, ImageCms

from stereocodec import read_calibration
from stereocodec.batch.jobs import EncodeJob
from stereocodec.batch.run import encode_all
from stereocodec.container import Container
from stereocodec.errors import InvalidInput
from stereocodec.pictures.array_files import load_view


def calibration_of(job):
    return Container.from_bytes(job.output.read_bytes()).metadata.calibration


def test_the_effort_is_that_of_compress(tmp_path, jobs, settings, tiny_codec):
    assert encode_all(jobs[:1], tmp_path / "out", replace(settings, effort=6)) == {"done": 1}
    views = [Image.open(path) for path in (jobs[0].left, jobs[0].right)]
    assert jobs[0].output.read_bytes() == tiny_codec.compress(*views, quality=60, effort=6)
    assert jobs[0].output.read_bytes() != tiny_codec.compress(*views, quality=60)


@pytest.mark.parametrize("target", [{"target_size": 900}, {"target_psnr": 24.0}])
def test_targets_backgrounds_and_warnings_of_each_pair(tmp_path, jobs, settings, tiny_codec, target):
    views = sample_crop(32, 48)
    half = np.full((32, 48, 1), 128, np.uint8)
    Image.fromarray(np.concatenate([views[0], half], axis=2)).save(jobs[0].left)
    Image.fromarray(views[1]).save(jobs[0].right, icc_profile=b"no profile")
    reports = []
    wanted = replace(settings, quality=None, background="#f00", verify=False, **target)
    assert encode_all(jobs[:1], tmp_path / "out", wanted, tell=reports.append) == {"done": 1}
    laid = load_view(jobs[0].left, "left", "#f00")
    assert jobs[0].output.read_bytes() == tiny_codec.compress(laid.pixels, views[1], **target)
    assert reports[0].warnings == (f"{jobs[0].right}: its ICC profile is no ICC profile; it is left out",)
    assert reports[0].psnr_left is None


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


def test_a_calibration_of_other_views_is_refused(tmp_path, jobs, settings):
    reports = []
    for name, values in (("others", {"size": [640, 480]}), ("mine", {"size": [48, 32], "baseline": 0.1})):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    of_others = replace(settings, calibration=(str(tmp_path / "others.json"),))
    assert encode_all(jobs[:1], tmp_path / "out", of_others, tell=reports.append) == {"failed": 1}
    assert "others.json is of views of 640x480, these have 48x32" in reports[0].error
    known = replace(settings, calibration=(str(tmp_path / "mine.json"),), keep_metadata=False)
    assert encode_all(jobs[:1], tmp_path / "out", known) == {"done": 1}
    assert calibration_of(jobs[0]) == {"size": [48, 32], "baseline": 0.1}
    (tmp_path / "mine.json").write_text('{"baseline": 0.2}')
    assert encode_all(jobs[:1], tmp_path / "out", known) == {"failed": 1}  # of another calibration than before
    (tmp_path / "mine.json").write_text("none")
    with pytest.raises(InvalidInput, match=r"mine\.json"):
        encode_all(jobs, tmp_path / "out", known)


@pytest.mark.parametrize(("unit", "baseline"), [("mm", 0.0075), ("cm", 0.075)])
def test_the_unit_of_a_calibration_reaches_every_pair(tmp_path, jobs, settings, unit, baseline):
    (tmp_path / "extrinsics.yml").write_text(EXTRINSICS)
    wanted = replace(settings, calibration=(str(tmp_path / "extrinsics.yml"),), calibration_unit=unit)
    assert encode_all(jobs, tmp_path / "out", wanted) == {"done": 3}
    for job in jobs:
        assert calibration_of(job)["baseline"] == pytest.approx(baseline)


@pytest.mark.parametrize("swap", [False, True])
def test_folders_tell_which_cameras_of_a_calibration_took_a_pair(tmp_path, settings, swap):
    """Also where the right view comes first."""
    calibration = tmp_path / "calib.txt"
    calibration.write_text("".join(f"P{n}: {projection(20, 24, 16, -2 * n)}\n" for n in range(4)))
    jobs, expected = [], []
    for folders in (("image_0", "image_1"), ("image_2", "image_3")):
        paths = [tmp_path / folder / "a.png" for folder in folders]
        for path, view in zip(paths, sample_crop(32, 48), strict=True):
            path.parent.mkdir()
            Image.fromarray(view).save(path)
        given = paths[::-1] if swap else paths
        jobs.append(EncodeJob(folders[0], *given, tmp_path / "out" / f"{folders[0]}.bsc"))
        expected.append(read_calibration(calibration, views=paths))
    wanted = replace(settings, calibration=(str(calibration),), swap=swap)
    assert encode_all(jobs, tmp_path / "out", wanted) == {"done": 2}
    assert [calibration_of(job) for job in jobs] == expected
    assert expected[0] != expected[1]


def test_paths_of_calibrations_are_whole_for_processes_in_other_folders(tmp_path, settings, monkeypatch):
    (tmp_path / "calib.json").write_text(json.dumps({"baseline": 0.1}))
    monkeypatch.chdir(tmp_path)
    given = []
    wanted = replace(settings, calibration=("calib.json",))
    encode_all([], Path("out"), wanted, engine=lambda jobs, make, processes: given.append(make().settings) or [])
    assert given == [replace(wanted, calibration=(str(tmp_path / "calib.json"),))]
