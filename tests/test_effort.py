"""What each level of effort does to files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import one_line, sample_crop

from stereocodec import StereoCodec
from stereocodec.effort import DEFAULT_EFFORT, EFFORTS
from stereocodec.errors import InvalidInput
from stereocodec.pictures.rgb import psnr

PAIR = sample_crop(192, 256)


@pytest.fixture(scope="module")
def codec():
    return StereoCodec.from_pretrained(device="cpu")


def coded(codec, effort, quality=40):
    """The bytes of the file, and the mean PSNR of what it decodes to."""
    data = codec.compress(*PAIR, quality=quality, effort=effort)
    decoded = codec.decompress(data, output="numpy")
    return len(data), sum(map(psnr, PAIR, decoded)) / 2


def test_each_level_tries_more_than_the_one_before():
    assert sorted(EFFORTS) == list(range(1, 10))
    for less, more in zip(range(1, 9), range(2, 10), strict=True):
        a, b = EFFORTS[less], EFFORTS[more]
        assert a != b
        assert all(mine <= others for mine, others in zip(vars(a).values(), vars(b).values(), strict=True))


def test_more_effort_makes_better_files(codec):
    levels = [1, 2, DEFAULT_EFFORT, 7]
    # A dB takes some 25 % of the bytes.
    worth = [size * 0.78 ** (quality - 30) for size, quality in (coded(codec, level) for level in levels)]
    assert worth[0] > 1.05 * worth[1]
    assert worth[1] > worth[2] > 1.04 * worth[3]


def test_the_default_is_a_level(tiny_codec):
    assert tiny_codec.compress(*PAIR) == tiny_codec.compress(*PAIR, effort=DEFAULT_EFFORT)


def test_levels_differ_in_what_they_look_for(codec):
    wide = np.roll(PAIR[0], -100, 1)  # beyond the range of the second level, within that of the third
    sizes = [len(codec.compress(PAIR[0], wide, effort=level)) for level in (2, 3)]
    assert sizes[1] < 0.9 * sizes[0]


def errors_of_a_board(codec, rows):
    """The mean error of a checkerboard in some rows of a grey picture, by level, where networks leave much of it."""
    colours = np.array([(255, 0, 255), (255, 255, 0)])
    board = colours[np.kron(np.indices((64, 32)).sum(0) % 2, np.ones((2, 2), int))]
    view = np.full((128, 64, 3), 128, np.uint8)
    view[rows] = board[rows]
    found = {}
    for level in (3, 4, DEFAULT_EFFORT):
        decoded = codec.decompress(codec.compress(view, view, quality=90, effort=level), output="numpy")[0]
        found[level] = np.abs(decoded.astype(int) - view)[rows].mean()
    return found


def test_only_checked_files_have_what_the_networks_leave(codec):
    everywhere, above = (errors_of_a_board(codec, slice(0, end)) for end in (128, 32))
    assert everywhere[DEFAULT_EFFORT] < 0.7 * everywhere[3]
    assert everywhere[4] == pytest.approx(everywhere[DEFAULT_EFFORT], rel=0.05)
    # In the middle there is nothing to be seen of it.
    assert above[DEFAULT_EFFORT] < 0.8 * above[4]
    assert above[4] == pytest.approx(above[3], rel=0.05)


def test_progress_tells_of_refinement_and_only_grows(tiny_codec):
    said = []
    tiny_codec.compress(*PAIR, effort=8, progress=lambda *both: said.append(both))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    refined = [fraction for fraction, stage in said if stage == "refinement"]
    assert len(refined) == 1 + EFFORTS[8].passes
    assert refined[-1] - refined[0] > 0.8
    assert np.ptp(np.diff(refined)) < 1e-6


def test_a_codec_refines_whatever_the_caller_does_with_gradients(tiny_codec):
    expected = tiny_codec.compress(*PAIR, effort=6)
    for context in (torch.inference_mode(), torch.no_grad()):
        with context:
            assert tiny_codec.compress(*PAIR, effort=6) == expected
    assert all(p.grad is None for p in tiny_codec._coder.model.parameters())


@pytest.mark.parametrize("level", [0, 10, -1, 2.5, "7", True, float("nan")])
def test_what_is_no_level_is_refused(tiny_codec, level):
    with pytest.raises(InvalidInput, match="it must be a whole number from 1 to 9") as error:
        tiny_codec.compress(*PAIR, effort=level)
    one_line(error)


def test_models_with_a_single_effort_take_none(tiny_codec, monkeypatch):
    monkeypatch.setattr(type(tiny_codec._coder.model), "has_efforts", False)
    with pytest.raises(InvalidInput, match="the model tiny has a single effort; leave effort 5 out"):
        tiny_codec.compress(*PAIR, effort=5)


def test_numbers_of_numpy_are_levels(tiny_codec):
    assert tiny_codec.compress(*PAIR, effort=np.int64(1)) == tiny_codec.compress(*PAIR, effort=1)


def test_a_target_is_kept_at_any_effort(codec):
    size = len(codec.compress(*PAIR, quality=50))
    for level in (1, 6):
        assert 0.95 * size < len(codec.compress(*PAIR, target_size=size, effort=level)) <= size
