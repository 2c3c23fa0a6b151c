"""How hard an encoder tries to make a file small: what each level of effort means. Readers need not know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What an encoder tries.

    largest_disparity: the largest that it looks for, in pixels; 0 for no search. weighs_disparities: whether it gives
    up those that are not worth their bits. checks: whether it looks at what the networks make of the pictures, codes
    what they leave where that pays, and keeps tints away that they bring. passes: how often it refines the latents by
    a gradient through the networks of decoding.
    """

    largest_disparity: int = 320
    weighs_disparities: bool = True
    checks: bool = True
    passes: int = 0


DEFAULT_EFFORT = 5
EFFORTS = {
    1: Effort(0, weighs_disparities=False, checks=False),
    2: Effort(64, weighs_disparities=False, checks=False),
    3: Effort(128, weighs_disparities=False),
    4: Effort(weighs_disparities=False),
    DEFAULT_EFFORT: Effort(),
    6: Effort(passes=3),
    7: Effort(passes=10),
    8: Effort(passes=20),
    9: Effort(passes=40),
}
"""By level; docs/effort.md has what each of them takes and saves."""
