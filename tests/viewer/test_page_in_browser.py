"""What the page shows and how it is handled, in Chromium at the size of a desk and of a phone."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from browser import CHROMIUM, DRIVER, MISSING, chromium
from PIL import Image
from viewer_pages import (
    HEIGHT,
    WIDTH,
    depth_samples,
    original_pair,
    originals,
    page_of_frame,
    page_of_pair,
    views,
    with_profile,
)

from stereocodec.container import Layout, Metadata
from stereocodec.container.depth import DepthMode
from stereocodec.pictures.anaglyph import anaglyph

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)]

SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844, "scale": 2, "touch": True}}
GAP = 4
MODES = ["Side by side", "Cross-eye", "Wiggle", "Anaglyph", "Left", "Right", "Compare", "Difference"]


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as window:
        yield window


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The paths of the pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    contents = {
        "pair": page_of_pair(original=original_pair()),
        "alone": page_of_pair(),
        "half": page_of_pair(metadata=Metadata(layout=Layout.HALF_SBS)),
        "grey": page_of_pair(pair=tuple(view[..., 0].copy() for view in views())),
        "profile": with_profile(),
        "odd-name": page_of_pair(name="<script>document.title='x'</script>&\"'.bsc"),
        "frame": page_of_frame(original=True),
        "inverse": page_of_frame(mode=DepthMode.INVERSE),
    }
    for name, content in contents.items():
        (folder / f"{name}.html").write_bytes(content)
    return {name: folder / f"{name}.html" for name in contents}


@pytest.fixture
def open_page(window, pages):
    """Opens a page; afterwards it must have complained of nothing, and asked for nothing but itself."""

    def open_page(name, size="desk"):
        window.resize(**SIZES[size])
        window.open(pages[name])
        return window

    yield open_page
    assert window.console() == []
    asked = {address for address in window.requests() if not address.startswith("chrome")}
    assert asked <= {"data:image"} | {path.as_uri() for path in pages.values()}


def canvas(window):
    """The picture on the canvas, (H, W, 3)."""
    address = window.run("return document.getElementById('canvas').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def shown(window, part=None, *, aspect=(1, 1)):
    """The pixels of the picture, each looked at in its middle, in the whole canvas or in one of two parts."""
    picture = canvas(window)
    if part is not None:
        half = (picture.shape[1] - GAP) // 2
        picture = picture[:, picture.shape[1] - half :] if part else picture[:, :half]
    height, width = picture.shape[:2]
    scale = min(width / (WIDTH * aspect[0]), height / (HEIGHT * aspect[1]))
    assert scale > 3  # middles of pixels are well inside of them
    x, y = (
        np.floor(side / 2 + (np.arange(count) + 0.5 - count / 2) * scale * stretched).astype(int)
        for side, count, stretched in zip((width, height), (WIDTH, HEIGHT), aspect, strict=True)
    )
    return picture[y[:, None], x]


def choose(window, label, size="desk"):
    """Clicks on the button of a mode, or taps on it."""
    selector = f"#modes button[value='{window.run(BUTTON, label)}']"
    window.pointer([window.centre(selector)], kind="touch" if size == "phone" else "mouse")
    assert pressed(window) == [label]


# The next step of the wiggle is kept for the test; the driver's own timers go on.
HOLD_WIGGLE = """
    const start = window.setTimeout;
    window.timers = [];
    window.setTimeout = (call, wait) => (call.name === "step" ? timers.push([call, wait]) : start(call, wait));
"""
BUTTON = "return [...document.querySelectorAll('#modes button')].find((b) => b.textContent === arguments[0]).value"


def pressed(window, group="modes"):
    script = "return [...document.querySelectorAll(`#${arguments[0]} [aria-pressed=true]`)].map((b) => b.textContent)"
    return window.run(script, group)


def text(window, selector):
    return window.run("return document.querySelector(arguments[0]).textContent", selector)


def slide(window, control, value):
    script = (
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'))"
    )
    window.run(script, control, value)
    window.wait("true")


def stage_centre(window):
    return window.centre("#canvas")


def lies_near_the_middle(picture, part):
    """Whether a picture has a smaller one in its middle, or up to two pixels off."""
    top, left = (picture.shape[0] - HEIGHT) // 2, (picture.shape[1] - WIDTH) // 2
    places = ((top + row, left + column) for row in range(-2, 3) for column in range(-2, 3))
    return any(np.array_equal(picture[y : y + HEIGHT, x : x + WIDTH], part) for y, x in places)


def zoom(window):
    return int(text(window, "#zoom").removesuffix(" %"))


def difference(gain):
    return np.clip(gain * np.abs(views()[0].astype(int) - originals()[0]), 0, 255)


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


def test_keys(open_page):
    window = open_page("pair")
    for number, mode in enumerate(MODES, 1):
        window.keys(str(number))
        assert pressed(window) == [mode]
    window.keys("r")
    assert pressed(window, "which") == ["Right"]
    window.keys("5")
    window.keys("r")
    assert pressed(window) == ["Right"]
    before = canvas(window)
    window.keys("right")
    assert np.array_equal(canvas(window)[:, :-40], before[:, 40:])
    window.keys("left", "down")
    assert np.array_equal(canvas(window)[:-40], before[40:])
    window.keys("p")
    assert zoom(window) == 100
    window.keys("+", "+", "-")
    assert zoom(window) == 125
    window.keys("0")
    assert np.array_equal(shown(window), views()[1])
    for key, dialog in (("?", "keys"), ("i", "facts")):
        window.keys(key)
        assert window.run("return document.querySelector('dialog[open]').id") == dialog
        window.keys("1")  # is not for the picture now
        assert pressed(window) == ["Right"]
        window.keys("escape")
        assert window.run("return document.querySelector('dialog[open]')") is None
    assert "PSNR" in text(window, "#facts dl")
    assert "1 \u2026 8" in text(window, "#key-list")


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


def test_the_divider_is_dragged_by_mouse_finger_and_slider(open_page):
    left, original = views()[0], originals()[0]
    for size, kind in (("desk", "mouse"), ("phone", "touch")):
        window = open_page("pair", size)
        window.keys("7")
        x, y = stage_centre(window)
        window.pointer([(x, y - 50), (x + 60, y - 50), (2 * x - 1, y)], kind=kind)
        assert np.array_equal(shown(window)[:, :-4], original[:, :-4])
        slide(window, "divider", 0)
        assert np.array_equal(shown(window)[:, 2:], left[:, 2:])


def test_the_wheel_zooms_about_the_pointer_and_dragging_moves(open_page):
    window = open_page("alone")
    window.keys("5", "p")
    x, y = stage_centre(window)
    window.wheel((x + 10, y + 8), -1000)
    assert zoom(window) == 739  # e ** 2
    picture = canvas(window)
    height, width = picture.shape[:2]
    # The pixel that was under the pointer, at one to one, still is; heights of windows may be odd.
    column, row = WIDTH // 2 + 10, HEIGHT // 2 + 8
    near = picture[height // 2 + 4 : height // 2 + 14, width // 2 + 13]
    assert (near == views()[0][row, column]).all(-1).any()
    window.pointer([(x, y), (x + 31, y - 17)])
    assert np.array_equal(canvas(window)[:-17, 31:], picture[17:, :-31])
    window.click("#fit")
    assert np.array_equal(shown(window), views()[0])


@pytest.mark.parametrize(("size", "kind"), [("desk", "mouse"), ("phone", "touch")])
def test_two_clicks_or_taps_go_to_single_pixels_and_back(open_page, size, kind):
    window = open_page("alone", size)
    window.keys("6")
    fitting = zoom(window)
    x, y = stage_centre(window)
    window.pointer([(x, y)], kind=kind, times=2)
    assert zoom(window) == 100
    assert lies_near_the_middle(canvas(window), views()[1])
    window.pointer([(x, y)], kind=kind, times=2)
    assert zoom(window) == fitting


def test_two_fingers_zoom_and_move(open_page):
    window = open_page("alone", "phone")
    window.keys("5", "p")
    x, y = stage_centre(window)
    window.pointers([[(x - 20, y), (x - 80, y)], [(x + 20, y), (x + 80, y)]])
    assert zoom(window) == 400
    assert pressed(window) == ["Left"]
    before = canvas(window)
    window.pointers([[(x - 20, y), (x - 10, y + 6)], [(x + 20, y), (x + 30, y + 6)]])
    assert zoom(window) == 400
    assert np.array_equal(canvas(window)[12:, 20:], before[:-12, :-20])


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


def test_names_of_files_are_text(open_page):
    window = open_page("odd-name")
    name = "<script>document.title='x'</script>&\"'.bsc"
    assert window.run("return document.title") == name
    assert text(window, "h1") == name


def test_the_policy_refuses_what_the_page_does_not_hold(open_page):
    window = open_page("alone")
    window.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    window.run("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))")
    refusals = " ".join(window.console())
    assert "img-src" in refusals
    assert "script-src" in refusals
    assert text(window, "title") == "pair.bsc"
    window.requests()  # what was refused is among them


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


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("name", ["pair", "frame"])
def test_nothing_is_wider_than_a_phone(open_page, name, width):
    window = open_page(name, "phone")
    window.resize(width, 740, scale=2, touch=True)
    outside = """return [...document.querySelectorAll('button, input, output, h1, p')].filter((element) => {
        const box = element.getBoundingClientRect();
        const isCut = element.tagName === 'BUTTON' && element.scrollWidth > element.clientWidth;
        return box.width > 0 && (isCut || box.left < 0 || box.right > innerWidth || box.bottom > innerHeight);
    }).map((element) => element.id || element.textContent)"""
    for number in range(1, 9 if name == "pair" else 6):
        window.keys(str(number))
        assert window.run(outside) == []
        assert window.run("return document.documentElement.scrollWidth") == width
        assert window.run("return document.getElementById('canvas').clientHeight") > 350


def test_controls_have_names_and_show_where_the_focus_is(open_page):
    window = open_page("pair")
    nodes = window.devtools("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in nodes if node["role"]["value"] in ("button", "slider") and not node["ignored"]]
    assert len(controls) >= 16
    assert [node for node in controls if not node["name"]["value"]] == []
    for _ in range(4):
        window.keys("tab")
        outline = window.run(
            "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]"
        )
        assert outline == ["solid", "2px"]
        assert window.run("return document.activeElement.tagName") == "BUTTON"


def test_the_facts_are_those_of_the_file(open_page):
    window = open_page("pair")
    script = (
        "return [...document.querySelectorAll('#facts dt')].map((dt) => [dt.textContent, dt.nextSibling.textContent])"
    )
    facts = dict(window.run(script))
    assert facts["File"] == "pair.bsc"
    assert facts["Quality"] == "50"
    assert facts["Model"] == "raw (000102030405)"
    assert json.dumps(facts["PSNR"]).count("dB") == 2
