"""The page of the viewer in a window: what is seen on its canvas, and what its controls say."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from browser import CHROMIUM, DRIVER, MISSING, chromium
from PIL import Image
from viewer_pages import HEIGHT, WIDTH, original_pair, originals, page_of_frame, page_of_pair, views, with_profile

from stereocodec.container import Layout, Metadata
from stereocodec.container.depth import DepthMode

SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844, "scale": 2, "touch": True}}
MODES = ["Side by side", "Cross-eye", "Wiggle", "Anaglyph", "Left", "Right", "Compare", "Difference"]
GAP = 4
IN_CHROMIUM = [pytest.mark.slow, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)]


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as window:
        yield window


@pytest.fixture(scope="session")
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
