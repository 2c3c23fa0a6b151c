"""Stereo pairs unlike any photograph: noise, text, flat colour, fine patterns, views that do not belong together."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

View = NDArray[np.uint8]
Views = tuple[View, View]
Colour = tuple[int, int, int]

_ROOT = Path(__file__).parent.parent
SAMPLE, _RENDERER = _ROOT / "docs" / "sample", _ROOT / "tools" / "renderer"
MAX_SIZE = (960, 640)  # width and height of the sample pair, which some patterns are cut from
DISPARITY = 9  # odd, so that the finest patterns are not the same in both views

BLACK, GREY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)
RED, GREEN, BLUE, CYAN, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 255, 0)


@dataclass(frozen=True)
class Pattern:
    """A pair that is drawn at any size, the same at every call.

    `draw` takes height and width (both views (height, width, 3) uint8); `noise_views` are the views, 0 left and 1
    right, that are pure noise and that no codec is asked to keep.
    """

    name: str
    draw: Callable[[int, int], Views]
    noise_views: tuple[int, ...] = ()


def patterns() -> list[Pattern]:
    """All patterns, in the order of the report."""
    return [
        Pattern("noise, each view its own", _unrelated_noise, (0, 1)),
        Pattern("noise, right view shifted", _shifted(lambda h, w: _noise(1, h, w)), (0, 1)),
        Pattern("normal noise around grey", _grey_noise, (0, 1)),
        Pattern("text, black on white", _shifted(lambda h, w: _text(3, h, w, BLACK, WHITE))),
        Pattern("text, yellow on blue", _shifted(lambda h, w: _text(4, h, w, YELLOW, BLUE))),
        Pattern("text, red on green", _shifted(lambda h, w: _text(5, h, w, RED, GREEN))),
        *(
            Pattern(f"flat {name}", _flat(colour))
            for name, colour in {"black": BLACK, "grey": GREY, "white": WHITE, "red": RED, "blue": BLUE}.items()
        ),
        *(
            Pattern(f"checkerboard {name}, {cell} px", _checkerboard(cell, colours))
            for name, colours in {"black/white": (BLACK, WHITE), "red/cyan": (RED, CYAN)}.items()
            for cell in (1, 2, 8)
        ),
        Pattern("gradient over all hues", _shifted(_hues)),
        Pattern("gradient between red, green, blue", _shifted(_corners)),
        *(
            Pattern(f"stripes of 1 px {name}, {direction}", _stripes(vertical, colours))
            for name, colours in {"black/white": (BLACK, WHITE), "red/green": (RED, GREEN)}.items()
            for direction, vertical in {"vertical": True, "horizontal": False}.items()
        ),
        Pattern("two unrelated scenes", _two_scenes),
        Pattern("scene and noise", _scene_and_noise, (1,)),
        Pattern("right view four times darker", _dark_right),
        Pattern("right view inverted", _inverted_right),
    ]


def _shifted(draw: Callable[[int, int], View]) -> Callable[[int, int], Views]:
    """Both views from one wider canvas: a plane at one distance."""

    def views(height: int, width: int) -> Views:
        canvas = draw(height, width + DISPARITY)
        return np.ascontiguousarray(canvas[:, :width]), np.ascontiguousarray(canvas[:, DISPARITY:])

    return views


def _noise(seed: int, height: int, width: int) -> View:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _unrelated_noise(height: int, width: int) -> Views:
    return _noise(0, height, width), _noise(1, height, width)


def _grey_noise(height: int, width: int) -> Views:
    noise = np.random.default_rng(2).normal(128, 32, (2, height, width, 3))
    left, right = np.clip(np.rint(noise), 0, 255).astype(np.uint8)
    return left, right


def _flat(colour: Colour) -> Callable[[int, int], Views]:
    return _shifted(lambda h, w: np.full((h, w, 3), colour, np.uint8))


def _text(seed: int, height: int, width: int, ink: Colour, paper: Colour) -> View:
    """A page of made-up words in Pillow's own font."""
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (width, height), paper)
    draw, font, pitch = ImageDraw.Draw(page), ImageFont.load_default(), 16
    letters = np.array(list("aaabcdeeeefghiiklmnnooprsssttuvwyABCDEFGHMRST0123456789.,"))
    for top in range(4, height, pitch):
        words = ("".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(width // 16))
        draw.text((4, top), " ".join(words), fill=ink, font=font)
    return np.asarray(page)


def _alternating(index: NDArray[np.intp], colours: tuple[Colour, Colour]) -> View:
    """Colour number `index` modulo 2 at every pixel of an (H, W) array."""
    picture: View = np.array(colours, np.uint8)[index % 2]
    return picture


def _checkerboard(cell: int, colours: tuple[Colour, Colour]) -> Callable[[int, int], Views]:
    def draw(height: int, width: int) -> View:
        rows, columns = np.indices((height, width)) // cell
        return _alternating(rows + columns, colours)

    return _shifted(draw)


def _stripes(vertical: bool, colours: tuple[Colour, Colour]) -> Callable[[int, int], Views]:
    return _shifted(lambda h, w: _alternating(np.indices((h, w))[1 if vertical else 0], colours))


def _hues(height: int, width: int) -> View:
    """All hues from left to right, fully saturated, darker towards the lower edge."""
    hue = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    value = np.broadcast_to(np.linspace(255, 96, height)[:, None], (height, width))
    bands = (Image.fromarray(np.rint(band).astype(np.uint8)) for band in (hue, np.full(hue.shape, 255), value))
    return np.asarray(Image.merge("HSV", list(bands)).convert("RGB"))


def _corners(height: int, width: int) -> View:
    """Red to blue from left to right, green added from top to bottom."""
    across = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    down = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return np.rint(np.stack([255 - across, down, across], axis=2)).astype(np.uint8)


def _sample(side: str, height: int, width: int) -> View:
    """The middle of a view of the sample pair."""
    with Image.open(SAMPLE / f"{side}.png") as image:
        view = np.asarray(image.convert("RGB"))
    top, left = (view.shape[0] - height) // 2, (view.shape[1] - width) // 2
    return np.ascontiguousarray(view[top : top + height, left : left + width])


def _two_scenes(height: int, width: int) -> Views:
    """The sample pair's left view, and the upside-down left view of another scene by the same renderer."""
    sys.path.insert(0, str(_RENDERER))
    try:
        renderer = importlib.import_module("render_scene").StereoRenderer
    finally:
        sys.path.remove(str(_RENDERER))
    # Upside down, since all scenes of the renderer have their table and their horizon at about the same height.
    other = renderer(width, height, 1, 2).view(0).rgb[::-1]
    return _sample("left", height, width), np.ascontiguousarray(other)


def _scene_and_noise(height: int, width: int) -> Views:
    return _sample("left", height, width), _noise(6, height, width)


def _dark_right(height: int, width: int) -> Views:
    return _sample("left", height, width), _sample("right", height, width) // 4


def _inverted_right(height: int, width: int) -> Views:
    return _sample("left", height, width), 255 - _sample("right", height, width)
