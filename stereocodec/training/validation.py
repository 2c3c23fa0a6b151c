"""Rates and quality on scenes that training never sees, and on some that it does.

In float32 also where a run computes in bfloat16: that changes the built-in model's rates by 0.1 to 0.5 %, and its
PSNR at quality 100 by 0.2 dB, to save a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch

from ..models import StereoModel
from .examples import Example, central
from .kind import Kind
from .losses import Symbols, estimate
from .points import means, qualities_of

VALIDATED_SIDE = 768
# Of crops that training sees: a third of the time of the others. What they tell is whether they get better while the
# held-out scenes do not, and for that the size does not matter.
SEEN_SIDE = 384

_Example = TypeVar("_Example", bound=Example)


@torch.no_grad()
def validate(
    kind: Kind[_Example],
    model: StereoModel,
    examples: Sequence[_Example],
    max_side: int = VALIDATED_SIDE,
    symbols: Symbols = "rounded",
) -> list[dict[str, float]]:
    """Estimated bits and quality (`Kind.validated`), means over the examples' central crops of at most `max_side`.

    A row for each quality that the model is measured at, with the column `quality`, 0 to 1; none without examples.
    """
    device = next(model.parameters()).device
    rows = []
    for quality in qualities_of(model) if examples else ():
        points = []
        for crop in (central(example, max_side) for example in examples):
            x = kind.batch(crop).to(device)
            qualities = torch.full((2,), quality / 100, device=device)
            bpp, decoded = estimate(model, x[..., : kind.channels], qualities, symbols)
            points.append(kind.validated(crop, bpp, decoded, x))
        rows.append({"quality": quality / 100} | means(points))
    return rows


def with_seen(rows: Sequence[dict[str, float]], seen: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Rows per quality of held-out scenes, with the rate and PSNR of scenes that training sees, where there are any."""
    if not seen:
        return list(rows)
    return [row | {f"seen_{key}": other[key] for key in ("bpp", "psnr")} for row, other in zip(rows, seen, strict=True)]
