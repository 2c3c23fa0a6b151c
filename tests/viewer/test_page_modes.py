"""What the page shows in each of its modes, at the size of a desk and of a phone: the right pixels."""

from __future__ import annotations

import numpy as np
import pytest
from viewer_pages import HEIGHT, WIDTH, depth_samples, originals, views
from viewer_window import IN_CHROMIUM, MODES, SIZES, choose, difference, pressed, shown, slide, stage_centre, text

from stereocodec.pictures.anaglyph import anaglyph

pytestmark = IN_CHROMIUM

# The next step of the wiggle is kept for the test; the driver's own timers go on.
HOLD_WIGGLE = """
    const start = window.setTimeout;
    window.timers = [];
    window.setTimeout = (call, wait) => (call.name === "step" ? timers.push([call, wait]) : start(call, wait));
"""


@pytest.mark.parametrize("size", SIZES)
def test_every_mode_shows_the_right_pixels(open_page, size):
    window = open_page("pair", size)
    left, right = views()
    assert [pressed(window), text(window, "#first-caption"), text(window, "#second-caption")] == [
        ["Side by side"],
        "Left",
        "Right",
    ]
    assert np.array_equal(shown(window, 0), left)
    assert np.array_equal(shown(window, 1), right)
    choose(window, "Cross-eye", size)
    assert text(window, "#first-caption") == "Right"
    assert np.array_equal(shown(window, 0), right)
    assert np.array_equal(shown(window, 1), left)
    choose(window, "Left", size)
    assert np.array_equal(shown(window), left)
    choose(window, "Right", size)
    assert np.array_equal(shown(window), right)
    choose(window, "Anaglyph", size)
    assert np.abs(shown(window).astype(int) - anaglyph(left, right)).max() <= 1
    choose(window, "Compare", size)
    expected = np.hstack([originals()[0][:, : WIDTH // 2], left[:, WIDTH // 2 :]])
    compared = shown(window)
    beside = np.abs(np.arange(WIDTH) - WIDTH / 2 + 0.5) > 3  # not under the divider and its handle
    assert np.array_equal(compared[:, beside], expected[:, beside])
    choose(window, "Difference", size)
    assert np.array_equal(shown(window), difference(8))
    window.click("#which button[value='1']")
    assert np.array_equal(shown(window), np.clip(8 * np.abs(right.astype(int) - originals()[1]), 0, 255))


def test_the_wiggle_takes_turns_at_its_speed_until_it_is_stopped(open_page):
    window = open_page("alone")
    left, right = views()
    window.run(HOLD_WIGGLE)
    choose(window, "Wiggle")
    assert np.array_equal(shown(window), left)
    for expected in (right, left, right):
        window.run("timers.pop()[0]()")
        window.wait("true")
        assert np.array_equal(shown(window), expected)
    assert window.run("return timers.pop()[1]") == pytest.approx(1000 / 5)
    slide(window, "speed", 10)
    assert window.run("return timers.pop()[1]") == pytest.approx(100)
    window.keys(" ")
    assert text(window, "#play") == "Play"
    assert window.run("return timers.length") == 0
    window.click("#play")
    assert text(window, "#play") == "Pause"
    assert window.run("return timers.length") == 1


def test_the_wiggle_does_not_move_for_who_asked_for_little_motion(open_page):
    window = open_page("alone")
    calm = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    window.run(HOLD_WIGGLE)
    window.keys("3")
    assert window.run("return timers.length") == 1
    window.devtools("Emulation.setEmulatedMedia", features=calm)
    try:
        window.wait("document.getElementById('play').textContent === 'Play'")
        window.keys("1", "3")
        assert text(window, "#play") == "Play"
        assert window.run("return timers.length") == 1  # the one from before, which was cleared
    finally:
        window.devtools("Emulation.setEmulatedMedia", features=[])


def test_without_the_original_there_is_no_comparison(open_page):
    window = open_page("alone")
    script = "return [...document.querySelectorAll('#modes button')].map((button) => button.textContent)"
    assert window.run(script) == MODES[:6]
    window.keys("7")
    assert pressed(window) == ["Side by side"]


def test_the_shift_moves_the_right_view_against_the_left_one(open_page):
    window = open_page("alone")
    left, right = views()
    window.keys("4", ".", ".")
    assert text(window, "#shift-value") == "2 px"
    moved = shown(window).astype(int)
    # Both move by half of it, and what one view has not is black.
    expected = anaglyph(np.roll(left, -1, 1), np.roll(right, 1, 1))
    assert np.abs(moved - expected)[:, 1:-1].max() <= 1
    slide(window, "shift", -4)
    assert text(window, "#shift-value") == "-4 px"
    window.keys("1")
    assert np.array_equal(shown(window, 0)[:, 2:], left[:, :-2])
    assert np.array_equal(shown(window, 1)[:, :-2], right[:, 2:])


def test_the_gain_amplifies_differences(open_page):
    window = open_page("pair")
    window.keys("8")
    slide(window, "gain", 0)
    assert text(window, "#gain-value") == "\u00d71"
    assert np.array_equal(shown(window), difference(1))


def test_half_pictures_are_shown_with_square_pixels(open_page):
    window = open_page("half")
    assert np.array_equal(shown(window, 0, aspect=(2, 1)), views()[0])
    assert "side by side, half width" in text(window, "#facts dl")


def test_grey_pictures(open_page):
    window = open_page("grey")
    assert np.array_equal(shown(window, 0), np.repeat(views()[0][..., :1], 3, axis=2))


def test_pictures_keep_their_colour_profile(open_page):
    window = open_page("profile")
    red, green, blue = shown(window, 0)[HEIGHT // 2, WIDTH // 2]
    assert green > 250
    assert max(red, blue) < 5


def test_colour_with_depth(open_page):
    window = open_page("frame")
    labels = "return [...document.querySelectorAll('#modes button')].map((button) => button.textContent)"
    assert window.run(labels) == ["Side by side", "Color", "Depth", "Compare", "Difference"]
    assert np.array_equal(shown(window, 0), views()[0])
    colours = shown(window, 1)
    window.keys("3")
    assert np.array_equal(shown(window), colours)
    assert list(colours[0, 0]) == [0, 0, 0]  # the hole
    assert list(colours[0, 1]) == [0xFD, 0xE7, 0x25]  # the nearest
    # The original lies up to 10 cm behind the farthest that was decoded, and has the same colours.
    assert np.abs(colours[-1, -1].astype(int) - (0x44, 0x01, 0x54)).max() < 60
    assert [text(window, "#nearest"), text(window, "#farthest")] == ["1.001 m", "2.299 m"]
    x, y = stage_centre(window)
    window.hover((x + 1, y + 1))
    samples = depth_samples()
    row, column = HEIGHT // 2, WIDTH // 2
    metres = samples[row, column] / 1000
    assert text(window, "#readout") == f"x {column}, y {row}: {metres:.3f} m, original {metres + 0.1:.3f} m"
    window.keys("5")
    assert np.array_equal(shown(window), difference(8))
    window.keys("r")
    grey = shown(window)
    assert list(grey[0, 0]) == [0, 0, 0]
    assert set(grey[0, 1:].ravel()) == {255}  # 100 mm
    assert text(window, "#gain-value") == f"\u00d78, white is {(2299 - 1001) / (16 * 8):.1f} mm"
    slide(window, "gain", 0)
    assert text(window, "#gain-value") == f"\u00d71, white is {(2299 - 1001) / 16:.1f} mm"


def test_depth_under_a_finger_and_colours_of_inverse_depth(open_page):
    window = open_page("inverse", "phone")
    window.keys("3")
    colours = shown(window)
    x, y = stage_centre(window)
    window.pointer([(x + 2, y + 2)], kind="touch")
    assert text(window, "#readout") == "x 20, y 15: 1.620 m"
    # Halfway in 1/z between 1.001 m and 2.199 m lies 1.376 m: the colour in the middle of the scale.
    row, column = divmod(1376 - 1000, WIDTH)
    assert np.abs(colours[row, column].astype(int) - (0x21, 0x91, 0x8C)).max() <= 3
