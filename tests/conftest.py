"""A small model with random weights that is a release like any other, and pictures to code."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image

from stereocodec.codec import StereoCodec
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.models import build_model
from stereocodec.releases.release import coding_tables, save_release

pytest_plugins = ["banded", "batches", "commands", "runs", "hub_machine", "viewer_window"]

REPOSITORY = Path(__file__).parent.parent
SAMPLE = REPOSITORY / "docs" / "sample"
RENDERER = REPOSITORY / "tools" / "renderer"
SHARED = REPOSITORY.parent / "shared"
EVALUATION = SHARED / "data" / "eval"
TINY = {
    "channels8": 24,
    "channels16": 32,
    "latent_channels": 24,
    "entropy_channels": 24,
    "hyper_channels": 8,
    "blocks8": 1,
    "blocks16": 1,
    "smoothing": True,
    "bounded": True,
}


@pytest.fixture(scope="session", autouse=True)
def _signals_of_a_terminal():
    """Those that stop a program do so also where the tests were started by nohup or in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture
def seeded():
    """Random numbers that are the same each time, and no gradients."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        yield


def tiny_model(seed=0):
    """Random everywhere: layers that start at zero would leave means and scales without any context."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = build_model("bisic-rt", TINY)
        for name, parameter in model.named_parameters():
            if not parameter.any() or name == "entropy.outputs.weight":
                parameter.normal_(std=0.05 if name.startswith("entropy") else 0.005)
        pair = np.stack(sample_crop(128, 128))
        model.calibrate(torch.from_numpy(pair).float() / 255)
    return model


def save_untrained(folder, name, architecture, model, *, tables=None, lattice=None, **settings):
    """A release folder of a model that was not trained."""
    lattice = lattice or Lattice()
    save_release(
        folder,
        name=name,
        architecture=architecture,
        model=model,
        tables=tables or coding_tables(model, lattice),
        lattice=lattice,
        training={"steps": 0},
        card=f"# {name}\n",
        **settings,
    )
    return folder


def save_tiny(folder, *, seed=0, model=None, tables=None, lattice=None):
    """A release folder of the tiny model, or of what is given in its place."""
    return save_untrained(folder, "tiny", "bisic-rt", model or tiny_model(seed), tables=tables, lattice=lattice)


def edit_config(folder, **changes):
    """Other values of some of a release's settings."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sample_crop(height, width, top=200, left=300):
    """Left and right view, uint8 (height, width, 3), from the sample pair."""
    box = (left, top, left + width, top + height)
    views = (Image.open(SAMPLE / f"{view}.png").convert("RGB").crop(box) for view in ("left", "right"))
    return tuple(np.asarray(view) for view in views)


class GroupCoder:
    """Keeps the groups that it is asked for; rounds nothing and writes nothing."""

    def __init__(self):
        self.groups = []

    def code_prior(self, z, shape, *, views=2):
        return z

    def code_field(self, view, field, size):
        return field

    code_disparities = code_field

    def code(self, y, group):
        self.groups.append(group)
        return torch.where(group.mask, y, 0)


class Seen:
    """Keeps what a writer chose for a group."""

    def see(self, family, symbols, tables):
        self.family, self.symbols, self.tables = family, symbols, tables


def written_and_read(y, group, tables):
    """What a writer decodes of a group, what it chose, and the streams, of which a reader reads the same."""
    seen = Seen()
    writer = StreamWriter(Lattice(), tables, seen)
    decoded = writer.code(y, group)
    streams, guard = writer.finish()
    reader = StreamReader(Lattice(), tables, streams, guard, torch.device("cpu"))
    assert torch.equal(reader.code(None, group), decoded)
    reader.close(writer.checksum)
    return decoded, seen, streams


def image_size(path):
    with Image.open(path) as image:
        return image.size


def one_line(error):
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


@pytest.fixture(scope="session")
def tiny_release(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("releases") / "tiny")


@pytest.fixture(scope="session")
def tiny_codec(tiny_release):
    return StereoCodec.from_pretrained(tiny_release, device="cpu")


@pytest.fixture(scope="session")
def pair():
    return sample_crop(64, 96)


@pytest.fixture(scope="session")
def file(tiny_codec, pair):
    return tiny_codec.compress(*pair, quality=70)


@pytest.fixture
def no_networks(tiny_codec):
    """Any use of a network fails the test."""
    model = type(tiny_codec._coder.model)
    forbidden = mock.Mock(side_effect=AssertionError("a network was run"))
    with mock.patch.multiple(model, walk=forbidden, analyse=forbidden, reconstruct=forbidden):
        yield


@pytest.fixture(scope="session")
def photographs():
    """Paths of a real stereo pair where one is at hand, of the sample pair otherwise."""
    pairs = sorted(EVALUATION.glob("*_left.png"))
    if not pairs:
        return SAMPLE / "left.png", SAMPLE / "right.png"
    smallest = min(pairs, key=lambda path: math.prod(image_size(path)))
    return smallest, smallest.with_name(smallest.name.replace("_left", "_right"))


@pytest.fixture
def torch_threads():
    """Sets the number of threads; the former one comes back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def pictures(height, width):
    """A crop of the sample pair as networks take it: (2, height, width, 3) float32 in 0..1."""
    return torch.from_numpy(np.stack(sample_crop(height, width))).float() / 255
