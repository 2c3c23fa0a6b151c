"""Codecs of an evaluation: real files, the same figures as measured elsewhere, commands by template, sizes to meet."""

from __future__ import annotations

import csv
import math
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import EVALUATION, SHARED, one_line, sample_crop

from stereocodec.errors import InvalidInput
from stereocodec.evaluation.codecs.base import PICTURE_CODECS, Scale
from stereocodec.evaluation.codecs.template import read_templates
from stereocodec.evaluation.codecs.video import VideoCodec, from_planes, to_planes
from stereocodec.evaluation.datasets import EvaluationPair, content_hash, find_dataset
from stereocodec.evaluation.matching import next_setting
from stereocodec.evaluation.measure import Cache, Failure, Task, measure
from stereocodec.evaluation.metrics import psnr
from stereocodec.evaluation.points import Point, read_points, to_row, write_points
from stereocodec.evaluation.runner import ANCHORS, find_anchor
from stereocodec.evaluation.tools import ToolError, run_tool

ELSEWHERE = SHARED / "anchors" / "points.csv"
COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:3])"


def anchor(name):
    """A codec to compare with. What pip installs for the tests has to be there; ffmpeg need not be."""
    codec = find_anchor(name)
    missing = codec.missing()
    if isinstance(codec, VideoCodec) and missing:
        pytest.skip(missing)
    assert missing is None
    return codec


@pytest.mark.parametrize("name", list(ANCHORS))
def test_codecs_write_files_that_they_decode_from_the_files_alone(name, tmp_path):
    codec = anchor(name)
    views = sample_crop(48, 80)
    best = codec.scale.measured[-1 if codec.scale.rises else 0]
    worst = codec.scale.measured[0 if codec.scale.rises else -1]
    sizes, quality = [], []
    for number, setting in enumerate((worst, best)):
        files = codec.encode(views, setting, tmp_path / f"pair{number}")
        assert all(path.name.startswith(f"pair{number}") for path in files)
        decoded = codec.decode(files, views[0].shape)
        assert all(view.shape == (48, 80, 3) and view.dtype == np.uint8 for view in decoded)
        sizes.append(sum(path.stat().st_size for path in files))
        quality.append(min(psnr(a, b) for a, b in zip(views, decoded, strict=True)))
    assert sizes[0] < sizes[1]
    assert quality[0] < quality[1]
    assert quality[1] > 20
    assert re.search(r"[a-zA-Z]+ (version )?\d+\.\d+", codec.identity())  # files depend on who made them


def test_every_codec_has_an_identity_of_its_own():
    codecs = [codec for codec in ANCHORS.values() if codec.missing() is None]
    assert len({codec.identity() for codec in codecs}) == len(codecs) >= len(PICTURE_CODECS)


@pytest.mark.slow
@pytest.mark.skipif(
    not (ELSEWHERE.is_file() and EVALUATION.is_dir()), reason="needs the points measured elsewhere and their pairs"
)
@pytest.mark.parametrize("name", ["jpeg420", "jpeg444", "webp", "jp2", "jxl", "avif", "hevc_ip"])
def test_figures_are_those_measured_elsewhere(name, tmp_path):
    codec = anchor(name)
    (pair,) = find_dataset(EVALUATION, names=["kitti2012"]).pairs
    setting = codec.scale.measured[2]
    point = measure(Task(codec, pair, content_hash(pair.load()), setting), tmp_path)
    with ELSEWHERE.open(newline="", encoding="utf-8") as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if (row["codec"], row["pair"], row["setting"]) == (name, "kitti2012", codec.scale.label(setting))
        )
    assert point.file_bytes == pytest.approx(int(row["bytes"]), rel=0.01)
    assert point.bpp == pytest.approx(float(row["bpp"]), rel=0.01)
    assert point.psnr == pytest.approx(float(row["psnr"]), rel=0.01)
    assert point.msssim == pytest.approx(float(row["msssim"]), rel=0.01)


def test_ten_bit_planes_lose_nothing():
    random = np.random.default_rng(0)
    view = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    view[0, :8] = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    planes = to_planes(view)
    assert (planes.shape, planes.dtype) == ((3, 64, 64), np.uint16)
    assert planes.max() <= 1023
    assert planes[:, 0, 7].tolist() == [1023, 512, 512]
    np.testing.assert_array_equal(from_planes(planes), view)


@pytest.fixture
def pair(tmp_path):
    from PIL import Image

    for side, view in zip(("left", "right"), sample_crop(48, 80), strict=True):
        Image.fromarray(view).save(tmp_path / f"scene_{side}.png")
    return EvaluationPair("scene", tmp_path / "scene_left.png", tmp_path / "scene_right.png", "group")


def task_of(pair, codec, setting):
    return Task(codec, pair, content_hash(pair.load()), setting)


def test_a_point_is_what_its_files_are_and_is_measured_once(tmp_path, pair, monkeypatch):
    codec, results = find_anchor("jpeg"), tmp_path / "results"
    point = measure(task_of(pair, codec, 55), results)
    sizes = [(results / name).stat().st_size for name in point.files.split()]
    assert len(sizes) == 2
    assert point.file_bytes == sum(sizes)
    assert point.bpp == 8 * sum(sizes) / (2 * 48 * 80)
    assert point.psnr == (point.psnr_left + point.psnr_right) / 2
    assert math.isnan(point.msssim)  # too small for five scales
    assert point.enc_wall_s > 0
    assert point.peak_mb is None or point.peak_mb > 10
    before = (results / point.files.split()[0]).stat().st_mtime_ns
    renamed = replace(pair, name="other", group="elsewhere")
    again = measure(task_of(renamed, codec, 55), results)
    assert (again.pair, again.group, again.key) == ("other", "elsewhere", point.key)
    assert (results / point.files.split()[0]).stat().st_mtime_ns == before
    keys = {
        point.key,
        measure(task_of(pair, codec, 56), results).key,
        measure(task_of(pair, find_anchor("webp"), 55), results).key,
    }
    assert len(keys) == 3


def test_a_cache_without_its_file_or_damaged_is_measured_again(tmp_path, pair):
    task = task_of(pair, find_anchor("jpeg"), 55)
    point = measure(task, tmp_path)
    (tmp_path / point.files.split()[0]).unlink()
    assert Cache(tmp_path).find(task, point.key) is None
    assert measure(task, tmp_path).file_bytes == point.file_bytes
    (tmp_path / "cache" / f"{point.key}.json").write_text("{", encoding="utf-8")
    assert Cache(tmp_path).find(task, point.key) is None
    assert measure(task, tmp_path).psnr == point.psnr


def write_templates(path, encode, decode, more=""):
    path.write_text(
        f"[[codec]]\nname = 'copy'\nsettings = [1, 2]\nencode = '''{encode}'''\ndecode = '''{decode}'''\n{more}"
    )
    return path


def python_copy(*arguments):
    return " ".join([f'"{sys.executable}"', "-c", f'"{COPY}"', *arguments])


def test_commands_by_template_join_per_view_and_per_pair(tmp_path, pair):
    single = write_templates(
        tmp_path / "single.toml", python_copy("{left}", "{file}", "{quality}"), python_copy("{file}", "{out_left}")
    )
    (codec,) = read_templates(single)
    assert codec.missing() is None
    point = measure(task_of(pair, codec, 2), tmp_path / "results with a space")
    assert point.psnr == math.inf
    assert (point.codec, point.setting) == ("copy", "q2")
    assert len(codec.encode(pair.load(), 1, tmp_path / "again")) == 2
    both = "import sys; a = sys.argv; from PIL import Image; "
    join = both + (
        "x = Image.new('RGB', (160, 48)); x.paste(Image.open(a[1])); "
        "x.paste(Image.open(a[2]), (80, 0)); x.save(a[3], 'PNG')"
    )
    part = both + "x = Image.open(a[1]); x.crop((0, 0, 80, 48)).save(a[2]); x.crop((80, 0, 160, 48)).save(a[3])"
    start = f'"{sys.executable}" -c'
    double = write_templates(
        tmp_path / "double.toml",
        f'{start} "{join}" {{left}} {{right}} {{file}} {{quality}}',
        f'{start} "{part}" {{file}} {{out_left}} {{out_right}}',
    )
    (codec,) = read_templates(double)
    point = measure(task_of(pair, codec, 1), tmp_path / "double")
    assert point.psnr == math.inf
    assert len(point.files.split()) == 1


def test_programs_that_fail_or_are_not_there_are_told_in_one_line(tmp_path, pair):
    failing = write_templates(
        tmp_path / "f.toml",
        f'"{sys.executable}" -c "raise SystemExit(\'no such profile\')" {{left}} {{file}} {{quality}}',
        python_copy("{file}", "{out_left}"),
    )
    failure = measure(task_of(pair, read_templates(failing)[0], 1), tmp_path)
    assert isinstance(failure, Failure)
    assert "exit status 1" in failure.reason
    assert "no such profile" in failure.reason
    assert "\n" not in failure.reason
    silent = write_templates(
        tmp_path / "s.toml",
        f'"{sys.executable}" -c pass {{left}} {{file}} {{quality}}',
        python_copy("{file}", "{out_left}"),
    )
    assert "wrote no file" in measure(task_of(pair, read_templates(silent)[0], 1), tmp_path).reason
    gone = write_templates(
        tmp_path / "g.toml", "no-such-encoder {left} {file} {quality}", "no-such-decoder {file} {out_left}"
    )
    assert read_templates(gone)[0].missing() == "no-such-encoder is not on PATH"
    with pytest.raises(ToolError, match="cannot be run"):
        run_tool(["no-such-encoder"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "describes no codec"),
        ("[[codec]]\n", "needs a name"),
        ("[[codec]]\nname = 'a/b'\n", "needs a name"),
        ("[[codec]]\nname = 'x'\nspeed = 1\n", "unknown key 'speed'"),
        ("[[codec]]\nname = 'x'\n", "needs encode"),
        ("[[codec]]\nname = 'x'\nencode = 'e {left} {file}'\ndecode = 'd {file} {out_left}'\n", "{quality}"),
        ("[[codec]]\nname = 'x'\nencode = 'e {left} {file} {quality}'\ndecode = 'd {file} {out}'\n", "needs decode"),
        (
            "[[codec]]\nname = 'x'\nencode = 'e {left} {file} {quality}'\ndecode = 'd {file} {out_left}'\n",
            "needs settings",
        ),
        ("[[codec]]\nname = 'x'\nencode = 'e \"{left} {file} {quality}'\n", "cannot be split"),
        ("[[codec]]\nname = 'x'\nencode = 'e {left} {file} {quality} {out_left}'\n", "none but {height}, {right}"),
        (
            "[[codec]]\nname = 'x'\nencode = 'e {left} {file} {quality}'\ndecode = 'd {file} {out_left} {quality}'\n",
            "none but {height}, {out_right}, {width} more",
        ),
        ("[[codec]\n", "is not a TOML file"),
    ],
)
def test_templates_that_lack_something_are_refused(tmp_path, text, told):
    path = tmp_path / "codecs.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        read_templates(path)
    assert told in one_line(error)


def test_missing_programs_are_reported(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert find_anchor("x265").missing() == "ffmpeg is not on PATH"
    assert find_anchor("av1").missing() == "ffmpeg is not on PATH"
    with pytest.raises(InvalidInput, match="unknown codec 'gif'; known are jpeg, jpeg444, webp"):
        find_anchor("gif")


def point_of(setting, bpp):
    return Point("c", "p", "g", setting, round(bpp * 1000), bpp, 30, 30, 30, 0.9, 0, 0)


def test_settings_are_searched_for_a_size():
    scale = Scale("q", (10, 50), 1, 100)
    curve = [point_of("q10", 0.1), point_of("q50", 1.6)]
    assert next_setting(scale, curve, 0.4) == 30
    assert next_setting(scale, curve, 0.101) is None  # close
    assert next_setting(scale, curve, 100) == 100  # the best that there is
    assert next_setting(scale, [*curve, point_of("q100", 3)], 100) is None
    assert next_setting(scale, curve[:1], 0.4) is None
    falling = Scale("d", (1, 16), 0.1, 25, whole=False, rises=False, geometric=True)
    assert next_setting(falling, [point_of("d1.0", 1.6), point_of("d16.0", 0.1)], 0.4) == pytest.approx(4)


def test_labels_are_those_of_the_tables():
    labels = {c.name: [c.scale.label(value) for value in c.scale.measured] for c in PICTURE_CODECS}
    assert labels["jp2"][:2] == ["bpp0.05", "bpp0.1"]
    assert labels["jxl"][-1] == "d22.0"
    for codec in ANCHORS.values():
        assert [codec.scale.value(codec.scale.label(v)) for v in codec.scale.measured] == list(codec.scale.measured)


def test_tables_of_points_are_read_as_they_were_written(tmp_path):
    points = [point_of("q1", 0.5), replace(point_of("q2", 1.0), msssim=math.nan, files="a b", guard_entries=3)]
    with (tmp_path / "points.csv").open("w", encoding="utf-8") as file:
        write_points(file, points)
    assert [to_row(p) for p in read_points(tmp_path / "points.csv")] == [to_row(p) for p in points]
    for text in ("codec,pair\nx,y\n", "codec,pair,setting,bytes,bpp,psnr\nx,y,q,many,1,2\n"):
        (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput) as error:
            read_points(tmp_path / "bad.csv")
        one_line(error)
