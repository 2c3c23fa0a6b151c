"""How the page is handled with keys, mouse and fingers, how it fits, and what its policy refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from viewer_pages import HEIGHT, WIDTH, originals, views
from viewer_window import (
    IN_CHROMIUM,
    MODES,
    canvas,
    lies_near_the_middle,
    pressed,
    shown,
    slide,
    stage_centre,
    text,
    zoom,
)

pytestmark = IN_CHROMIUM


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


def test_buttons_name_keys_that_there_are(open_page):
    window = open_page("pair")
    all_of = "return [...document.querySelectorAll(arguments[0])].map((found) => found.title || found.textContent)"
    keys = set(" ".join(window.run(all_of, "#key-list dt")).replace("+, -", "+ -").split())
    titles = window.run(all_of, "header button, footer [title]:not(#which *)")
    named = [title.rpartition("(")[2].rstrip(")").split()[-1] for title in titles]
    assert len(named) == 8
    assert set(named) <= keys


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
