"""From a run to a release, and the commands around both."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from runs import TINY, model_table, trained
from stereocodec_cli.main import bisic

from stereocodec import StereoCodec
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.errors import OutputError, TrainingError
from stereocodec.pictures.rgb import psnr
from stereocodec.releases import release as releases
from stereocodec.releases.release import load_release
from stereocodec.training import export
from stereocodec.training.export import export_run
from stereocodec.training.measure import coded_and_estimated_bytes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.mark.parametrize("quality", [10, 50, 100])
def test_coded_bytes_are_those_that_training_estimates(release, pairs, quality):
    coded, estimated = coded_and_estimated_bytes(
        load_release(release), pairs[1].stacked()[:, :192, :256] / 255, quality
    )
    assert estimated > 500
    assert coded == pytest.approx(estimated, rel=0.005, abs=128)


def test_a_release_holds_the_averaged_weights(release, finished):
    weights = load_release(release).model.state_dict()
    for name, value in finished.average.tensors.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-5)


def test_the_model_card_says_what_was_done(release):
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "| training steps | 44: 88 crop pairs, in the end 2 of 64x64 a step |" in card
    assert "| start | from scratch |" in card
    assert " CPU (" in card
    assert "Cut out of a rendered pair." in card
    assert "Rate and quality were not measured" in card
    training = load_release(release).training
    assert (training["steps"], training["crop_pairs"]) == (44, 88)
    assert "metrics" not in training
    assert not load_release(release).tables.families


def test_the_release_is_measured_by_coding_the_validation_scenes(finished, pairs, tmp_path):
    export_run(finished.folder, tmp_path / "release", name="a", data="b", examples=pairs)
    codec = StereoCodec.from_pretrained(tmp_path / "release", device="cpu")
    metrics = load_release(tmp_path / "release").training["metrics"]
    assert [point["quality"] for point in metrics] == [0, 25, 50, 75, 100]
    views = pairs[2].stacked()  # the only validation scene, not larger than what is measured
    data = codec.compress(*views.numpy(), quality=50)
    decoded = codec.decompress(data, output="numpy")
    point = metrics[2]
    assert point["bytes"] == len(data)
    assert point["bpp"] == pytest.approx(8 * len(data) / (2 * 128 * 192), abs=1e-6)
    assert [point["psnr_left"], point["psnr_right"]] == pytest.approx(
        [psnr(view, other) for view, other in zip(views.numpy(), decoded, strict=True)], abs=1e-5
    )
    assert 0.3 < point["ms_ssim_right"] < 1
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert {"first", "second"} <= load_release(tmp_path / "release").tables.families.keys()
    line = f"| 50 | {len(data):,} | {point['bpp']:.4f} | {point['psnr_left']:.2f}, {point['psnr_right']:.2f} |"
    assert line in card
    assert "(validation)" in card


def test_scenes_that_cannot_be_measured_are_named(finished, pairs, tmp_path):
    with pytest.raises(TrainingError, match="validation scene 'validation' is not in the data"):
        export_run(finished.folder, tmp_path / "release", name="a", data="b", examples=pairs[:2])
    trained(pairs, tmp_path / "run", 1)
    with pytest.raises(TrainingError, match="held out no validation scenes"):
        export_run(tmp_path / "run", tmp_path / "release", name="a", data="b", examples=pairs)
    assert not (tmp_path / "release").exists()


def test_a_release_whose_tables_do_not_fit_its_densities_is_not_written(finished, pairs, tmp_path, monkeypatch):
    def broader(scales, **options):
        return residual_tables(1.3 * scales, **options)

    monkeypatch.setattr(releases, "residual_tables", broader)
    for given in (pairs, ()):
        with pytest.raises(TrainingError, match=r"nothing was written: '.+' at quality .+ takes .+ bytes, and the"):
            export_run(finished.folder, tmp_path / "release", name="a", data="b", examples=given)
    assert not (tmp_path / "release").exists()


def test_tables_are_fitted_to_examples_that_are_not_measured(finished, pairs, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(export, "fitted_tables", lambda release, inputs: given.append(list(inputs)) or release.tables)
    monkeypatch.setattr(export, "check_bytes", lambda release, inputs: None)
    monkeypatch.setattr(export, "measure", lambda kind, release, scenes: [])
    export_run(finished.folder, tmp_path / "with others", name="a", data="b", examples=pairs)
    export_run(finished.folder, tmp_path / "alone", name="a", data="b", examples=pairs[2:])
    export_run(finished.folder, tmp_path / "without", name="a", data="b")
    assert [[x.shape[1:3] for x in inputs] for inputs in given] == [[(192, 256)] * 2, [(128, 192)]]


def test_only_runs_are_exported_and_only_to_new_folders(release, finished, tmp_path):
    with pytest.raises(TrainingError, match="holds no training run"):
        export_run(tmp_path, tmp_path / "release", name="a", data="b")
    assert not (tmp_path / "release").exists()
    with pytest.raises(OutputError, match="not an empty folder"):
        export_run(finished.folder, release, name="a", data="b")


@pytest.fixture
def command():
    """Runs the command in this process; what `train` sets for its own is taken back."""
    runner = CliRunner()

    def run(*arguments):
        return runner.invoke(bisic, [str(a) for a in arguments])

    yield run
    torch.set_flush_denormal(False)


def test_train_export_encode_and_decode(command, pictures, tmp_path):
    settings = tmp_path / "settings.toml"
    lines = "crop_height = 64\ncrop_width = 64\nbatch_size = 1\nsteps = 20\nphoto_share = 0.5\n"
    settings.write_text(f'{lines}validation_scenes = ["validation"]\n{model_table(TINY)}')
    train = ("train", settings, "--data", pictures, "-o", tmp_path / "run", "--device", "cpu", "--threads", "1")
    train += ("--photos", pictures)
    result = command(*train)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    _, estimate, progress, validation, release = (
        result.stderr.splitlines()
    )  # also where there is no terminal, as in the log of nohup
    numbers = r"loss \d+\.\d{4}  \d\.\d{3} bpp \d+\.\d\d dB  \d+\.\d crop pairs/s  0:00 h left"
    assert re.fullmatch(r"step 3/20  about 0:\d\d h left", estimate)
    assert re.fullmatch(f"step 20/20  {numbers}", progress)
    assert release == f"to make a release: bisic export {tmp_path / 'run'} -o DIR --data {pictures}"
    assert validation.startswith("validation at step 20: ")
    again = command(*train)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already holds a run; add --resume" in again.stderr
    resumed = command(*train, "--resume", "--quiet")
    assert (resumed.exit_code, resumed.output) == (0, "")

    release = tmp_path / "mine"
    options = ("--trained-on", "a rendered pair", "--data", pictures)
    result = command("export", tmp_path / "run", "-o", release, *options)
    assert result.exit_code == 0, result.output
    size = sum(path.stat().st_size for path in release.iterdir())
    assert result.stdout == f"{release}: {size:,} bytes\n"

    views = [pictures / f"validation_{view}.png" for view in ("left", "right")]
    result = command("encode", *views, "-o", tmp_path / "pair.bsc", "--model", release, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "quality 50, mine" in result.stdout
    result = command("decode", tmp_path / "pair.bsc", "--model", release, "--device", "cpu")
    assert result.exit_code == 0, result.output
    codec = StereoCodec.from_pretrained(release, device="cpu")
    decoded = codec.decompress((tmp_path / "pair.bsc").read_bytes(), output="numpy")
    for view, pixels in zip(("left", "right"), decoded, strict=True):
        with Image.open(tmp_path / f"pair_{view}.png") as image:
            assert np.array_equal(np.asarray(image), pixels)


def test_wrong_settings_are_one_line(command, pictures, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text("steps = 0\n")
    result = command("train", settings, "--data", pictures, "-o", tmp_path / "run")
    assert (result.exit_code, result.output) == (1, "bisic: error: steps must be at least 1\n")
    assert not (tmp_path / "run").exists()


# Makes a step, validates and writes a checkpoint with nothing but PyTorch, NumPy, Pillow, safetensors and click.
BARE = """
import sys
from pathlib import Path

for absent in ("constriction", "compressai", "huggingface_hub", "tensorboard", "tomli"):
    sys.modules[absent] = None

import torch
from stereocodec.training.config import TrainingConfig
from stereocodec.training.loop import Trainer
from stereocodec.training.kinds import load_examples

torch.set_num_threads(1)
pictures, run = map(Path, sys.argv[1:])
small = {"channels8": 16, "channels16": 16, "latent_channels": 16, "hyper_channels": 4, "blocks8": 1, "blocks16": 1}
config = TrainingConfig(
    model=small, crop_height=64, crop_width=64, batch_size=1, steps=1, optimiser="muon", precision="auto",
    validation_scenes=("validation",),
)
trainer = Trainer(config, load_examples(config, [pictures]), run, report=print)
trainer.run()
"""


def test_training_needs_neither_constriction_nor_compressai_nor_the_hub(pictures, tmp_path):
    command = [sys.executable, "-c", BARE, str(pictures), str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\nvalidation at step 1: " in result.stdout
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
    code = (
        "import sys\n"
        "sys.modules['constriction'] = sys.modules['compressai'] = None\n"
        "import stereocodec.training.export, stereocodec_cli.export, stereocodec_cli.train\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
