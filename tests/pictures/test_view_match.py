"""What is said of pairs that are none: views exchanged, rows off, two scenes; and nothing where nothing is wrong."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from conftest import sample_crop

from stereocodec.container import Container
from stereocodec.container.shown import ORIENTATIONS
from stereocodec.errors import UnlikelyPair
from stereocodec.pictures.picture import Picture, turned, turning_back
from stereocodec.pictures.view_match import ViewMatch, match_views

LEFT, RIGHT = sample_crop(640, 960, top=0, left=0)
NOISE = np.random.default_rng(0).integers(0, 256, (2, 320, 480, 3), dtype=np.uint8)
UPSIDE_DOWN = np.ascontiguousarray(RIGHT[::-1, ::-1])


def night(view, seed):
    """A tenth of the light, and the noise of a sensor."""
    noise = np.random.default_rng(seed).normal(0, 3, view.shape)
    return (view / 10 + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "views",
    [
        (LEFT, RIGHT),
        (LEFT, LEFT),
        (LEFT[::2, ::2], RIGHT[::2, ::2]),
        (LEFT[:200, :300], RIGHT[:200, :300]),
        (LEFT // 2, RIGHT),
        (night(LEFT, 1), night(RIGHT, 2)),
        NOISE,
        np.zeros((2, 320, 480, 3), np.uint8),
        np.full((2, 1, 1, 3), 9, np.uint8),
        np.full((2, 3, 3000, 3), 9, np.uint8),
        np.full((2, 3000, 3, 3), 9, np.uint8),
        np.tile((np.indices((320, 480)).sum(0) // 4 % 2 * 255).astype(np.uint8)[None, ..., None], (2, 1, 1, 3)),
    ],
    ids=["pair", "identical", "half", "crop", "dark", "night", "noise", "black", "pixel", "flat", "tall", "checkers"],
)
def test_nothing_is_said_of_pairs_and_of_what_tells_nothing(views):
    left, right = (np.ascontiguousarray(view) for view in views)
    assert match_views(left, right).doubt is None


def test_of_a_pair_the_disparity_is_known():
    match = match_views(LEFT, RIGHT)
    back = match_views(RIGHT, LEFT)
    assert match.found > 0.3
    assert match.ahead > 0.9
    assert match.disparity > 5
    assert back.disparity == pytest.approx(-match.disparity, rel=0.3)


def test_views_cut_for_a_screen_are_not_taken_for_exchanged():
    """Of films, a part of the scene lies in front of the screen and another one behind it."""
    cut = round(match_views(LEFT, RIGHT).disparity)
    match = match_views(np.ascontiguousarray(LEFT[:, cut:]), np.ascontiguousarray(RIGHT[:, :-cut]))
    assert match.ahead > 0.05
    assert match.behind > 0.05
    assert match.doubt is None


def test_exchanged_views_are_seen():
    assert "look exchanged" in match_views(RIGHT, LEFT).doubt
    assert "--swap" in match_views(RIGHT, LEFT).doubt


@pytest.mark.parametrize("rows", [1, 2, 12, 40])
def test_rows_off_are_counted(rows):
    higher = match_views(LEFT[:-rows], RIGHT[rows:])
    lower = match_views(LEFT[rows:], RIGHT[:-rows])
    assert higher.rows[0] == pytest.approx(rows, abs=0.3)
    assert lower.rows[0] == pytest.approx(-rows, abs=0.3)
    unit = "row" if rows == 1 else "rows"
    for match, where in ((higher, "higher"), (lower, "lower")):
        assert re.match(rf"the right view lies about {rows} {unit} {where} than the left one, .*: rectify", match.doubt)


def test_two_scenes_are_seen():
    assert match_views(LEFT, UPSIDE_DOWN).doubt.startswith("these do not look like two views of one scene")


def test_few_blocks_tell_nothing():
    assert ViewMatch(textured=19, similarity=0.4, chance=0.4).doubt is None
    assert ViewMatch(textured=40, similarity=0.9, chance=0.4, found=0.4, behind=1.0).doubt is None
    assert ViewMatch(textured=60, similarity=0.9, chance=0.4, found=0.4, behind=1.0).doubt is not None


class FinishedCoding:
    """What takes no time to code a pair, and gives the file of another one."""

    def __init__(self, file):
        self.best = lambda quality, target: Container.from_bytes(file)


@pytest.fixture
def exchanged(file, monkeypatch):
    """Exchanged views, for which the codec takes no time."""
    monkeypatch.setattr("stereocodec.codec.ViewCoding", lambda *_, **__: FinishedCoding(file))
    return sample_crop(320, 480)[::-1]


def test_the_codec_warns_where_it_is_called_and_codes(tiny_codec, exchanged):
    for call in (tiny_codec.compress, tiny_codec.encode):
        with pytest.warns(UnlikelyPair, match="look exchanged") as said:
            assert call(*exchanged)
        assert [warning.filename for warning in said] == [__file__]


def test_many_pairs_are_warned_of_once(tiny_codec, exchanged):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(2):
            tiny_codec.compress(*exchanged)
    assert len(said) == 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_nothing_is_said_of_pairs_that_are_stored_turned(orientation, tiny_codec, file, monkeypatch):
    monkeypatch.setattr("stereocodec.codec.ViewCoding", lambda *_, **__: FinishedCoding(file))
    # Two lenses beside each other lie so in what is stored of a portrait, too.
    stored = [view if orientation > 4 else turned(view, turning_back(orientation)) for view in (LEFT, RIGHT)]
    tiny_codec.encode(*(Picture(view, orientation=orientation) for view in stored))
    with pytest.warns(UnlikelyPair, match="look exchanged"):
        tiny_codec.encode(*(Picture(view, orientation=orientation) for view in stored[::-1]))
