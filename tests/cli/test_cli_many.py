"""`bisic encode` of many pairs: what is written, said and refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from commands import names, run
from conftest import sample_crop
from PIL import Image

from stereocodec.batch.encoding import EncodeSettings
from stereocodec.batch.ray_engine import run_ray
from stereocodec.container import Container


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """in/a_left.png, in/deep/b_left.png and their right views in the current folder."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a", "deep/b")):
        for side, view in zip(("left", "right"), sample_crop(32, 48, top=8 * number), strict=True):
            path = tmp_path / "in" / f"{name}_{side}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(view).save(path)
    return tmp_path


@pytest.fixture
def encode(tiny_release):
    return lambda *arguments: run("encode", *arguments, "--model", str(tiny_release), "--device", "cpu", "-j", "1")


def test_a_folder_is_mirrored_and_listed(dataset, encode, tiny_codec):
    result = encode("in", "-o", "out", "-q", "60")
    assert (result.exit_code, result.output) == (0, "2 encoded\n")
    views = [Image.open(dataset / "in" / "deep" / f"b_{side}.png") for side in ("left", "right")]
    assert (dataset / "out" / "deep" / "b.bsc").read_bytes() == tiny_codec.compress(*views, quality=60)
    with (dataset / "out" / "manifest.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["a", "deep/b"]
    assert encode("in", "-o", "out", "-q", "60").output == "0 encoded, 2 skipped\n"
    again = encode("in", "-o", "out", "-q", "61")
    assert again.exit_code == 1
    assert again.stdout == "0 encoded, 2 failed\n"
    assert "bisic: a: it was made of other pictures or by other settings: use -f" in again.stderr
    assert encode("in", "-o", "out", "-q", "61", "-f").output == "2 encoded\n"


def test_what_is_in_no_pair_is_named_and_the_rest_encoded(dataset, encode):
    (dataset / "in" / "deep" / "b_right.png").unlink()
    (dataset / "in" / "cover.png").touch()
    result = encode("in", "-o", "out")
    assert result.exit_code == 1
    assert result.stdout == "1 encoded, 2 left over\n"
    assert sorted(line.split("/")[-1].split()[0] for line in result.stderr.splitlines()) == ["b_left.png", "cover.png"]
    assert (dataset / "out" / "a.bsc").exists()


def test_one_json_object_per_pair(dataset, encode):
    (dataset / "in" / "a_left.png").write_bytes(b"no picture")
    result = encode("in", "-o", "out", "--json", "--target-bpp", "3")
    reports = {report["name"]: report for report in map(json.loads, result.stdout.splitlines())}
    assert reports["a"]["status"] == "failed"
    assert "a_left.png is not a picture" in reports["a"]["error"]
    assert reports["deep/b"]["bpp"] <= 3
    assert result.exit_code == 1


def test_all_options_hold_for_every_pair(dataset, monkeypatch):
    asked = []
    monkeypatch.setattr("stereocodec.batch.run.encode_all", lambda *given, **more: asked.append((given, more)))
    (dataset / "cameras.json").write_text('{"baseline": 0.1}')
    options = "--target-psnr 30 --swap --layout sbs --background white --calibration cameras.json"
    options += " --calibration-unit mm --no-metadata --effort 2"
    others = "--no-verify -f -j 3 --model mine --device cpu --engine ray --address auto -Q"
    result = run("encode", "in", "-o", "out", *options.split(), *others.split())
    assert (result.exit_code, result.output) == (0, "")
    (((jobs, folder, settings), more),) = asked
    assert settings == EncodeSettings(
        model="mine",
        device="cpu",
        target_psnr=30,
        effort=2,
        layout="sbs",
        swap=True,
        background="white",
        calibration=("cameras.json",),
        calibration_unit="mm",
        keep_metadata=False,
        verify=False,
        overwrite=True,
    )
    assert (more["processes"], more["engine"].func, more["engine"].keywords) == (3, run_ray, {"address": "auto"})
    # Other machines have another current folder.
    assert (jobs[0].left, folder) == (dataset / "in" / "a_left.png", dataset / "out")
    assert run("encode", "in", "-o", "out", "--target-size", "9k").exit_code == 0
    ((_, folder, settings), more) = asked[1]
    assert (str(folder), settings, more["engine"]) == ("out", EncodeSettings(target_size=9000), None)


def test_doubts_and_pictures_that_are_left_over(dataset, encode):
    with Image.open("in/a_right.png") as image:
        image.save("in/a_right.png", icc_profile=b"no profile")
    for number in range(12):
        (dataset / "in" / f"cover{number}.png").touch()
    lines = encode("in", "-o", "out", "--no-verify").stderr.splitlines()
    left_out = "bisic: warning: a: " + str(dataset / "in" / "a_right.png")
    assert sum("fits no layout of pairs" in line for line in lines) == 10
    assert lines[10:] == [
        "bisic: 2 more pictures are in no pair; bisic eval --list names all",
        f"{left_out}: its ICC profile is no ICC profile; it is left out",
    ]
    assert len(encode("in", "-o", "new", "--no-verify", "-Q").stderr.splitlines()) == 11


def test_files_that_hold_both_views(dataset, encode):
    for name in ("one", "two", "three"):
        Image.fromarray(np.concatenate(sample_crop(32, 48), axis=1)).save(dataset / f"{name}_sbs.png")
    result = encode("one_sbs.png", "two_sbs.png", "three_sbs.png", "--layout", "sbs", "-o", "out/")
    assert result.output == "3 encoded\n"
    assert names(dataset / "out") == ["manifest.csv", "one_sbs.bsc", "three_sbs.bsc", "two_sbs.bsc"]
    assert Container.from_bytes((dataset / "out" / "one_sbs.bsc").read_bytes()).metadata.layout.value == "sbs"


def test_one_pair_into_a_folder(dataset, encode):
    result = encode("in/a_left.png", "in/a_right.png", "-o", "new/")
    assert result.exit_code == 0
    assert names(dataset / "new") == ["a.bsc"]
    assert result.output.startswith("new/a.bsc: ")
    assert encode("in/a_left.png", "in/a_right.png", "-o", "new").exit_code == 1  # it is there
    assert encode("in/a_left.png", "in/a_right.png", "-fo", "new").exit_code == 0


def test_a_tree_of_files_is_decoded_as_one_file_is(dataset, encode, tiny_release, tiny_codec):
    encode("in", "-o", "out")
    decoded = ["decode", "out", "--model", str(tiny_release), "--device", "cpu", "-j", "1"]
    result = run(*decoded, "-o", "pictures", "--format", "webp")
    assert (result.exit_code, result.output) == (0, "2 decoded\n")
    assert names(dataset / "pictures") == ["a_left.webp", "a_right.webp", "decoded.csv", "deep"]
    views = tiny_codec.decompress((dataset / "out" / "deep" / "b.bsc").read_bytes(), output="numpy")
    for side, view in zip(("left", "right"), views, strict=True):
        np.testing.assert_array_equal(Image.open(dataset / "pictures" / "deep" / f"b_{side}.webp"), view)
    (dataset / "out" / "a.bsc").write_bytes(b"damaged")
    again = run(*decoded, "-o", "pictures", "--layout", "sbs")
    assert again.exit_code == 1
    assert again.stdout == "1 decoded, 1 failed\n"
    assert again.stderr.startswith("bisic: out/a.bsc: ")
    assert "b_sbs.png" in names(dataset / "pictures" / "deep")
    told = run(*decoded, "-o", "pictures", "--layout", "sbs", "--json")
    assert told.exit_code == 1
    damaged, whole = sorted(map(json.loads, told.stdout.splitlines()), key=lambda report: report["name"])
    assert (damaged["status"], whole["status"]) == ("failed", "skipped")
    assert list(whole["pictures"]) == ["b_sbs.png"]
    (dataset / "pictures" / "deep" / "b_sbs.png").write_bytes(b"another one")
    (dataset / "pictures" / "decoded.csv").unlink()
    assert "2 failed" in run(*decoded, "-o", "pictures", "--layout", "sbs").stdout  # it is not written over


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in"], "Several files need a folder"),
        (["in", "-o", "in/a_left.png"], "which in/a_left.png is not"),
        (["in", "-o", "out.mpo"], "out.mpo is the name of one picture"),
        (["in", "in", "-o", "out", "--left", "a.png"], "about one file"),
        (["in", "-", "-o", "out"], "about one file"),
        (["in", "-o", "out", "--output-quality", "3"], "quality"),
    ],
)
def test_wrong_usage_of_decode(dataset, arguments, message):
    result = run("decode", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert names(dataset) == ["in"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in", "-o", "-"], "- is about one pair"),
        (["in", "-", "-o", "out"], "- is about one pair"),
        (["in", "-o", "in/a_left.png"], "is a file, but several pairs need a folder"),
        (["in", "-o", "out.bsc"], "is the name of a file, but several pairs need a folder"),
        (["in", "-o", "out", "--frame", "1"], "about one pair"),
        (["in", "-o", "out", "--depth", "in/a_left.png"], "about one pair"),
        (["in", "-o", "out", "--address", "auto"], "needs --engine ray"),
        (["in/a_left.png", "in/a_right.png", "-o", "a.bsc", "--json"], "are about many pairs"),
        (["in/a_left.png", "in/a_right.png", "-o", "a.bsc", "--engine", "ray"], "are about many pairs"),
        (["-", "in/a_right.png", "-o", "in"], "Standard input has no name"),
    ],
)
def test_wrong_usage(dataset, arguments, message):
    result = run("encode", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert names(dataset) == ["in"]


def test_a_model_that_is_not_here_is_said_once(dataset):
    result = run("encode", "in", "-o", "out", "--model", "gone")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "gone" in result.output
    assert names(dataset) == ["in"]
