"""Rendered rooms with a depth camera: repeatable, of the right geometry, with holes where such cameras have them."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from conftest import RENDERER
from PIL import Image

from stereocodec.training.config import TrainingConfig
from stereocodec.training.frames.data import load_frames


@pytest.fixture(scope="module")
def sample():
    """Imports a module of the renderer's folder."""
    sys.path.insert(0, str(RENDERER))
    try:
        for name in ("render_frames", "depth_sensor", "rooms"):
            importlib.import_module(name)
    finally:
        sys.path.remove(str(RENDERER))
    return sys.modules.__getitem__


@pytest.fixture(scope="module")
def frame(sample):
    return sample("render_frames").render_frame(100, 64, 48, supersampling=1)


def sensor(sample, **changes):
    perfect = {"baseline": 0.05, "noise": 0.0, "farthest": 8.0, "weakest": 0.0, "raggedness": 0.0, "blur": 1}
    return sample("depth_sensor").Sensor(**perfect | changes)


def seen(sample, depth, facing=1.0, signal=0.5):
    """What a renderer gives of a depth map in metres."""
    depth = np.array(depth, np.float32)
    return sample("renderer").View(
        np.zeros((*depth.shape, 3), np.uint8), depth, np.full_like(depth, facing), np.full_like(depth, signal)
    )


def measured(sample, view, seed=0, **changes):
    return sensor(sample, **changes).measure(view, 100.0, np.random.default_rng(seed))


def test_a_frame_is_colour_and_millimetres(frame):
    color, depth = frame
    assert (color.shape, color.dtype) == ((48, 64, 3), np.uint8)
    assert (depth.shape, depth.dtype) == ((48, 64), np.uint16)
    assert color.std() > 10
    distances = depth[depth > 0]
    assert distances.size > 1000
    assert 400 <= distances.min() < distances.max() <= 8100


def test_equal_seeds_give_equal_frames_and_others_do_not(sample, frame):
    again = sample("render_frames").render_frame(100, 64, 48, supersampling=1)
    assert all(np.array_equal(a, b) for a, b in zip(frame, again, strict=True))
    other = sample("render_frames").render_frame(101, 64, 48, supersampling=1)
    assert not any(np.array_equal(a, b) for a, b in zip(frame, other, strict=True))


def test_a_sensor_without_faults_gives_true_depth(sample):
    wall = np.full((20, 60), 2.0)
    depth = measured(sample, seen(sample, wall))
    # The projector's pattern ends at the left of the picture: 100 pixels * 0.05 m less what shifts at 2 m.
    assert (depth[:, 0] == 2000).all()
    assert (depth == 2000).all()


def test_the_projector_leaves_a_shadow_on_the_left_of_what_is_near(sample):
    shadowed = sample("depth_sensor").shadowed
    depth = np.full((4, 60), 4.0)
    depth[:, 30:40] = 1.0
    hidden = shadowed(depth, 8.0)  # shifts of 2 pixels behind, and 8 before
    assert hidden[:, 24:30].any(axis=1).all()
    assert not hidden[:, 30:].any()
    assert not hidden[:, :22].any()


@pytest.mark.parametrize(
    ("depth", "look", "changes"),
    [
        (0.3, {}, {}),  # nearer than it can
        (5.0, {}, {"farthest": 4.5}),
        (2.0, {"signal": 0.001}, {"weakest": 0.01}),  # dark
        (2.0, {"facing": 0.001}, {"weakest": 0.01}),  # grazing
    ],
)
def test_what_gives_no_measurement(sample, depth, look, changes):
    view = seen(sample, np.full((8, 30), depth), **look)
    assert not measured(sample, view, **changes).any()


def test_noise_grows_with_the_square_of_the_distance(sample):
    near, far = (
        measured(sample, seen(sample, np.full((60, 60), metres)), noise=0.002).astype(float) for metres in (1.5, 3.0)
    )
    assert near.std() == pytest.approx(2 * 1.5**2, rel=0.1)
    assert far.std() / near.std() == pytest.approx(4, rel=0.1)


def test_edges_are_ragged_and_have_holes(sample):
    step = np.full((80, 60), 3.0)
    step[:, 30:] = 1.0
    depth = measured(sample, seen(sample, step), raggedness=0.7)
    first = (depth == 1000).argmax(axis=1)
    assert len(set(first.tolist())) > 1
    assert (depth[:, 27:33] == 0).any()


def test_the_script_writes_frames_that_training_reads(sample, tmp_path, capsys):
    main = sample("render_frames").main
    options = ["-o", str(tmp_path), "-n", "2", "--width", "32", "--height", "32", "--seed", "7", "--prefix", "a"]
    assert main(options) == 0
    frames = load_frames([tmp_path], TrainingConfig())
    assert [frame.name for frame in frames] == ["a-00007", "a-00008"]
    color, depth = sample("render_frames").render_frame(7, 32, 32)
    assert np.array_equal(frames[0].color, color)
    assert np.array_equal(frames[0].depth.samples, depth)
    with Image.open(tmp_path / "a-00007_depth.png") as image:
        assert image.mode.startswith("I;16")
    assert main(options) == 1
    assert "already there: use --force" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["-o", str(tmp_path), "--width", "8"])
    assert "sides must be 16 pixels at least" in capsys.readouterr().err
