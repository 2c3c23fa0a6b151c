"""Training: settings, data, the loop and its checkpoints, export, and the commands around them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from stereocodec_cli.main import bisic

from stereocodec import StereoCodec
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.streams import StreamWriter
from stereocodec.errors import InvalidInput, OutputError, TrainingError
from stereocodec.models import build_model
from stereocodec.releases import load_release
from stereocodec.training import checkpoint, loop
from stereocodec.training.config import TrainingConfig
from stereocodec.training.data import CropSampler, Pair, find_pairs, load_pairs, split_validation
from stereocodec.training.export import export_run
from stereocodec.training.loop import Trainer
from stereocodec.training.losses import rate_and_distortion, rate_distortion_loss

REPOSITORY = Path(__file__).parent.parent
TINY = {"channels8": 16, "channels16": 16, "latent_channels": 16, "hyper_channels": 4, "blocks8": 1, "blocks16": 1}
BOXES = {"training-a": (0, 0, 256, 192), "training-b": (480, 256, 736, 448), "validation": (320, 320, 512, 448)}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of three pairs, cut out of the sample pair."""
    folder = tmp_path_factory.mktemp("pairs")
    for view in ("left", "right"):
        with Image.open(REPOSITORY / "docs" / "sample" / f"{view}.png") as image:
            for name, box in BOXES.items():
                image.crop(box).save(folder / f"{name}_{view}.png")
    return folder


@pytest.fixture(scope="module")
def pairs(pictures):
    return load_pairs([pictures])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Bit-exact repetition needs a constant number of threads, and tiny networks are fastest with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def finished(pairs, tmp_path_factory):
    """The folder of a finished run, and the trainer."""
    settings = tiny(steps=44, validate_every=22, checkpoint_every=20, validation_scenes=("validation",))
    trainer = Trainer(settings, pairs, tmp_path_factory.mktemp("runs") / "finished", report=lambda line: None)
    trainer.run()
    return trainer


@pytest.fixture(scope="module")
def release(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases") / "mine"
    export_run(finished.folder, folder, name="mine", data="Cut out of a rendered pair.")
    return folder


def tiny(**changes):
    settings = {"model": TINY, "crop_height": 64, "crop_width": 64, "batch_size": 2, "steps": 6, "warmup_steps": 2}
    return TrainingConfig(**settings | {"decay_steps": 2, "learning_rate": 5e-3, "ema_decay": 0.9} | changes)


def trained(pairs, folder, steps, *, resume=False, **changes):
    """A trainer that has made some steps and written a checkpoint."""
    trainer = Trainer(tiny(**changes), pairs, folder, resume=resume, report=lambda line: None)
    for _ in range(steps):
        trainer.train_step()
    trainer.save()
    return trainer


def checkpoint_of(folder):
    with safe_open(folder / "checkpoint.safetensors", framework="pt") as file:
        progress = json.loads(file.metadata()["progress"])
        return progress, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def state_of(trainer):
    """Copies of everything that a step may change."""
    states = [optimiser.state_dict()["state"] for optimiser in trainer.optimisers]
    moments = [state[index][key] for state in states for index in sorted(state) for key in sorted(state[index])]
    return [t.detach().clone() for t in (*trainer.model.state_dict().values(), *trainer.ema.values(), *moments)]


def same(first, second):
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_heigth": 128}, "unknown setting 'crop_heigth'; known are: arch, batch_size"),
        ({"crop_height": 96}, "crop_height is 96; it must be a positive multiple of 64"),
        ({"crop_width": 0}, "crop_width is 0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": 2.5}, "batch_size is 2.5; it must be a whole number"),
        ({"steps": True}, "steps is True; it must be a whole number"),
        ({"seed": -1}, "seed must not be negative"),
        ({"decay_steps": -1}, "decay_steps must not be negative"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it must be a number"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"gradient_clip": -1}, "gradient_clip must be above 0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1"),
        ({"optimiser": "sgd"}, "unknown optimiser 'sgd'"),
        ({"precision": "float16"}, "unknown precision 'float16'"),
        ({"validation_scenes": "aloe"}, "validation_scenes is 'aloe'; it must be a list of texts"),
        ({"validation_scenes": ["aloe", 1]}, "it must be a list of texts"),
        ({"model": [1]}, r"model is \[1\]; it must be a table"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(TrainingError, match=message):
        TrainingConfig.from_dict(settings)


def test_settings_come_from_a_toml_file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('batch_size = 3\nlearning_rate = 1\nvalidation_scenes = ["a"]\n[model]\nchannels8 = 64\n')
    settings = TrainingConfig.from_toml(path)
    assert settings == TrainingConfig(batch_size=3, learning_rate=1, validation_scenes=("a",), model={"channels8": 64})


def test_the_recipes_of_the_repository_are_valid():
    recipes = sorted((REPOSITORY / "configs").glob("*.toml"))
    assert recipes
    for path in recipes:
        settings = TrainingConfig.from_toml(path)
        build_model(settings.arch, settings.model)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), (b"steps = = 3", "is not a TOML file"), (b"\xff\xfe", "is not a TOML")],
)
def test_a_file_without_settings_is_refused(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        TrainingConfig.from_toml(path)


def test_the_learning_rate_rises_stays_and_falls():
    settings = TrainingConfig(steps=100, warmup_steps=4, decay_steps=20)
    assert [settings.rate_at(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert settings.rate_at(80) == 1
    assert [settings.rate_at(step) for step in (90, 99, 100, 101)] == [0.5, 0.05, 0, 0]


def test_a_schedule_without_rise_and_fall_is_constant():
    settings = TrainingConfig(steps=10, warmup_steps=0, decay_steps=0)
    assert {settings.rate_at(step) for step in range(10)} == {1.0}


# Data


def test_pairs_are_found_in_folders_below(tmp_path, pictures):
    deep = tmp_path / "outer" / "inner"
    deep.mkdir(parents=True)
    for view in ("left", "right"):
        (deep / f"a_left.b_{view}.PNG").write_bytes((pictures / f"validation_{view}.png").read_bytes())
        (deep / f"notes_{view}.txt").touch()
    (pair,) = load_pairs([tmp_path])
    assert pair.views.shape == (128, 192, 6)
    assert pair.stacked().shape == (2, 128, 192, 3)
    with Image.open(pictures / "validation_right.png") as right:
        assert np.array_equal(pair.stacked()[1].numpy(), np.asarray(right))


def test_names_of_pairs_are_their_files_without_the_view(pictures):
    assert [name for name, _, _ in find_pairs(pictures)] == ["training-a", "training-b", "validation"]


def test_folders_without_complete_pairs_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="nowhere is not a folder"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="no pairs in"):
        find_pairs(tmp_path)
    (tmp_path / "a_left.png").touch()
    with pytest.raises(TrainingError, match=r"a_left.png has no right view beside it; expected a_right.png"):
        find_pairs(tmp_path)


@pytest.mark.parametrize(
    ("right", "error", "message"),
    [
        (Image.new("RGB", (64, 32)), TrainingError, r"a_left.png and a_right.png: left is 64x64, right is 64x32"),
        (Image.new("RGBA", (64, 64)), InvalidInput, r"a_right.png"),
        (None, InvalidInput, r"a_right.png"),
    ],
)
def test_pictures_that_are_no_pair_are_named(tmp_path, right, error, message):
    Image.new("RGB", (64, 64)).save(tmp_path / "a_left.png")
    if right is None:
        (tmp_path / "a_right.png").write_bytes(b"no picture")
    else:
        right.save(tmp_path / "a_right.png")
    with pytest.raises(error, match=message):
        load_pairs([tmp_path])


def test_scenes_are_held_out_by_the_beginning_of_their_names(pairs):
    kept, held_out = split_validation(pairs, ["validation"])
    assert [p.name for p in kept] == ["training-a", "training-b"]
    assert [p.name for p in held_out] == ["validation"]
    assert split_validation(pairs, []) == (pairs, [])


@pytest.mark.parametrize(
    ("scenes", "message"),
    [
        (["validation", "gone"], "validation scene 'gone' is not in the data"),
        (["training", "validation"], "nothing is left to train on"),
        (["small"], "'small' is too small for validation"),
    ],
)
def test_impossible_validation_scenes_are_named(pairs, scenes, message):
    small = Pair("small", torch.zeros(63, 64, 6, dtype=torch.uint8))
    with pytest.raises(TrainingError, match=message):
        split_validation([*pairs, small] if scenes == ["small"] else pairs, scenes)


def test_mirrored_crops_keep_the_sign_of_the_disparity():
    # What lies at x in the left view lies at x - 9 in the right one. Green tells the row, blue the column.
    disparity, height, width = 9, 100, 200
    scene = np.random.default_rng(0).integers(0, 256, (height, width + disparity, 3), dtype=np.uint8)
    scene[..., 1] = np.arange(height)[:, None]
    scene[..., 2] = np.arange(width + disparity)
    views = np.concatenate([scene[:, :width], scene[:, disparity:]], -1)
    sampler = CropSampler([Pair("a", torch.from_numpy(views))], 64, 128, torch.device("cpu"), seed=1)
    batch = sampler.batch(40)
    assert batch.shape == (80, 64, 128, 3)
    assert batch.dtype == torch.float32
    left, right = batch.chunk(2)
    assert torch.equal(left[:, :, disparity:], right[:, :, :-disparity])
    rows_rise = left[:, 1, 0, 1] > left[:, 0, 0, 1]
    columns_rise = left[:, 0, 1, 2] > left[:, 0, 0, 2]
    orientations = set(zip(rows_rise.tolist(), columns_rise.tolist(), strict=True))
    assert len(orientations) == 4


def test_crops_repeat_with_their_seed_and_cover_the_range_of_pixels(pairs):
    def batch(seed):
        return CropSampler(pairs, 64, 64, torch.device("cpu"), seed).batch(4)

    assert torch.equal(batch(3), batch(3))
    assert not torch.equal(batch(3), batch(4))
    white = Pair("white", torch.full((64, 64, 6), 255, dtype=torch.uint8))
    assert torch.equal(CropSampler([white], 64, 64, torch.device("cpu"), 0).batch(1), torch.ones(2, 64, 64, 3))


def test_pairs_are_drawn_in_proportion_to_the_root_of_their_area():
    pairs = [Pair(str(side), torch.full((side, side, 6), side, dtype=torch.uint8)) for side in (63, 64, 128)]
    left, _ = CropSampler(pairs, 64, 64, torch.device("cpu"), 0).batch(300).chunk(2)
    sides = (left[:, 0, 0, 0] * 255).round()
    assert set(sides.tolist()) == {64, 128}  # the smallest does not hold a crop
    assert (sides == 128).float().mean() == pytest.approx(2 / 3, abs=0.08)


def test_pairs_below_the_size_of_a_crop_are_refused(pairs):
    with pytest.raises(TrainingError, match="no pair is as large as a crop of 320x64; use smaller crops"):
        CropSampler(pairs, 64, 320, torch.device("cpu"), 0)


# The loop


def test_the_loss_falls(finished, pairs):
    def loss(model):
        """Over a fixed crop of a scene that was not trained on, at two qualities, without noise."""
        x = pairs[2].stacked()[:, :128, :192].float() / 255
        with torch.no_grad():
            qualities = [torch.full((2,), value) for value in (0.2, 0.8)]
            points = [rate_and_distortion(model, x, quality, noise=False) for quality in qualities]
            losses = [rate_distortion_loss(model.config, *p, q) for p, q in zip(points, qualities, strict=True)]
        return torch.stack(losses).mean().item()

    torch.manual_seed(0)
    start = build_model("bisic-rt", TINY)
    start.calibrate(torch.cat([pair.stacked()[:, :192, :256].float() / 255 for pair in pairs[:2]]))
    assert loss(finished.averaged()) < 0.9 * loss(start)


def test_a_run_logs_its_progress(finished):
    logged = rows_of(finished.folder / "train.csv")
    assert [(row["step"], row["crop_pairs"]) for row in logged] == [("20", "40"), ("40", "80")]
    assert all(np.isfinite([float(value) for value in row.values()]).all() for row in logged)
    validated = rows_of(finished.folder / "validation.csv")
    assert [row["step"] for row in validated] == ["22"] * 5 + ["44"] * 5
    for rows in (validated[:5], validated[5:]):
        assert [float(row["quality"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
        rates = [float(row["bpp"]) for row in rows]
        assert rates == sorted(set(rates))
        assert all(10 < float(row["psnr"]) < 60 for row in rows)
    progress, _ = checkpoint_of(finished.folder)
    assert progress["step"] == 44


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(pairs, tmp_path, optimiser):
    trained(pairs, tmp_path / "whole", 6, optimiser=optimiser)
    trained(pairs, tmp_path / "parts", 3, optimiser=optimiser)
    torch.manual_seed(99)
    resumed = trained(pairs, tmp_path / "parts", 3, optimiser=optimiser, resume=True)
    assert resumed.step == 6
    (progress, tensors), (other_progress, other) = (checkpoint_of(tmp_path / name) for name in ("whole", "parts"))
    assert progress | {"seconds": 0} == other_progress | {"seconds": 0}
    assert sorted(tensors) == sorted(other)
    assert [name for name in tensors if not torch.equal(tensors[name], other[name])] == []
    moments = [name for name in tensors if name.startswith("optimiser/")]
    assert moments
    assert any(tensors[name].any() for name in moments)


@pytest.mark.parametrize("at", ["write", "rename"])
def test_a_run_killed_while_it_saves_goes_on_from_the_checkpoint_before(pairs, tmp_path, monkeypatch, at):
    trainer = trained(pairs, tmp_path, 2)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    trainer.train_step()

    def killed_writing(tensors, path, metadata):
        Path(path).write_bytes(before[: len(before) // 2])
        raise KeyboardInterrupt

    def killed_renaming(source, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if at == "write":
            patch.setattr(checkpoint, "save_file", killed_writing)
        else:
            patch.setattr(os, "replace", killed_renaming)
        with pytest.raises(KeyboardInterrupt):
            trainer.save()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    resumed = trained(pairs, tmp_path, 1, resume=True)
    assert resumed.step == 3
    assert same(state_of(resumed), state_of(trainer))


def test_a_run_is_not_overwritten(pairs, tmp_path):
    trained(pairs, tmp_path, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="already holds a run; add --resume, or choose another folder"):
        Trainer(tiny(), pairs, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_is_resumed_where_there_is_no_run(pairs, tmp_path):
    with pytest.raises(TrainingError, match="holds no run to resume"):
        Trainer(tiny(), pairs, tmp_path, resume=True)
    trained(pairs, tmp_path, 1)
    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match="is not a checkpoint of this configuration"):
        Trainer(tiny(), pairs, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("setting", "value"), [("optimiser", "muon"), ("model", TINY | {"channels8": 24}), ("model", {})]
)
def test_a_run_is_not_resumed_with_other_networks_or_optimisers(pairs, tmp_path, setting, value):
    trained(pairs, tmp_path, 1)
    with pytest.raises(TrainingError, match=f"holds a run with another '{setting}'"):
        Trainer(tiny(**{setting: value}), pairs, tmp_path, resume=True)


def test_a_run_can_be_prolonged(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    resumed = Trainer(tiny(steps=9), pairs, tmp_path, resume=True, report=lambda line: None)
    resumed.run()
    assert resumed.step == 9
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 9


def test_logs_follow_the_checkpoint_and_not_the_killed_run(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    (tmp_path / "train.csv").write_bytes(b"step,loss\r\n1,3\r\n2,2\r\n3,1\r\n")
    (tmp_path / "validation.csv").write_bytes(b"step,quality\r\n3,0\r\n")
    Trainer(tiny(), pairs, tmp_path, resume=True)
    assert (tmp_path / "train.csv").read_bytes() == b"step,loss\r\n1,3\r\n2,2\r\n"
    assert (tmp_path / "validation.csv").read_bytes() == b"step,quality\r\n"
    (tmp_path / "checkpoint.safetensors").unlink()
    Trainer(tiny(), pairs, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_changes_nothing(pairs, tmp_path, monkeypatch, value):
    trainer = trained(pairs, tmp_path, 2)
    before = state_of(trainer)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "rate_distortion_loss", lambda *args: value * rate_distortion_loss(*args))
        trainer.train_step()
    assert trainer.step == 3
    assert same(state_of(trainer), before)
    trainer.train_step()  # and the next one is as good as ever
    assert not same(state_of(trainer), before)
    assert all(bool(tensor.isfinite().all()) for tensor in state_of(trainer))


def test_the_average_follows_the_weights_faster_at_the_beginning(pairs, tmp_path):
    trainer = Trainer(tiny(ema_decay=0.2), pairs, tmp_path, report=lambda line: None)
    expected = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    for decay in (2 / 11, 0.2):  # min(0.2, (1 + step) / (10 + step)) of the steps 1 and 2
        trainer.train_step()
        expected = {n: decay * expected[n] + (1 - decay) * v for n, v in trainer.model.state_dict().items()}
    for name, value in trainer.averaged().state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert not same(list(trainer.averaged().parameters()), list(trainer.model.parameters()))


def test_bfloat16_trains_too(pairs, tmp_path):
    trainer = Trainer(tiny(precision="bfloat16"), pairs, tmp_path)
    assert all(np.isfinite(list(trainer.train_step().values())))
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}


def test_a_time_limit_leaves_a_checkpoint(pairs, tmp_path):
    Trainer(tiny(steps=1000), pairs, tmp_path, report=lambda line: None).run(max_minutes=1e-9)
    progress, _ = checkpoint_of(tmp_path)
    assert progress["step"] == 1


@pytest.mark.parametrize("changes", [{"arch": "bisic-xl"}, {"model": {"channels": 8}}, {"model": {"channels8": "8"}}])
def test_networks_that_cannot_be_built_are_refused(pairs, tmp_path, changes):
    with pytest.raises(TrainingError):
        Trainer(tiny(**changes), pairs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Export


@pytest.mark.parametrize("quality", [0.3, 0.9])
def test_real_bytes_agree_with_the_estimated_rate(release, pairs, quality):
    exported = load_release(release)
    x = pairs[1].stacked()[:, :192, :256].float() / 255
    qualities, size = torch.full((2,), quality), (192, 256)
    with torch.no_grad():
        y, z = exported.model.latents(x, qualities)
        estimator = RateEstimator(exported.model.entropy.prior, noise=False)
        exported.model.walk(estimator, y, z, qualities, size)
        exported.model.make_exact()
        writer = StreamWriter(exported.lattice, exported.tables)
        exported.model.walk(writer, y.double(), z, qualities.double(), size)
    streams, _ = writer.finish()
    left, right = (8 * (len(streams.z_left) + len(streams.y_left)), 8 * (len(streams.z_right) + len(streams.y_right)))
    assert left > 10_000
    assert [left, right] == pytest.approx(estimator.bits.tolist(), rel=0.02)


def test_a_release_holds_the_averaged_weights(release, finished):
    weights = load_release(release).model.state_dict()
    for name, value in finished.ema.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-5)


def test_the_model_card_says_what_was_done(release, finished):
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "44 of 2 pairs of 64x64 crops (88 crop pairs)" in card
    assert "Cut out of a rendered pair." in card
    last = rows_of(finished.folder / "validation.csv")[-5:]
    lines = [
        f"| {100 * float(row['quality']):.0f} | {float(row['bpp']):.4f} | {float(row['psnr']):.2f} |" for row in last
    ]
    assert "\n".join(lines) in card
    assert load_release(release).training["crop_pairs"] == 88


def test_a_step_that_was_validated_twice_is_one_in_the_card(finished, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for path in finished.folder.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    header, *rows = (run / "validation.csv").read_bytes().splitlines(keepends=True)
    (run / "validation.csv").write_bytes(b"".join([header, *rows, *rows[-5:]]))
    export_run(run, tmp_path / "release", name="a", data="b")
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert card.count("| 25 |") == 1


def test_only_runs_are_exported_and_only_to_new_folders(release, finished, tmp_path):
    with pytest.raises(TrainingError, match="holds no complete training run"):
        export_run(tmp_path, tmp_path / "release", name="a", data="b")
    assert not (tmp_path / "release").exists()
    with pytest.raises(OutputError, match="not empty"):
        export_run(finished.folder, release, name="a", data="b")


# The commands


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
    numbers = "".join(f"{name} = {value}\n" for name, value in TINY.items())
    settings.write_text(f"crop_height = 64\ncrop_width = 64\nbatch_size = 1\nsteps = 20\n[model]\n{numbers}")
    train = ("train", settings, "--data", pictures, "-o", tmp_path / "run", "--device", "cpu", "--threads", "1")
    result = command(*train)
    assert result.exit_code == 0, result.output
    assert result.output == ""  # progress is for terminals; the run's logs have it all
    again = command(*train)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already holds a run; add --resume" in again.stderr
    resumed = command(*train, "--resume", "--quiet")
    assert (resumed.exit_code, resumed.output) == (0, "")

    release = tmp_path / "mine"
    result = command("export", tmp_path / "run", "-o", release, "--trained-on", "a rendered pair")
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


def test_training_needs_neither_constriction_nor_compressai():
    code = (
        "import sys\n"
        "sys.modules['constriction'] = sys.modules['compressai'] = None\n"
        "import stereocodec.training.export, stereocodec.training.loop, stereocodec_cli.export, stereocodec_cli.train\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
