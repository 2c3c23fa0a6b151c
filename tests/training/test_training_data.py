"""Training data: pairs, held-out scenes and crops."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from stereocodec.datasets.pairs import find_pairs
from stereocodec.errors import InvalidInput, TrainingError
from stereocodec.training.examples import Photo, split_validation
from stereocodec.training.pairs.data import Pair, load_pairs
from stereocodec.training.pairs.sampler import CropSampler

pytestmark = pytest.mark.usefixtures("one_thread")


def test_pairs_are_found_in_folders_below(tmp_path, pictures):
    deep = tmp_path / "outer" / "inner"
    deep.mkdir(parents=True)
    for view in ("left", "right"):
        (deep / f"a_left.b_{view}.PNG").write_bytes((pictures / f"validation_{view}.png").read_bytes())
        (deep / f"notes_{view}.txt").touch()
    (pair,) = load_pairs([tmp_path])
    assert pair.pixels.shape == (128, 192, 6)
    assert pair.stacked().shape == (2, 128, 192, 3)
    with Image.open(pictures / "validation_right.png") as right:
        assert np.array_equal(pair.stacked()[1].numpy(), np.asarray(right))


def test_names_of_pairs_are_their_files_without_the_view(pictures):
    assert [files.name for files in find_pairs(pictures)] == ["training-a", "training-b", "validation"]


def test_pictures_in_no_pair_are_counted(tmp_path, pictures):
    folder = tmp_path / "my pairs"
    shutil.copytree(pictures, folder)
    lines = []
    assert len(load_pairs([folder], lines.append)) == 3
    assert lines == []
    for name in ("x.png", "y.png", "._z_left.png"):
        (folder / name).touch()
    assert len(load_pairs([folder], lines.append)) == 3
    assert lines == [
        f"2 pictures of {folder} are in no pair, such as {folder}/x.png; bisic eval '{folder}' --list names all"
    ]


def test_folders_without_complete_pairs_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="nowhere is not a folder"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no pairs in"):
        find_pairs(tmp_path)
    (tmp_path / "a_left.png").touch()
    with pytest.raises(InvalidInput, match=r"a_left.png has no right view beside it; expected a_right.png"):
        find_pairs(tmp_path)


@pytest.mark.parametrize(
    ("right", "message"),
    [
        (Image.new("RGB", (64, 32)), r"a_left.png and a_right.png: left is 64x64, right is 64x32"),
        (Image.new("RGBA", (64, 64)), r"a_right.png"),
        (None, r"a_right.png"),
    ],
)
def test_pictures_that_are_no_pair_are_named(tmp_path, right, message):
    Image.new("RGB", (64, 64)).save(tmp_path / "a_left.png")
    if right is None:
        (tmp_path / "a_right.png").write_bytes(b"no picture")
    else:
        right.save(tmp_path / "a_right.png")
    with pytest.raises(InvalidInput, match=message):
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
    with pytest.raises(TrainingError, match=r"crop of 320x64: .* --set crop_height=64 --set crop_width=256"):
        CropSampler(pairs, 64, 320, torch.device("cpu"), 0)


def shades(batch):
    """Brightness of the left crops, in 0..255."""
    return (batch.chunk(2)[0].mean((1, 2, 3)) * 255).round()


def test_shares_of_crops_come_from_photographs_and_patterns():
    pairs = [Pair("black", torch.zeros(64, 64, 6, dtype=torch.uint8))]
    photos = [Photo("grey", torch.full((100, 200, 3), 100, dtype=torch.uint8))]
    sampler = CropSampler(pairs, 64, 64, torch.device("cpu"), 0, photos=photos, photo_share=0.5)
    of_photos = shades(sampler.batch(120)) > 50
    assert of_photos.float().mean() == pytest.approx(0.5, abs=0.12)
    sampler = CropSampler(pairs, 64, 64, torch.device("cpu"), 0, photos=photos, photo_share=0.3, pattern_share=0.3)
    black = shades(sampler.batch(120)) == 0
    assert black.float().mean() == pytest.approx(0.4, abs=0.15)


def test_crops_go_on_from_the_state_of_the_generator(pairs):
    generator = np.random.default_rng(0)
    photos = [Photo("a", torch.from_numpy(generator.integers(0, 256, (100, 200, 3), dtype=np.uint8)))]

    def sampler():
        return CropSampler(pairs, 64, 64, torch.device("cpu"), 7, photos=photos, photo_share=0.4, pattern_share=0.3)

    first, second = sampler(), sampler()
    first.batch(5)
    second.generator.bit_generator.state = json.loads(json.dumps(first.generator.bit_generator.state))
    assert torch.equal(first.batch(12), second.batch(12))


def test_patterns_are_what_no_camera_sees(pairs):
    sampler = CropSampler(pairs, 64, 128, torch.device("cpu"), 0, pattern_share=1.0)
    left, right = sampler.batch(200).chunk(2)
    assert left.shape == (200, 64, 128, 3)
    spread = left.amax((1, 2)) - left.amin((1, 2))
    assert (spread == 0).all(1).any()  # flat
    across, down = ((left.diff(dim=axis) != 0).any(3) for axis in (2, 1))
    assert (across.flatten(1).all(1) & ~down.flatten(1).any(1)).any()  # one-pixel stripes
    assert (across.flatten(1).all(1) & down.flatten(1).all(1)).any()  # checkerboard of pixels, or noise
    shifted = torch.stack([(left[:, :, d:] == right[:, :, : 128 - d]).flatten(1).all(1) for d in range(65)])
    assert 0.7 < shifted.any(0).float().mean() < 0.99  # the rest are unrelated views


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"photo_share": 0.5}, "there are no photographs: give --photos, or --set photo_share=0"),
        ({"photo_share": 0.7, "pattern_share": 0.4}, r"photographs \(0.7\) and patterns \(0.4\) must lie in 0..1"),
        ({"pattern_share": -0.1}, "must lie in 0..1"),
        ({"photo_share": float("nan")}, "must lie in 0..1"),
    ],
)
def test_impossible_shares_are_refused(pairs, shares, message):
    with pytest.raises(TrainingError, match=message):
        CropSampler(pairs, 64, 64, torch.device("cpu"), 0, **shares)
