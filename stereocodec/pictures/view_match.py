"""Whether two pictures look like the left and the right view of one scene, at a fraction of what coding them costs.

Blocks of the views, reduced to a width of some 160 pixels, are looked for along their rows in both directions, with the
normalised cross correlation. Half of the blocks of photographs find nothing better by chance than 0.5; what is found
by chance in these views is measured by looking for blocks of other rows as well. Of blocks that are found without
doubt, patches at full resolution tell how many rows they are off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from ..callers import warn_caller
from ..errors import UnlikelyPair
from .strips import strips

_WIDTH, _BLOCK = 160, 8  # of the reduced views, about; side of their blocks
_REACH = 0.4  # of the width, to either side
_LEAST_VARIANCE = 9.0  # of a block that can be found, in squared grey levels
_FOUND, _MARGIN = 0.8, 0.05  # a block is found with such a correlation, and no other place comes near it
_LEAST_FOUND = 20
_PATCHES, _PATCH = 64, 16  # most patches at full resolution, and their side
_LEAST_PATCHES, _LEAST_STEPS = 12, 2.0  # of patches, and the mean difference between rows in grey levels
_SHIFTS = range(-16, 17)  # rows of the reduced views, tried where few blocks are found

# Views may be cut so that all of a scene has negative disparities, as for a screen; then what is nearer mostly lies
# below, and in exchanged views above.
_LIKE_A_FLOOR = 0.6

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class ViewMatch:
    """How well two views match.

    textured: number of blocks that have something to be found by. similarity: median correlation of these with the best
    place on their row; chance: the same of other rows. found: the share that is found without doubt. disparity: median
    of these in pixels, None without any; ahead, behind: shares with disparities that are positive and negative, as they
    are in a pair of parallel cameras and in one whose views are exchanged. nearer_below: correlation of disparity with
    the row. rows: by how many rows the right view lies higher, median and the quartile nearer to 0; None where few
    patches tell.
    """

    textured: int = 0
    similarity: float = 0.0
    chance: float = 0.0
    found: float = 0.0
    disparity: float | None = None
    ahead: float = 0.0
    behind: float = 0.0
    nearer_below: float = 0.0
    rows: tuple[float, float] | None = None

    @property
    def is_known(self) -> bool:
        """Whether enough of the views has texture to say anything."""
        return self.textured >= _LEAST_FOUND

    @property
    def looks_exchanged(self) -> bool:
        """Whether the right view seems to come first, of views that match."""
        known = self.found * self.textured >= _LEAST_FOUND
        return known and self.behind > 0.5 and self.ahead < 0.1 and self.nearer_below < _LIKE_A_FLOOR

    @property
    def doubt(self) -> str | None:
        """What is wrong with the pair and what to do, in a line; None when it looks like one, or nothing is known."""
        if not self.is_known:
            return None
        if self.similarity < 0.72 and self.similarity - self.chance < 0.2 and self.found < 0.2:
            return "these do not look like two views of one scene, which makes the file larger: check the two pictures"
        if self.found * self.textured < _LEAST_FOUND:
            return None
        if self.looks_exchanged:
            return "left and right look exchanged, which makes the file larger: swap them (bisic encode --swap)"
        if self.rows is not None and abs(self.rows[0]) > (0.8 if self.found > 0.3 else 1.5) and abs(self.rows[1]) > 0.3:
            count = max(1, round(abs(self.rows[0])))
            number = f"{count} row{'s' if count > 1 else ''}"
            where = "higher" if self.rows[0] > 0 else "lower"
            return (
                f"the right view lies about {number} {where} than the left one, which makes "
                "the file larger: rectify the pair, or cut rows off"
            )
        return None


def warn_of_unlikely_pair(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> None:
    """Warns (`UnlikelyPair`), at the line that called this package, of views whose match gives reason to doubt."""
    doubt = match_views(left, right).doubt
    if doubt is not None:
        warn_caller(doubt, UnlikelyPair)


def match_views(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> ViewMatch:
    """Matches two views, (H, W, 3) uint8 of one size; nothing is known of those that are smaller than some blocks."""
    scale = max(1, round(left.shape[1] / _WIDTH))
    height, width = (side // scale // _BLOCK * _BLOCK for side in left.shape[:2])
    if height < 2 * _BLOCK or width < 4 * _BLOCK:
        return ViewMatch()
    first, second = (_reduced(view, scale)[:height, :width] for view in (left, right))
    shift, blocks = 0, _Blocks(first, second)
    if blocks.textured.any() and blocks.similarity < _FOUND:
        shift, blocks = max(
            ((shift, _Blocks(np.roll(first, -shift, 0), second)) for shift in _SHIFTS if abs(shift) < height // 3),
            key=lambda tried: (tried[1].similarity, -abs(tried[0])),
        )
    if not blocks.textured.any():
        return ViewMatch()
    rows = _rows_off((left, right), blocks, scale, shift)
    return blocks.match(scale, rows)


def _grey(part: NDArray[np.uint8]) -> Image.Image:
    """What of a view, (H, W, 3), is matched."""
    return Image.fromarray(part).convert("L")


def _reduced(view: NDArray[np.uint8], scale: int) -> Grey:
    parts = (_grey(view[rows]).reduce(scale) for rows in strips(view.shape[0], view.shape[1], scale))
    return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts])


class _Blocks:
    """Where the blocks of the second view are found on their rows of the first one, both (H, W) float32.

    All are (H / 8, W / 8). textured, found: which can be and are found. disparity: in pixels of these views.
    """

    def __init__(self, first: Grey, second: Grey) -> None:
        width = first.shape[1]
        reach = int(_REACH * width)
        blocks = second.reshape(-1, _BLOCK, width // _BLOCK, _BLOCK).swapaxes(1, 2)
        mean = blocks.mean((2, 3), keepdims=True)
        variance = np.square(blocks - mean).mean((2, 3))
        # Of noise, neighbouring pixels differ by more than what is left of a block without its mean.
        roughness = np.square(np.diff(blocks, axis=3)).mean((2, 3))
        self.textured = (variance > _LEAST_VARIANCE) & (roughness < variance)
        flat = (blocks - mean).reshape(*blocks.shape[:2], -1)
        true, others = _correlations(first, flat, reach)
        best, place = true.max(2), true.argmax(2)
        far = np.abs(np.arange(true.shape[2]) - place[..., None]) > 2
        rival = np.maximum(np.where(far, true, -1).max(2), others.max(2))
        self.disparity = place - reach
        self.found = self._agreeing(self.textured & (best > _FOUND) & (best > rival + _MARGIN))
        self._best, self._by_chance = best, others.max(2)

    def _agreeing(self, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Those of which a neighbour has about the same disparity: others were found by chance."""
        agreed = np.zeros_like(found)
        for axis in (0, 1):
            one, other = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
            alike = found[one] & found[other] & (np.abs(self.disparity[one] - self.disparity[other]) <= 2)
            agreed[one] |= alike
            agreed[other] |= alike
        return agreed

    @property
    def similarity(self) -> float:
        """The median correlation of textured blocks with their best places."""
        return float(np.median(self._best[self.textured]))

    def match(self, scale: int, rows: tuple[float, float] | None) -> ViewMatch:
        """What there is to say; scale: pixels of the views for one of these."""
        disparity, row = self.disparity[self.found], np.nonzero(self.found)[0]
        known = bool(disparity.size)
        varied = known and np.ptp(disparity) > 0 and np.ptp(row) > 0
        return ViewMatch(
            textured=int(self.textured.sum()),
            similarity=self.similarity,
            chance=float(np.median(self._by_chance[self.textured])),
            found=float(self.found.sum() / self.textured.sum()),
            disparity=float(np.median(disparity)) * scale if known else None,
            ahead=float((disparity > 0).mean()) if known else 0.0,
            behind=float((disparity < 0).mean()) if known else 0.0,
            nearer_below=float(np.corrcoef(row, disparity)[0, 1]) if varied else 0.0,
            rows=rows,
        )


def _correlations(view: Grey, blocks: Grey, reach: int) -> tuple[Grey, Grey]:
    """Of blocks (h, w, 64) without their means with all places within reach on their rows of a view (8 h, 8 w), and on
    rows that lie half the height away: (h, w, 2 reach + 1) each, -1 beyond the view."""
    rows, columns, samples = blocks.shape
    padded = np.pad(view, ((0, 0), (reach, reach))).reshape(rows, _BLOCK, -1)
    places = sliding_window_view(padded, _BLOCK, axis=2).transpose(0, 2, 1, 3).reshape(rows, -1, samples)
    deviation = np.sqrt(np.maximum(np.square(places).sum(2) - samples * np.square(places.mean(2)), 4 * samples))
    norm = np.maximum(np.sqrt(np.square(blocks).sum(2, keepdims=True)), 1e-3)
    column = _BLOCK * np.arange(columns)[:, None] + np.arange(2 * reach + 1)
    inside = (column >= reach) & (column <= reach + view.shape[1] - _BLOCK)
    found = []
    for turn in (0, rows // 2):
        every = places @ np.roll(blocks / norm, turn, 0).swapaxes(1, 2) / deviation[..., None]
        near = np.take_along_axis(every.swapaxes(1, 2), column[None], 2)
        found.append(np.where(inside, near, np.float32(-1)))
    return found[0], found[1]


def _rows_off(
    views: tuple[NDArray[np.uint8], NDArray[np.uint8]], blocks: _Blocks, scale: int, shift: int
) -> tuple[float, float] | None:
    """See `ViewMatch.rows`; from patches of the views (H, W, 3) in the middle of some blocks that are found.

    shift: rows of the reduced views that are known already.
    """
    places = np.argwhere(blocks.found)
    chosen = places[np.linspace(0, len(places) - 1, min(_PATCHES, len(places))).round().astype(int)]
    corners = (chosen * _BLOCK + _BLOCK // 2) * scale - _PATCH // 2
    offsets = [
        _row_offset(views, int(top), int(left), scale * shift, scale * int(blocks.disparity[row, column]), scale)
        for (row, column), (top, left) in zip(chosen, corners, strict=True)
    ]
    known = np.array([offset for offset in offsets if offset is not None])
    if len(known) < _LEAST_PATCHES:
        return None
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75))
    nearer = max(low, 0.0) if median > 0 else min(high, 0.0)
    return float(median), float(nearer)


def _row_offset(
    views: tuple[NDArray[np.uint8], NDArray[np.uint8]], top: int, left: int, down: int, across: int, reach: int
) -> float | None:
    """By how many rows a patch of the second view is found lower in the first one, near rows and columns off.

    None when it has no texture, when it or its surroundings leave the picture, or when it is not found.
    """
    rows = reach + 4
    area = np.s_[
        top + down - rows : top + down + _PATCH + rows, max(0, left + across - reach) : left + across + _PATCH + reach
    ]
    if min(top, left, top + down - rows) < 0:
        return None
    there, around = views[1][top : top + _PATCH, left : left + _PATCH], views[0][area]
    if there.shape[:2] != (_PATCH, _PATCH) or around.shape[0] != _PATCH + 2 * rows or around.shape[1] < _PATCH:
        return None
    patch, searched = (np.asarray(_grey(part), dtype=np.float32) for part in (there, around))
    patch = patch - patch.mean()
    if np.abs(np.diff(patch, axis=0)).mean() < _LEAST_STEPS:
        return None
    windows = sliding_window_view(searched, patch.shape)
    flat = windows.reshape(-1, patch.size)
    deviation = np.sqrt(np.maximum(np.square(flat).sum(1) - patch.size * np.square(flat.mean(1)), patch.size))
    found = (flat @ patch.ravel() / (deviation * np.linalg.norm(patch))).reshape(windows.shape[:2])
    row, column = divmod(int(found.argmax()), found.shape[1])
    if found[row, column] < _FOUND or row in (0, 2 * rows):
        return None
    # The top of the parabola through three rows.
    before, here, after = found[row - 1 : row + 2, column]
    curvature = before - 2 * here + after
    return float(down + row - rows + (0.5 * (before - after) / curvature if curvature < 0 else 0))
