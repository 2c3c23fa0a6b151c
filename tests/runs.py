"""What the tests of training share: pairs cut out of the sample pair, and small runs."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from stereocodec.training.config import TrainingConfig
from stereocodec.training.export import export_run
from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.data import load_pairs

REPOSITORY = Path(__file__).parent.parent
TINY = {
    "channels8": 16,
    "channels16": 16,
    "latent_channels": 16,
    "entropy_channels": 16,
    "hyper_channels": 4,
    "blocks8": 1,
    "blocks16": 1,
    "smoothing": True,
    "bounded": True,
}
BOXES = {"training-a": (0, 0, 256, 192), "training-b": (480, 256, 736, 448), "validation": (320, 320, 512, 448)}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of three pairs, cut out of the sample pair."""
    folder = tmp_path_factory.mktemp("pairs")
    for view in ("left", "right"):
        with Image.open(REPOSITORY / "docs" / "sample" / f"{view}.png") as image:
            for name, box in BOXES.items():
                image.crop(box).save(folder / f"{name}_{view}.png")
    return folder


@pytest.fixture(scope="session")
def pairs(pictures):
    return load_pairs([pictures])


@contextlib.contextmanager
def single_threaded():
    """Bit-exact repetition needs a constant number of threads, and tiny networks are fastest with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def one_thread():
    with single_threaded():
        yield


@pytest.fixture(scope="session")
def finished(pairs, tmp_path_factory):
    """The folder of a finished run, and the trainer."""
    settings = tiny(steps=44, validate_every=22, checkpoint_every=20, validation_scenes=("validation",))
    trainer = Trainer(settings, pairs, tmp_path_factory.mktemp("runs") / "finished", report=lambda line: None)
    with single_threaded():
        trainer.run()
    return trainer


@pytest.fixture(scope="session")
def release(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases") / "mine"
    export_run(finished.folder, folder, name="mine", data="Cut out of a rendered pair.")
    return folder


def tiny(**changes):
    settings = {"model": TINY, "crop_height": 64, "crop_width": 64, "batch_size": 2, "steps": 6, "warmup_steps": 2}
    return TrainingConfig(**settings | {"decay_steps": 2, "learning_rate": 5e-3, "ema_decay": 0.9} | changes)


def ten_pairs(folder, left="pair-{}_left.png", right="pair-{}_right.png", size=(64, 64)):
    """A folder of ten pairs of noise, under names in a layout."""
    generator = np.random.default_rng(0)
    for number in range(10):
        for name in (left, right):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return folder


def model_table(model):
    """The lines of a settings file for its [model]."""
    return "\n".join(["[model]", *(f"{name} = {json.dumps(value)}" for name, value in model.items()), ""])


def assigned(settings, model):
    """Options of `bisic train` for settings and those of the model."""
    named = settings | {f"model.{name}": value for name, value in model.items()}
    return [word for name, value in named.items() for word in ("--set", f"{name}={json.dumps(value)}")]


def trained(pairs, folder, steps, *, resume=False, init=None, **changes):
    """A trainer that has made some steps and written a checkpoint."""
    trainer = Trainer(tiny(**changes), pairs, folder, resume=resume, init=init, report=lambda line: None)
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
    states = [optimiser.state_dict()["state"] for optimiser in trainer.optimisation.main]
    moments = [state[index][key] for state in states for index in sorted(state) for key in sorted(state[index])]
    weights = [*trainer.model.state_dict().values(), *trainer.average.tensors.values()]
    return [tensor.detach().clone() for tensor in (*weights, *moments)]


def same(first, second):
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
