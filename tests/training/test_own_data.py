"""Training on people's own data: what is held out, what is told, how a run is stopped and what comes next."""

from __future__ import annotations

import dataclasses
import json
import signal
from dataclasses import dataclass

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from rgbd_frames import SMALL as SMALL_RGBD
from rgbd_frames import frame
from runs import TINY, assigned, checkpoint_of, ten_pairs, tiny, trained
from stereocodec_cli.main import bisic

from stereocodec.errors import InvalidInput, TrainingError
from stereocodec.releases.folders import summary
from stereocodec.training.config import TrainingConfig
from stereocodec.training.export import export_run
from stereocodec.training.held_out import chosen_scenes, told, with_held_out
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.data import Pair
from stereocodec.training.progress import Pace
from stereocodec.training.random_crops import large_enough

pytestmark = pytest.mark.usefixtures("one_thread")

NARROW = {"channels": 16, "slices": 2, "parameter_widths": [24, 16, 12], "context_widths": [16, 16, 16]}
SMALL = {
    "bisic-rt": TINY,
    "bisic": NARROW | {"residual_widths": [16, 16, 8]},
    "bisic-fast": NARROW | {"residual_widths": [16, 16, 8]},
    "ecsic": {"channels": 16, "latent_channels": 4},
    "rgbd": dataclasses.asdict(SMALL_RGBD) | {"color_lambda": 0.02, "depth_lambda": 0.02},
}
CROPS = {"rgbd": 128}
LAYOUTS = {
    "beside": ("pair-{}_left.png", "pair-{}_right.png"),
    "instereo2k": ("train/{}/left.png", "train/{}/right.png"),
    "cityscapes": ("leftImg8bit/a/b/{}_leftImg8bit.png", "rightImg8bit/a/b/{}_rightImg8bit.png"),
    "kitti": ("training/image_2/{}_10.png", "training/image_3/{}_10.png"),
    "middlebury": ("{}/im0.png", "{}/im1.png"),
}


@dataclass(frozen=True)
class Sized:
    name: str
    size: tuple[int, int] = (128, 384)


@pytest.fixture
def command():
    """Runs the command in this process; what `train` sets for its own is taken back."""
    yield lambda *arguments: CliRunner().invoke(bisic, list(map(str, arguments)))
    torch.set_flush_denormal(False)


def options(arch="bisic-rt", **settings):
    """A recipe with small networks, small crops and few steps."""
    side = CROPS.get(arch, 64)
    small = {"crop_height": side, "crop_width": side, "batch_size": 1, "steps": 1} | settings
    return ["--arch", arch, *assigned(small, SMALL[arch]), "--device", "cpu"]


def test_a_share_of_the_data_is_held_out_the_same_each_time():
    examples = [Sized(f"scene-{number:02}") for number in range(40)]
    chosen = chosen_scenes(examples, 0.1, (128, 384))
    assert chosen == ("scene-05", "scene-15", "scene-25", "scene-35")
    assert chosen_scenes(examples[::-1], 0.1, (128, 384)) == chosen
    assert len(chosen_scenes(examples, 0.5, (128, 384))) == 8
    assert len(chosen_scenes(examples[:5], 0.1, (128, 384))) == 1
    assert chosen_scenes(examples[:4], 0.1, (128, 384)) == chosen_scenes(examples, 0, (128, 384)) == ()
    assert chosen_scenes(examples, 0.1, (128, 385)) == ()


def test_a_held_out_name_never_stands_for_other_scenes_as_well():
    names = [str(number) for number in range(1, 21)]
    chosen = chosen_scenes([Sized(name) for name in names], 0.4, (64, 64))
    assert len(chosen) == 8
    assert [[name for name in names if name.startswith(scene)] for scene in chosen] == [[scene] for scene in chosen]


def test_scenes_that_are_named_are_held_out_and_a_run_that_goes_on_keeps_its_own(pairs, tmp_path):
    examples = [Sized(f"{number}-x") for number in range(10)]
    assert with_held_out(tiny(validation_scenes=("3",)), examples, 64, None).validation_scenes == ("3",)
    assert with_held_out(tiny(), examples, 64, None).validation_scenes == ("5-x",)
    trained(pairs, tmp_path / "named", 1, validation_scenes=("validation",))
    trained(pairs, tmp_path / "none", 1)
    more = [*examples, Sized("validation")]
    assert with_held_out(tiny(), more, 64, tmp_path / "named").validation_scenes == ("validation",)
    assert with_held_out(tiny(), examples, 64, tmp_path / "named").validation_scenes == ("5-x",)  # of other data
    for name, kept in (("named", ("validation",)), ("none", ())):
        resumed = trained(pairs, tmp_path / name, 1, resume=True)
        assert resumed.config.validation_scenes == kept  # and none, where it has learned from all
        assert json.loads((tmp_path / name / "config.json").read_text())["validation_scenes"] == list(kept)


def test_what_is_trained_on_and_what_is_held_out_is_one_line():
    kept = [Sized("a"), Sized("b"), Sized("small", (127, 384))]
    assert told("pairs", kept, [Sized("c"), Sized("d")], (128, 384)) == (
        "pairs to train on: 2 (1 more are smaller than a crop of 384x128); held out for validation: c, d"
    )
    assert told("pairs", kept[:2], [], (128, 384)) == "pairs to train on: 2; held out for validation: none"
    assert told("pairs", kept[:2], [Sized(str(n)) for n in range(11)], (128, 384)).endswith("6, 7 and 3 more")


def test_settings_are_changed_one_by_one():
    recipe = TrainingConfig.recipe("bisic-rt")
    lines = ["steps=500", "learning_rate = 1e-3", "loss=ms-ssim", "compile=true", 'validation_scenes=["a"]']
    changed = recipe.changed([*lines, "model.channels8=64", "model.blocks8=1"])
    assert changed == dataclasses.replace(
        recipe, steps=500, learning_rate=1e-3, loss="ms-ssim", compile=True, validation_scenes=("a",),
        model=recipe.model | {"channels8": 64, "blocks8": 1},
    )  # fmt: skip
    assert recipe.changed([]) == recipe


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("steps", "'steps' is no setting: write NAME=VALUE, such as steps=5000"),
        ("steps=", "is no setting"),
        ("=5", "is no setting"),
        ("steps=many", "steps is 'many'; it must be a whole number"),
        ("stepz=5", "unknown setting 'stepz'"),
        ("steps=0", "steps must be at least 1"),
        ("validation_share=1", "validation_share must be at least 0 and below 1"),
    ],
)
def test_impossible_changes_are_named(line, message):
    with pytest.raises(TrainingError, match=message):
        TrainingConfig().changed([line])


def test_pictures_below_the_size_of_a_crop_tell_the_largest_crop_that_fits():
    sizes = [Sized("a", (100, 700)), Sized("b", (240, 320))]
    with pytest.raises(TrainingError, match=r"crop of 1024x256: .* --set crop_height=192 --set crop_width=320$"):
        large_enough(sizes, (256, 1024), "pair")
    with pytest.raises(TrainingError, match=r"crop of 1024x256: .* --set crop_height=192 --set crop_width=320$"):
        large_enough([*sizes, Sized("c", (64, 1000))], (256, 1024), "pair", 128)
    with pytest.raises(TrainingError, match=r"crop of 64x64: give larger ones, of at least 64x64 pixels$"):
        large_enough([Sized("a", (63, 500))], (64, 64), "pair")


def test_no_recipe_names_scenes_of_anybody():
    for arch in SMALL:
        assert TrainingConfig.recipe(arch).validation_scenes == ()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ten_pairs_in_any_layout_train(layout, command, tmp_path):
    ten_pairs(tmp_path / "data", *LAYOUTS[layout])
    result = command("train", *options(), "--data", tmp_path / "data", "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    photos, told_first, *_, last = result.stderr.splitlines()
    assert photos == "no --photos: the 30% of the recipe's crops that they make are made of pairs"
    (held_out,) = json.loads((tmp_path / "run" / "config.json").read_text())["validation_scenes"]
    assert "5" in held_out
    assert told_first == f"pairs of pictures to train on: 9; held out for validation: {held_out}"
    assert last == f"to make a release: bisic export {tmp_path / 'run'} -o DIR --data {tmp_path / 'data'}"


def test_ten_pairs_of_a_list_train_with_the_scenes_that_are_named(command, tmp_path):
    ten_pairs(tmp_path)
    rows = [f"pair-{number}_left.png,pair-{number}_right.png" for number in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["left,right", *rows]))
    named = ("--validation", "pair-2", "--validation", "pair-7")
    result = command("train", *options(), "--data", tmp_path / "list.csv", *named, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "to train on: 8; held out for validation: pair-2, pair-7\n" in result.stderr
    result = command("train", *options(), "--data", tmp_path, "--validation", "pear", "-o", tmp_path / "other")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "bisic: error: validation scene 'pear' is not in the data; give its folder, or name others",
    )


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["bisic", "bisic-fast", "ecsic", "rgbd"])
def test_every_architecture_trains_on_ten_of_peoples_own(arch, command, tmp_path):
    if arch == "rgbd":
        for number in range(10):
            for kind, picture in zip(("color", "depth"), frame(128, 128), strict=True):
                Image.fromarray(picture).save(tmp_path / f"{number}_{kind}.png")
    else:
        ten_pairs(tmp_path)
    result = command("train", *options(arch), "--data", tmp_path, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "to train on: 9; held out for validation: " in result.stderr
    result = command("export", tmp_path / "run", "-o", tmp_path / "release")
    assert result.exit_code == 0, result.output
    assert summary(tmp_path / "release").licence is None


def test_pictures_smaller_than_the_recipes_crops_are_one_line_with_a_way_out(command, tmp_path):
    ten_pairs(tmp_path, size=(70, 150))
    result = command("train", "--arch", "ecsic", "--data", tmp_path, "-o", tmp_path / "run", "--device", "cpu",
                     *("--set", "model.channels=16", "--set", "model.latent_channels=4"))  # fmt: skip
    assert (result.exit_code, result.output) == (
        1,
        "bisic: error: no pair is as large as a crop of 1024x256: "
        "choose smaller ones with --set crop_height=64 --set crop_width=128\n",
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_keeps_its_last_step_and_goes_on(number, command, tmp_path, monkeypatch):
    ten_pairs(tmp_path / "data")
    step = Trainer.train_step

    def interrupted(self):
        done = step(self)
        if self.step == 4:
            signal.raise_signal(number)
        return done

    monkeypatch.setattr(Trainer, "train_step", interrupted)
    before = [signal.getsignal(found) for found in (signal.SIGINT, signal.SIGTERM)]
    train = ("train", *options(steps=6), "--data", tmp_path / "data", "-o", tmp_path / "run")
    result = command(*train)
    assert result.exit_code == 128 + number
    estimate, stopped, release = result.stderr.splitlines()[-3:]
    assert estimate.startswith("step 3/6  about 0:0")
    assert estimate.endswith(" h left")
    assert stopped == "stopped at step 4 of 6; to go on: the same command with --resume"
    assert release.startswith(f"to make a release: bisic export {tmp_path / 'run'} -o DIR --data ")
    assert checkpoint_of(tmp_path / "run")[0]["step"] == 4
    assert [signal.getsignal(found) for found in (signal.SIGINT, signal.SIGTERM)] == before
    result = command(*train, "--resume")
    assert result.exit_code == 0, result.output
    assert checkpoint_of(tmp_path / "run")[0]["step"] == 6


def test_a_second_ctrl_c_stops_at_once(command, tmp_path, monkeypatch):
    ten_pairs(tmp_path / "data")

    def impatient(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "train_step", impatient)
    result = command("train", *options(), "--data", tmp_path / "data", "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (130, "bisic: interrupted")


def test_the_time_left_of_a_run_in_parts_is_that_of_all(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("stereocodec.training.progress.time.monotonic", lambda: now[0])
    pace = Pace(10**7, 1.5, minutes_after=8.5)
    with pace.step():
        now[0] += 30
    assert pace.seconds_left() == 570


def test_a_card_names_the_licence_that_was_given_and_no_other(command, pairs, tmp_path):
    trained(pairs, tmp_path / "run", 1)
    result = command("export", tmp_path / "run", "-o", tmp_path / "bare")
    card = tmp_path / "bare" / "README.md"
    missing = f"{card} lacks what --licence and --trained-on would say: write it there\n"
    assert (result.exit_code, result.stderr) == (0, missing)
    assert summary(tmp_path / "bare").licence is None
    assert "license" not in card.read_text()
    assert "| data | not told |" in card.read_text()
    told_all = ("--licence", "cc-by-4.0", "--trained-on", "My garden.")
    result = command("export", tmp_path / "run", "-o", tmp_path / "whole", *told_all)
    assert (result.exit_code, result.stderr) == (0, "")
    assert summary(tmp_path / "whole").licence == "cc-by-4.0"
    assert "| data | My garden. |" in (tmp_path / "whole" / "README.md").read_text()


@pytest.mark.parametrize("wrong", ["", "mit\ntags: [x]", "two words", "- a"])
def test_what_is_no_licence_is_refused_before_anything_is_written(wrong, tmp_path):
    with pytest.raises(InvalidInput, match="is not the name of a licence: write one word, such as mit"):
        export_run(tmp_path / "run", tmp_path / "release", name="a", licence=wrong)
    assert not (tmp_path / "release").exists()


def test_a_run_with_settings_of_its_own_needs_the_photographs_that_it_asks_for(command, tmp_path):
    ten_pairs(tmp_path / "data")
    (tmp_path / "settings.toml").write_text("photo_share = 0.5\ncrop_height = 64\ncrop_width = 64\n")
    result = command("train", tmp_path / "settings.toml", "--data", tmp_path / "data", "-o", tmp_path / "run")
    assert (result.exit_code, result.output) == (
        1, "bisic: error: photo_share is 0.5, but there are no photographs: give --photos, or --set photo_share=0\n",
    )  # fmt: skip


def test_held_out_pairs_are_none_that_is_trained_on(tmp_path):
    pairs = [Pair(f"p{n}", torch.full((64, 64, 6), n, dtype=torch.uint8)) for n in range(10)]
    trainer = Trainer(tiny(), pairs, tmp_path, report=lambda line: None)
    (held_out,) = trainer.validation_examples
    shades = {round(float(shade) * 255) for shade in trainer.sampler.batch(300)[:, 0, 0, 0]}
    assert shades == set(range(10)) - {int(held_out.name[1:])}
