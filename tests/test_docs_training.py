"""The pages on training, on comparing codecs and on models: their `bisic` lines in order, on a small scale."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
import torch
from bisic_networks import small_model
from pages import done, of_program
from published import official_state
from runs import TINY, assigned, model_table, ten_pairs

from stereocodec.training import background
from stereocodec.training.checkpoint import load_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

SMALL = {"crop_height": 64, "crop_width": 64, "batch_size": 1, "steps": 1, "photo_share": 0.5}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with `pairs`, `photos` and the two views of a pair."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(background, "yield_to_other_work", lambda: None)
    ten_pairs(tmp_path / "pairs", size=(64, 96))
    shutil.copytree("pairs", "photos")
    for view in ("left", "right"):
        shutil.copy(f"pairs/pair-0_{view}.png", f"{view}.png")
    yield tmp_path
    torch.set_flush_denormal(False)


def toml(path, settings, model):
    lines = [f"{name} = {value}" for name, value in settings.items()]
    path.write_text("\n".join([*lines, model_table(model)]))


def test_the_page_on_training(folder):
    shutil.copytree("pairs", "more-pairs")
    toml(folder / "settings.toml", SMALL | {"photo_share": 0}, TINY)
    as_in_the_recipe = {"photo_share": 0, "steps": 2, "optimiser": '"muon"'}
    toml(folder / "larger.toml", SMALL | as_in_the_recipe, TINY | {"blocks16": 2})

    for line in of_program("docs/training.md", "bisic"):
        if "--background" in line:  # the same run as the first one
            line[line.index("runs/mine")] = "runs/background"
        if "--arch" in line:
            has_photos = "--photos" in line
            line += assigned(SMALL if has_photos else SMALL | {"photo_share": 0}, TINY)
        if line[0] == "export":
            shutil.rmtree("my-model", ignore_errors=True)
        if "runs/fetched" in line and line[0] == "train":
            shutil.copytree("runs/mine", "runs/fetched")
        done(line)
    assert load_run(folder / "runs/larger")[2]["step"] == 2
    assert load_run(folder / "runs/next")[0].validation_scenes == ("pair-5",)
    assert "license: mit" in (folder / "my-model/README.md").read_text(encoding="utf-8")
    assert (folder / "pair_left.png").is_file()


def test_the_page_on_comparing_codecs(folder, tiny_release):
    line, listing = of_program("docs/evaluation.md", "bisic")
    shutil.rmtree("pairs")
    ten_pairs(folder / "PAIRS", size=(64, 64))
    for path in folder.glob("PAIRS/pair-[1-9]*"):
        path.unlink()
    small = ["--models", str(tiny_release), "--qualities", "50", "--anchors", "jpeg", "--settings", "jpeg=50"]
    views = ",".join(str(folder / "PAIRS" / f"pair-0_{view}.png") for view in ("left", "right"))
    assert done(listing).stdout.splitlines()[1:] == [f"{views},pair-0,PAIRS"]
    done([*line, *small, "--device", "cpu", "--jobs", "1"])
    assert {"report.html", "results.json", "results.csv"} <= {path.name for path in folder.glob("REPORT/*")}


def test_the_page_on_models(folder):
    torch.save({"state_dict": official_state("bisic-fast")}, "ckpt.best.pth.tar")
    model = dataclasses.asdict(small_model("bisic-fast").config)
    for line in of_program("docs/models.md", "bisic"):
        if line[:2] == ["train", "benchmarks/briefly_trained.toml"] or line[:2] == ["export", "RUN"]:
            continue  # 300 steps of the published networks take hours; the page on training has both commands
        done([*line, *(assigned(SMALL | {"photo_share": 0}, model) if line[0] == "train" else ())])
    assert load_run(folder / "runs/mine")[0].arch == "bisic-fast"
