"""Figures of single examples at a quality, and their means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..models import StereoModel

_QUALITIES = (0, 25, 50, 75, 100)


def qualities_of(model: StereoModel) -> tuple[int, ...]:
    """The qualities, 0 to 100, at which a model is measured; one without qualities has 0 alone."""
    return _QUALITIES if model.has_qualities else _QUALITIES[:1]


def means(points: Sequence[Mapping[str, float]], largest: Collection[str] = ()) -> dict[str, float]:
    """The mean of each figure over at least one point, and of those named in `largest` the largest."""
    columns = {key: [point[key] for point in points] for key in points[0]}
    return {key: max(values) if key in largest else sum(values) / len(values) for key, values in columns.items()}
