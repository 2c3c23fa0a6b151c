"""Noise and painted pictures that the materials are made of."""

from __future__ import annotations

import numpy as np
from geometry import Array
from PIL import Image, ImageDraw, ImageFont

Ink = tuple[int, int, int]


class Tile:
    """Values on a grid, (channels, rows, columns), repeated over the plane and interpolated linearly."""

    def __init__(self, values: Array) -> None:
        self.values = values.astype(np.float32)

    def __call__(self, u: Array, v: Array) -> Array:
        """Values (channels, N) at positions counted in repetitions."""
        _, rows, columns = self.values.shape
        x, y = u * columns - 0.5, v * rows - 0.5
        left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
        x0, x1, y0, y1 = left % columns, (left + 1) % columns, top % rows, (top + 1) % rows
        upper = self.values[:, y0, x0] * (1 - fx) + self.values[:, y0, x1] * fx
        lower = self.values[:, y1, x0] * (1 - fx) + self.values[:, y1, x1] * fx
        mixed: Array = upper * (1 - fy) + lower * fy
        return mixed


class Noise(Tile):
    """Random clouds of mean 0 and deviation 1 whose amplitude falls as frequency to the minus `slope`."""

    def __init__(self, rng: np.random.Generator, slope: float, size: int = 512) -> None:
        frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]) * size
        frequency[0, 0] = np.inf
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * np.maximum(frequency, 2.0) ** -slope
        clouds = np.fft.irfft2(spectrum, (size, size))
        super().__init__((clouds / clouds.std())[None])

    def at(self, u: Array, v: Array) -> Array:
        """One channel, (N,)."""
        values: Array = self(u, v)[0]
        return values


def linear(image: Image.Image) -> Array:
    """A picture as linear light, (3, rows, columns)."""
    values = np.asarray(image.convert("RGB"), np.float32) / 255
    return np.ascontiguousarray((values**2.2).transpose(2, 0, 1))


def paint_pebbles(rng: np.random.Generator, size: int = 1024, count: int = 9000) -> Array:
    """A repeating picture of small stones, (3, size, size)."""
    image = Image.new("RGB", (size, size), (70, 62, 52))
    draw = ImageDraw.Draw(image)
    for x, y, r, flat, grey, warm in rng.random((count, 6)):
        a = 4 + 9 * r * r
        b = a * (0.55 + 0.4 * flat)
        level = 95 + 110 * grey
        for sx in (x * size - size, x * size, x * size + size):
            for sy in (y * size - size, y * size, y * size + size):
                if not (-16 < sx < size + 16 and -16 < sy < size + 16):
                    continue
                for shift, scale, light in ((1.6, 1.0, 0.38), (0.0, 1.0, 0.86), (-0.9, 0.62, 1.0)):
                    tone = tuple(int(level * light * c) for c in (1.0, 0.97 - 0.07 * warm, 0.92 - 0.22 * warm))
                    box = [
                        sx + shift - a * scale,
                        sy + shift - b * scale,
                        sx + shift + a * scale,
                        sy + shift + b * scale,
                    ]
                    draw.ellipse(box, fill=tone)
    return linear(image)


def write_centred(draw: ImageDraw.ImageDraw, text: str, centre: tuple[float, float], size: float, ink: Ink) -> None:
    """One line of lettering about a point."""
    draw.text(centre, text, fill=ink, font=ImageFont.load_default(size), anchor="mm")


def paint_cover(lines: list[str], paper: Ink, ink: Ink, size: tuple[int, int]) -> Array:
    """A book cover or spine: a double frame and centred lines, the first one largest; linear (3, H, W)."""
    image = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(image)
    width, height = size
    inset = height // 14
    draw.rectangle([inset, inset, width - inset, height - inset], outline=ink, width=max(2, height // 70))
    draw.rectangle([2 * inset, 2 * inset, width - 2 * inset, height - 2 * inset], outline=ink)
    step = (height - 4 * inset) / len(lines)
    for index, line in enumerate(lines):
        size_here = min((0.62 if index == 0 else 0.42) * step, 1.55 * (width - 5 * inset) / len(line))
        write_centred(draw, line, (width / 2, 2 * inset + (index + 0.5) * step), size_here, ink)
    return linear(image)


ARTICLE = (
    "Close one eye and then the other: the cup jumps, the wall behind it hardly moves. That jump is all a "
    "pair of cameras needs. Near things shift far, far things shift little, and whatever hides behind the "
    "cup for one eye is often in plain sight of the other. So the second picture is mostly the first one "
    "again, moved along its rows, and a file that holds both should cost much less than two. What remains "
    "are the edges, where one view sees past a leaf or a rail, the glints on glaze that sit in a "
    "different place for each eye, and the grain of the sensor, which no two exposures share. "
)


def paint_newspaper(size: tuple[int, int] = (1200, 880)) -> Array:
    """A front page with a headline, columns of small print and a picture; linear (3, H, W)."""
    image = Image.new("RGB", size, (226, 220, 205))
    draw = ImageDraw.Draw(image)
    width, height = size
    ink = (38, 36, 38)
    write_centred(draw, "THE RECTIFIED TIMES", (width / 2, 80), 92, ink)
    draw.line([40, 145, width - 40, 145], fill=ink, width=4)
    draw.line([40, 192, width - 40, 192], fill=ink, width=2)
    write_centred(draw, "No. 65    Two views of the same morning    Price: one baseline", (width / 2, 169), 26, ink)
    write_centred(draw, "Twice the picture, barely more ink", (width / 2, 240), 54, ink)
    words = (ARTICLE * 6).split()
    font = ImageFont.load_default(22)
    columns, gap = 4, 28
    span = (width - 80 - gap * (columns - 1)) / columns
    for column in range(columns):
        left, y = 40 + column * (span + gap), 290.0
        if column == 2:
            draw.rectangle([left, y, left + span, y + 180], fill=(120, 116, 110))
            draw.polygon(
                [(left, y + 180), (left + 90, y + 60), (left + 150, y + 120), (left + span, y + 180)],
                fill=ink,
            )
            draw.ellipse([left + 180, y + 25, left + 225, y + 70], fill=(232, 228, 216))
            y += 196
        while y < height - 50:
            line = words.pop(0)
            while words and font.getlength(f"{line} {words[0]}") < span:
                line += " " + words.pop(0)
            draw.text((left, y), line, fill=ink, font=font)
            y += 26
    return linear(image)
