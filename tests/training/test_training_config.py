"""Settings of training: what is read and what is refused."""

from __future__ import annotations

import pytest

from stereocodec.errors import InvalidInput, TrainingError
from stereocodec.models import ARCHITECTURES
from stereocodec.training.config import TrainingConfig

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_heigth": 128}, "unknown setting 'crop_heigth'; known are: arch, augmentation, auxiliary_learning_rate"),
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
        ({"precision": "float16"}, "unknown precision 'float16'; use 'float32' or 'bfloat16' or 'auto'"),
        ({"loss": "l1"}, "unknown loss 'l1'; use 'mse' or 'ms-ssim'"),
        ({"schedule": "step"}, "unknown schedule 'step'; use 'stable' or 'cosine'"),
        ({"compile": 1}, "compile is 1; it must be true or false"),
        ({"gradient_clip": True}, "gradient_clip is True; it must be a number"),
        ({"photo_share": -0.1}, "photo_share and pattern_share must not be negative"),
        ({"photo_share": 0.6, "pattern_share": 0.5}, "nor more than 1 together"),
        ({"rescale_share": -0.1}, "rescale_share must be at least 0 and at most 1"),
        ({"colour_share": 1.5}, "colour_share must be at least 0 and at most 1"),
        ({"validation_scenes": "aloe"}, "validation_scenes is 'aloe'; it must be a list of texts"),
        ({"validation_scenes": ["aloe", 1]}, "it must be a list of texts"),
        ({"depth_loss": "l1"}, "unknown depth_loss 'l1'; use 'mse' or 'structure'"),
        ({"depth_mode": "log"}, "unknown depth_mode 'log'"),
        ({"depth_range": [3, 1]}, "depth_range must be empty, or the least and the greatest depth in metres"),
        ({"depth_range": [1]}, "depth_range must be empty"),
        ({"depth_range": [0, float("inf")]}, "it must be a list of numbers"),
        ({"depth_unit": 0.001}, "depth_unit is 0.001; it must be a text"),
        ({"auxiliary_learning_rate": -1}, "auxiliary_learning_rate must not be negative"),
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


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_every_architecture_has_a_recipe(arch):
    settings = TrainingConfig.recipe(arch)
    assert settings.arch == arch
    config_class = ARCHITECTURES[arch].config
    assert vars(config_class(**settings.model)) | dict(settings.model) == vars(config_class(**settings.model))


def test_other_architectures_have_none():
    with pytest.raises(TrainingError, match=r"known are: bisic, bisic-fast, bisic-rt, ecsic, rgbd$"):
        TrainingConfig.recipe("jpeg")


def test_milestones_lower_the_learning_rate():
    settings = TrainingConfig(schedule="milestones", milestones=(10, 20), milestone_factor=0.5, warmup_steps=0)
    assert [settings.rate_at(step) for step in (0, 9, 10, 19, 20, 99)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), (b"steps = = 3", "is not a TOML file"), (b"\xff\xfe", "is not a TOML")],
)
def test_a_file_without_settings_is_refused(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        TrainingConfig.from_toml(path)


def test_the_learning_rate_rises_stays_and_falls():
    settings = TrainingConfig(steps=100, warmup_steps=4, decay_steps=20)
    assert [settings.rate_at(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert settings.rate_at(80) == 1
    assert [settings.rate_at(step) for step in (90, 99, 100, 101)] == [0.5, 0.05, 0, 0]


def test_a_schedule_without_rise_and_fall_is_constant():
    settings = TrainingConfig(steps=10, warmup_steps=0, decay_steps=0)
    assert {settings.rate_at(step) for step in range(10)} == {1.0}


def test_the_cosine_falls_to_zero_after_the_rise():
    settings = TrainingConfig(steps=104, warmup_steps=4, schedule="cosine", decay_steps=50)
    assert [settings.rate_at(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert settings.rate_at(29) == pytest.approx(0.5 + 0.5**1.5)  # (1 + cos 45 degrees) / 2
    assert settings.rate_at(54) == pytest.approx(0.5)
    rates = [settings.rate_at(step) for step in range(4, 105)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == settings.rate_at(200) == pytest.approx(0)
