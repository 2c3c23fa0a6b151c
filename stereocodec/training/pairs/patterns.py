"""Pairs that no camera makes, so that a model meets them in training: noise, text, drawings, stripes, flat colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_Picture = NDArray[np.uint8]
_LARGEST_DISPARITY = 64
_GLYPHS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-+()[]/?!%&    "))


def random_pattern(generator: np.random.Generator, height: int, width: int) -> _Picture:
    """(height, width, 6) uint8, left RGB then right RGB: one pattern, shifted by 0 to 64 pixels between the views."""
    draw = _KINDS[generator.integers(len(_KINDS))]
    disparity = int(generator.integers(min(_LARGEST_DISPARITY, width) + 1))
    scene = draw(generator, height, width + disparity)
    return np.concatenate([scene[:, :width], scene[:, disparity:]], -1)


def _colours(generator: np.random.Generator, count: int) -> _Picture:
    """(count, 3) uint8: of the corners of the RGB cube, greys, or any."""
    kind = generator.random()
    if kind < 0.4:
        return 255 * generator.integers(0, 2, (count, 3), dtype=np.uint8)
    if kind < 0.6:
        return generator.integers(0, 256, (count, 1), dtype=np.uint8).repeat(3, 1)
    return generator.integers(0, 256, (count, 3), dtype=np.uint8)


def _two_colours(generator: np.random.Generator) -> _Picture:
    """(2, 3) uint8: two colours that differ, mostly black and white."""
    dark_and_light = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    pair = _colours(generator, 2)
    return dark_and_light if generator.random() < 0.5 or (pair[0] == pair[1]).all() else pair


def _noise(generator: np.random.Generator, height: int, width: int) -> _Picture:
    channels = 1 if generator.random() < 0.3 else 3
    if generator.random() < 0.3:
        noise = generator.integers(0, 256, (height, width, channels), dtype=np.uint8)
    else:
        deviation = np.float32(np.exp(generator.uniform(np.log(2), np.log(80))))
        noise = generator.standard_normal((height, width, channels), dtype=np.float32) * deviation
        noise = np.clip(noise + _colours(generator, 1), 0, 255).astype(np.uint8)
    return np.broadcast_to(noise, (height, width, 3))


def _text(generator: np.random.Generator, height: int, width: int) -> _Picture:
    paper, ink = _two_colours(generator)[:: generator.choice([1, -1])]
    image = Image.new("RGB", (width, height), tuple(paper.tolist()))
    draw = ImageDraw.Draw(image)
    size = int(generator.integers(8, 33))
    font = ImageFont.load_default(size)
    for top in range(int(generator.integers(size)) - size, height, size + size // 4):
        line = "".join(generator.choice(_GLYPHS, 2 * width // size))
        draw.text((-int(generator.integers(size)), top), line, fill=tuple(ink.tolist()), font=font)
    return np.asarray(image)


def _drawing(generator: np.random.Generator, height: int, width: int) -> _Picture:
    count = int(generator.integers(3, 40))
    colours = [tuple(c) for c in _colours(generator, count + 1).tolist()]
    image = Image.new("RGB", (width, height), colours[count])
    draw = ImageDraw.Draw(image)
    for colour, corners in zip(colours[:count], generator.uniform(-0.1, 1.1, (count, 2, 2)), strict=True):
        box = sorted((corners[:, 0] * width).tolist()), sorted((corners[:, 1] * height).tolist())
        (left, right), (top, bottom) = box
        kind = generator.random()
        if kind < 0.4:
            draw.rectangle((left, top, right, bottom), fill=colour)
        elif kind < 0.6:
            draw.ellipse((left, top, right, bottom), fill=colour)
        else:
            draw.line([tuple(p) for p in (corners * (width, height)).tolist()], colour, int(generator.integers(1, 5)))
    return np.asarray(image)


def _checkerboard(generator: np.random.Generator, height: int, width: int) -> _Picture:
    cell = int(2 ** generator.uniform(0, 6))
    y, x = np.ogrid[:height, :width]
    board: _Picture = _two_colours(generator)[(x // cell + y // cell) % 2]
    return board


def _stripes(generator: np.random.Generator, height: int, width: int) -> _Picture:
    """Along rows, columns or diagonals; half of them one pixel wide."""
    thickness = 1 if generator.random() < 0.5 else int(generator.integers(2, 9))
    across, down = [(1, 0), (0, 1), (1, 1), (1, -1)][generator.integers(4)]
    y, x = np.ogrid[:height, :width]
    stripes: _Picture = _two_colours(generator)[(across * x + down * y) // thickness % 2]
    return stripes


def _gradient(generator: np.random.Generator, height: int, width: int) -> _Picture:
    """A gradient between four saturated colours in the corners."""
    corners = 255 * generator.integers(0, 2, (2, 2, 3)).astype(np.float32)
    y, x = np.linspace(0, 1, height, dtype=np.float32), np.linspace(0, 1, width, dtype=np.float32)
    rows = corners[0] + y[:, None, None] * (corners[1] - corners[0])
    blend: _Picture = (rows[:, :1] + x[:, None] * (rows[:, 1:] - rows[:, :1])).round().astype(np.uint8)
    return blend


def _flat(generator: np.random.Generator, height: int, width: int) -> _Picture:
    return np.broadcast_to(_colours(generator, 1), (height, width, 3))


_KINDS: tuple[Callable[[np.random.Generator, int, int], _Picture], ...] = (
    _noise,
    _text,
    _drawing,
    _checkerboard,
    _stripes,
    _gradient,
    _flat,
)
