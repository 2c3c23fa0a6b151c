"""Block disparities between the views: how the encoder finds them, and how a picture is shifted by them.

A disparity field holds one whole number per 16x16 block, in half pixels: the pixel at column x of the second view
shows what is at column x + disparity / 2 of the first one, on the same row.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...effort import Effort
from ...nn.tiles import joined, row_tiles

BLOCK = 16
# The least disparity looked for, in pixels; a few are negative because rectification is never perfect.
_SMALLEST = -8
_COARSE = 4
_DIFFERENCE_LIMIT = 25.0
_LUMA = (0.299, 0.587, 0.114)
_Nearest = list[tuple[Tensor, Tensor]]


def blended_shift(picture: Tensor, disparity: Tensor) -> Tensor:
    """The second view as the first one predicts it, with overlapped blocks.

    Every pixel blends what the disparities of the four nearest blocks predict; the weight of a block falls linearly
    from its centre to the centres of its neighbours (overlapped block motion compensation: Orchard and Sullivan, IEEE
    Trans. Image Processing 3, 1994). picture: (B, H, W, C) floating point, sides multiples of 16; disparity: (B, H /
    16, W / 16) int64 in half pixels. Columns beyond the picture repeat its edge.
    """
    rows, columns = (_nearest_blocks(n, picture) for n in picture.shape[1:3])

    def parts() -> Iterator[Tensor]:
        for first, part in row_tiles(picture):
            here = slice(first, first + part.shape[1])
            yield _blended(part, disparity, [(block[here], weight[here]) for block, weight in rows], columns)

    return joined(parts(), picture.shape[1])


def _blended(picture: Tensor, disparity: Tensor, rows: _Nearest, columns: _Nearest) -> Tensor:
    """Some rows as the disparities of their nearest blocks predict them together."""
    finer = with_half_pixels(picture)
    blended = torch.zeros_like(picture)
    for row, down in rows:
        for column, across in columns:
            weight = down[:, None, None] * across[:, None]
            blended = torch.addcmul(blended, _gathered(finer, disparity[:, row][:, :, column]), weight)
    return blended


def _nearest_blocks(size: int, like: Tensor) -> _Nearest:
    """The two nearest blocks of every row or column, each with its weight, (size,) int64 and of `like`'s dtype."""
    place = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / BLOCK - 0.5
    before = place.floor()
    weight = place - before
    last = size // BLOCK - 1
    return [
        (before.long().clamp(0, last), 1 - weight),
        ((before.long() + 1).clamp(0, last), weight),
    ]


def with_half_pixels(picture: Tensor) -> Tensor:
    """(B, H, W, C) with the means of neighbouring columns put in, (B, H, 2 W, C); the last repeats its neighbour."""
    following = torch.cat([picture[:, :, 1:], picture[:, :, -1:]], 2)
    return torch.stack([picture, 0.5 * (picture + following)], 3).flatten(2, 3)


def _gathered(finer: Tensor, disparity: Tensor) -> Tensor:
    """Pixels of `with_half_pixels` at every column plus disparities (B, H, W) in half pixels, (B, H, W, C)."""
    batch, height, places, channels = finer.shape
    column = torch.arange(0, places, 2, device=finer.device) + disparity
    row_start = (torch.arange(batch * height, device=finer.device) * places).view(batch, height, 1)
    place = row_start + column.clamp(0, places - 2)
    return finer.reshape(-1, channels)[place.view(-1)].view(batch, height, places // 2, channels)


class DisparitySearch:
    """Finds fields that predict the second view well and are cheap to code.

    Semi-global matching (Hirschmüller, PAMI 2008) on a quarter of the resolution, then refinement block by block.
    """

    @torch.no_grad()
    def __init__(self, first: Tensor, second: Tensor, largest: int = Effort.largest_disparity) -> None:
        """Views (B, H, W, 3) in 0..1, sides multiples of 16. largest: disparity that is looked for, in pixels."""
        self._a, self._b = (_without_local_mean(brightness(view)) for view in (first, second))
        a, b = (F.avg_pool2d(luma[:, None], _COARSE)[:, 0] for luma in (self._a, self._b))
        self._costs, self._smallest = _coarse_costs(a, b, largest)

    @torch.no_grad()
    def field(self, smoothness: Tensor) -> Tensor:
        """The field (B, H / 16, W / 16) int64 in half pixels.

        smoothness: (B,), the mean absolute luma difference in grey levels that half a pixel of difference to a
        neighbouring block is worth.
        """
        penalty = smoothness[:, None, None]
        coarse = _semi_global(self._costs, penalty, 3 * penalty).argmin(-1) + self._smallest
        near = range(-2 * _COARSE, 2 * _COARSE + 1, 2)
        whole = _refined(self._a, self._b, 2 * _COARSE * coarse, near, smoothness)
        return _refined(self._a, self._b, whole, range(-1, 2), smoothness)


def brightness(view: Tensor) -> Tensor:
    """(B, H, W, 3) in 0..1 -> luma in grey levels, (B, H, W)."""
    # In the lower precision of mixed training, whose steps are a grey level, every seventh disparity would be another.
    with torch.autocast(view.device.type, enabled=False):
        luma: Tensor = (view @ _luma(view.dtype, view.device)) * 255
    return luma


@functools.cache
def _luma(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Kept, as a GPU waits for its work whenever numbers are brought to it."""
    with torch.inference_mode(False):
        return torch.tensor(_LUMA, dtype=dtype, device=device)


def _without_local_mean(luma: Tensor) -> Tensor:
    """So that different exposure of the views does not matter."""
    mean = luma[:, None]
    for kernel, padding in (((17, 1), (8, 0)), ((1, 17), (0, 8))):
        mean = F.avg_pool2d(mean, kernel, 1, padding, count_include_pad=False)
    return luma - mean[:, 0]


def _coarse_costs(a: Tensor, b: Tensor, largest: int) -> tuple[Tensor, int]:
    """Costs (B, h, w, D) of disparities in pixels of the coarse pictures (B, H, W), and the least of these.

    largest: of the pictures as they are.
    """
    width = a.shape[2]
    smallest = max(_SMALLEST // _COARSE, 1 - width)
    candidates = range(smallest, min(largest // _COARSE, width - 1) + 1)
    padded = F.pad(a[:, None], (-smallest, candidates[-1], 0, 0), mode="replicate")[:, 0]
    costs = []
    for number in range(len(candidates)):
        difference = (b - padded[:, :, number : number + width]).abs().clamp(max=_DIFFERENCE_LIMIT)
        costs.append(F.avg_pool2d(difference[:, None], BLOCK // _COARSE)[:, 0])
    return torch.stack(costs, -1), smallest


def _semi_global(cost: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Cost (B, h, w, D) plus, along four directions, that of the best smooth path that leads to each block."""
    total = torch.zeros_like(cost)
    for axis in (1, 2):
        slices = cost.unbind(axis)
        for order in (range(len(slices)), range(len(slices) - 1, -1, -1)):
            path = slices[order[0]]
            paths = {order[0]: path}
            for index in order[1:]:
                best = path.amin(-1, keepdim=True)
                above = F.pad(path[..., 1:], (0, 1), value=float("inf"))
                below = F.pad(path[..., :-1], (1, 0), value=float("inf"))
                step = torch.minimum(torch.minimum(above, below) + near, best + far)
                path = slices[index] + torch.minimum(path, step) - best
                paths[index] = path
            total += torch.stack([paths[index] for index in range(len(slices))], axis)
    return total


def _refined(a: Tensor, b: Tensor, field: Tensor, offsets: range, smoothness: Tensor) -> Tensor:
    """The best of field + offsets per block, weighing prediction error against differences to neighbours."""
    first, last = offsets[0], offsets[-1]
    candidates = field[..., None] + torch.arange(first, last + 1, offsets.step, device=a.device)
    batch, height, width = a.shape
    # All that any candidate shows in a block: then each of them is a slice.
    places = torch.arange(first, 2 * BLOCK + last, device=a.device)
    column = 2 * BLOCK * torch.arange(width // BLOCK, device=a.device)[:, None] + field[..., None] + places
    column = column.clamp(0, 2 * width - 2).flatten(2).repeat_interleave(BLOCK, 1)
    windows = with_half_pixels(a[..., None])[..., 0].gather(2, column).view(batch, height, -1, len(places))
    blocks = b.view(batch, height, -1, BLOCK)
    costs = []
    for offset in offsets:
        difference = (blocks - windows[..., offset - first : offset - first + 2 * BLOCK : 2]).abs()
        difference = difference.clamp_(max=_DIFFERENCE_LIMIT).sum(-1)
        costs.append(difference.view(batch, -1, BLOCK, width // BLOCK).sum(2) / BLOCK**2)
    cost = torch.stack(costs, -1)
    for _ in range(2):
        padded = F.pad(field[:, None].float(), (1, 1, 1, 1), mode="replicate")[:, 0]
        neighbours = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
        jump = torch.stack([(candidates - n[..., None]).abs().clamp(max=6.0) for n in neighbours]).mean(0)
        field = candidates.gather(-1, (cost + smoothness[:, None, None, None] * jump).argmin(-1, keepdim=True))[..., 0]
    return field
