"""Stereo pairs made of single photographs: layers of known disparity, seen from two places.

A scene is a background with a smooth field of disparities and a few nearer regions with sharp outlines, each a
window of a photograph. Both views are resampled alike, half a disparity to either side of the place between them.
Nearer layers cover farther ones, and what they uncover on either side is the background itself, which goes on
behind them: so each view shows strips that the other does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...errors import TrainingError
from ..examples import Photo
from ..random_crops import AreaWeighted, random_place
from .augmentation import resized
from .layered_scenes import Layer, node_weights, random_scene

_LEAST_MARGIN, _MOST_MARGIN = 64, 192
_LARGEST_SCALE, _SMALLEST_SCALE = 1.5, 0.5
_NOISE_PLACES = 1 << 18


class PseudoPairs:
    """Draws pairs of `height` x `width` pixels from photographs, on `device`.

    Photographs are drawn as `AreaWeighted` says and scaled by 0.5 to 1; those of less than
    the crop and a margin of 64 columns are scaled up, by 1.5 at most, and left out where that is not enough. The
    median disparities reach from 2 to 120 pixels where the photographs are wide enough, those of the nearest
    regions to 200.

    Args:
        photos: at least one that is large enough, or TrainingError is raised.
        seed: of the sensor noise; all else is drawn from the generator that `draw` is given.
    """

    def __init__(self, photos: Sequence[Photo], height: int, width: int, device: torch.device, seed: int) -> None:
        self._height, self._width = height, width
        usable = [p for p in photos if self._least_scale(p.pixels) <= _LARGEST_SCALE]
        if not usable:
            raise TrainingError(
                f"no photograph is large enough for crops of {width}x{height}; use smaller crops or larger photographs"
            )
        self._photos = AreaWeighted([photo.to(device) for photo in usable])
        samples = 3 * height * width + _NOISE_PLACES
        noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(samples, dtype=np.float32)
        self._noise = torch.from_numpy(noise).to(device)
        self._rows, self._columns = (torch.from_numpy(node_weights(n)).to(device) for n in (height, width))

    def _least_scale(self, photo: Tensor) -> float:
        """The scale at which a photograph just holds a crop and the least margin."""
        return max(_SMALLEST_SCALE, self._height / photo.shape[0], (self._width + _LEAST_MARGIN) / photo.shape[1])

    def draw(self, generator: np.random.Generator) -> Tensor:
        """(height, width, 6) uint8: left RGB, then right RGB; what is at x in the right view is at x + d in the left,
        with a disparity d of 0 or more."""
        photo = self._photos.draw(generator).pixels
        least = self._least_scale(photo)
        scale = max(1, least) if generator.random() < 0.4 else generator.uniform(least, max(1, least))
        margin = min(_MOST_MARGIN, int(photo.shape[1] * scale) - self._width)
        layers = random_scene(generator, self._height, self._width, margin)
        textures = [self._window(photo, scale, margin, generator)]
        for _ in layers[1:]:
            # A mirrored window of the same photograph, or one of another: no copy of what it uncovers.
            if generator.random() < 0.5:
                photo = self._photos.draw(generator).pixels
            # Not scaled down, as near things are large.
            scale = max(1, self._height / photo.shape[0], (self._width + margin) / photo.shape[1])
            textures.append(self._window(photo, scale, margin, generator).flip(2))
        views = self.render(layers, textures)
        self._expose(views, generator)
        return views.round_().clamp_(0, 255).to(torch.uint8).flatten(0, 1).permute(1, 2, 0)

    def _window(self, photo: Tensor, scale: float, margin: int, generator: np.random.Generator) -> Tensor:
        """A random window of the scaled photograph: (3, height, width + margin) float32 in 0..255."""
        size = self._height, self._width + margin
        height, width = (min(round(n / scale), limit) for n, limit in zip(size, photo.shape[:2], strict=True))
        top, left = random_place(generator, (photo.shape[0], photo.shape[1]), (height, width))
        window = photo[top : top + height, left : left + width].permute(2, 0, 1)
        if (height, width) == size:
            return window.float()
        return resized(window[None], size)[0].float()

    def render(self, layers: Sequence[Layer], textures: Sequence[Tensor]) -> Tensor:
        """(2, 3, height, width) float32: the left and the right view of layers, the farthest first.

        `textures` has one (3, height, width + margin) float32 of the same device for each layer.
        """
        views = self._noise.new_empty(2, 3, self._height, self._width)
        for layer, texture in zip(layers, textures, strict=True):
            self._paint(views, layer, texture)
        return views

    def _paint(self, views: Tensor, layer: Layer, texture: Tensor) -> None:
        top, bottom, start, end = layer.bounds(*texture.shape[1:])
        if top == bottom:  # an outline may lie beside the texture, or be thinner than a pixel
            return
        planes = texture[:, top:bottom, start:end]
        if layer.mask is not None:
            mask = torch.from_numpy(layer.mask[top:bottom, start:end]).to(texture.device)
            planes = torch.cat([planes, mask[None].float().div_(255)])
        finer = _half_steps(planes)
        # In float64: there matrix products are exact to far below a thousandth of a pixel on all devices.
        nodes = self._rows[top:bottom] @ torch.from_numpy(layer.columns - start).to(texture.device)
        for view, part in enumerate(views[:, :, top:bottom]):
            left, right = layer.reach(view, self._width, start, end)
            seen = _resample_rows(finer, (nodes[view] @ self._columns[left:right].T).float())
            if layer.mask is None:
                part.copy_(seen)
            else:
                part[..., left:right].lerp_(seen[:3], seen[3:].clamp_(0, 1))

    def _expose(self, views: Tensor, generator: np.random.Generator) -> None:
        """Small differences of exposure, colour, tone curve, sharpness and noise between the two views, in place."""
        differs = generator.random(4) < (0.6, 0.5, 0.4, 0.8)
        gain = np.exp(generator.normal(0, 0.015, (2, 1)) + generator.normal(0, 0.005, (2, 3))) ** differs[0]
        bend = generator.normal(0, 0.03, 2) * differs[1]
        blur = generator.uniform(0, 0.12) * differs[2]
        if blur:
            _blur(views[generator.integers(2)], blur)
        deviation = generator.uniform(0.2, 2) * differs[3]
        for view, channel_gains, curve in zip(views, gain.tolist(), bend.tolist(), strict=True):
            for plane, factor in zip(view, channel_gains, strict=True):
                plane.mul_(factor)
            if curve:
                view.addcmul_(view, 255 - view, value=curve / 255)
            if deviation:
                start = generator.integers(_NOISE_PLACES)
                view.add_(self._noise[start : start + view.numel()].view(view.shape), alpha=deviation)


def _half_steps(planes: Tensor) -> Tensor:
    """(C, H, W) with the values halfway between columns put in: (C, H, 2 W - 1); W is at least 3.

    By the cubic kernel of `node_weights`. Linear interpolation of these values blurs far less than of the original.
    """
    finer = planes.new_empty(*planes.shape[:2], 2 * planes.shape[2] - 1)
    finer[..., ::2] = planes
    near = planes[..., 1:] + planes[..., :-1]
    far = torch.empty_like(near)
    torch.add(planes[..., :-3], planes[..., 3:], out=far[..., 1:-1])
    # Beyond its first and last column a plane goes on with their values.
    far[..., 0] = planes[..., 0] + planes[..., 2]
    far[..., -1] = planes[..., -3] + planes[..., -1]
    torch.sub(near.mul_(9 / 16), far, alpha=1 / 16, out=finer[..., 1::2])
    return finer


def _resample_rows(finer: Tensor, x: Tensor) -> Tensor:
    """Values of planes from `_half_steps` at columns `x`, (H, w) in 0..W - 1, of each row: (C, H, w)."""
    channels, _, width = finer.shape
    x = (2 * x).clamp_(0, width - 1.01)
    first = x.floor()
    column = first.long().expand(channels, -1, -1)
    before = finer.gather(2, column)
    return before.lerp_(finer[..., 1:].gather(2, column), (x - first).expand(channels, -1, -1))


def _blur(view: Tensor, strength: float) -> None:
    """(3, H, W) in place, with [strength, 1 - 2 strength, strength] along rows and columns."""
    for axis in (1, 2):
        size = view.shape[axis]
        before, after = view.narrow(axis, 0, size - 1), view.narrow(axis, 1, size - 1)
        steps = (after - before).mul_(strength)
        before.add_(steps)
        after.sub_(steps)
