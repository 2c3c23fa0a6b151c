"""Training on a borrowed GPU, rehearsed on the processor: what is packed, the phases, and what comes back."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import averaged_weights
import numpy as np
import pack_training_data
import pytest
import torch
from click.testing import CliRunner
from gpu_settings import as_toml, gpu_settings
from runs import REPOSITORY, TINY, model_table, tiny
from safetensors import safe_open

from stereocodec.training.checkpoint import load_run
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import central, load_photos
from stereocodec.training.pairs.data import load_pairs

TOOLS = REPOSITORY / "tools"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("setsid") is None, reason="the script is for Linux")]

RECIPE = f"""
crop_height = 64
crop_width = 64
photo_share = 0.3
warmup_steps = 2
ema_decay = 0.9
validation_scenes = ["validation"]
optimiser = "muon"

{model_table(TINY)}"""
ABSENT = ("constriction", "compressai", "huggingface_hub", "matplotlib", "tensorboard", "tomli", "imagecodecs")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def packed(pictures, recipe, tmp_path_factory):
    """The folder that the tool makes of three pairs and a photograph."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "photos").mkdir()
    shutil.copy(REPOSITORY / "docs" / "sample" / "left.png", folder / "photos" / "room.png")
    done = tool(pack_training_data.main, "--pairs", pictures, "--photos", folder / "photos", "-o", folder / "data",
                "--mib", "0.25", "--recipe", recipe)  # fmt: skip
    assert done.output.splitlines()[0].startswith("1 validation pairs, 0.0 megapixels a view, ")
    return folder / "data"


def tool(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_all_scenes_are_packed_small_and_validation_as_it_is(packed, pictures):
    assert sum(path.stat().st_size for path in packed.rglob("*.webp")) < 0.25 * 2**20
    before, pairs = ({pair.name: pair for pair in load_pairs([folder])} for folder in (pictures, packed / "pairs"))
    assert pairs.keys() == before.keys() == {"training-a", "training-b", "validation"}
    assert torch.equal(pairs["validation"].stacked(), central(before["validation"], 768).stacked())
    for name in ("training-a", "training-b"):
        (height, width), whole = pairs[name].size, before[name].size
        assert 64 <= height <= 0.7 * whole[0] + 1
        assert 64 <= width <= 0.7 * whole[1] + 1
    (photo,) = load_photos([packed / "photos"])
    assert photo.name == "room"
    assert photo.pixels.shape[0] >= 64
    assert photo.pixels.shape[1] >= 128


def test_settings_of_a_recipe_are_read_again(tmp_path):
    for config in (TrainingConfig.recipe("bisic-rt"), tiny()):
        settings = gpu_settings(config, 64, 2.0, True)
        (tmp_path / "settings.toml").write_text(as_toml(settings))
        assert TrainingConfig.from_toml(tmp_path / "settings.toml") == settings
        assert (settings.batch_size, settings.learning_rate) == (64, 2 * config.learning_rate)


def test_weights_come_back_in_small_files_and_are_a_run_again(finished, tmp_path):
    tool(averaged_weights.main, "save", finished.folder, tmp_path / "out", "--mib", "0.1")
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) > 1
    assert all(file.stat().st_size < 0.13 * 2**20 for file in files)
    tool(averaged_weights.main, "join", tmp_path / "out", tmp_path / "run")
    config, model, progress = load_run(tmp_path / "run")
    assert (config, progress["step"]) == (finished.config, 44)
    for name, value in model.state_dict().items():
        expected = finished.average.tensors[name]
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-6)
        assert value.ndim >= 2 or torch.equal(value, expected)
    files[0].unlink()
    failed = tool(averaged_weights.main, "join", tmp_path / "out", tmp_path / "other")
    assert failed.exit_code == 1
    assert "does not hold all files of one run" in failed.output


@pytest.fixture
def script(packed, recipe, tmp_path):
    """Runs a phase where neither this package nor what it can do without is installed."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ABSENT:
        (stubs / f"{name}.py").write_text(f"raise ImportError('no {name} here')\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # without the links of editable installs
    python.chmod(0o755)
    environment = os.environ | {
        "PYTHONPATH": f"{stubs}:{Path(np.__file__).parent.parent}",
        "PYTHON": str(python),
        "DATA": str(packed),
        "RUN": str(tmp_path / "runs" / "gpu"),
        "OUT": str(tmp_path / "out"),
        "DEVICE": "auto",
        "WORKERS": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }

    def run(*arguments):
        command = ["bash", str(TOOLS / "train_on_gpu.sh"), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    yield run
    run("stop")


def test_probe_start_and_poll(script, recipe, tmp_path):
    status, said = script("probe", "--recipe", recipe, "--batches", "1,2", "--seconds", "0.2")
    assert status == 0, said
    first, *lines = said.splitlines()
    assert first.startswith("3 pairs and 1 photographs loaded in ")
    assert [line.split(":")[0] for line in lines] == ["batch 1", "batch 2"]
    assert all(" crop pairs/s, " in line and ", loss " in line for line in lines)

    status, said = script("start", "--recipe", recipe, "--batch", "2", "--minutes", "0.05")
    assert status == 0, said
    status, said = script("poll", "--wait", "60")
    assert status == 0, said
    assert said.startswith("not running\n")
    assert "validation at step " in said
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    # A row is logged every 20 steps, for which a busy machine may find no time here.
    assert names - {"train.csv"} == {"averaged-1.safetensors", "run.log", "validation.csv"}
    with safe_open(out / "averaged-1.safetensors", framework="pt") as file:
        assert file.get_tensor("ema/analysis.head.weight").dtype == torch.float16
    with (out / "validation.csv").open(newline="") as file:
        assert int(list(csv.DictReader(file))[-1]["step"]) >= 3
    assert load_run(tmp_path / "runs" / "gpu")[2]["step"] >= 3

    status, said = script("sart")
    assert (status, said) == (1, "train_on_gpu: unknown phase sart; use probe, start, poll, status or stop\n")
