"""How hard an encoder tries to make a file small: what each level of effort means. Readers need not know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What an encoder tries.

    largest_disparity: the largest that it looks for, in pixels; 0 for no search. weighs_disparities: whether it gives
    up those that are not worth their bits. checks: how much it looks at what the networks make of the pictures: with 1,
    it codes what they leave where that pays, and keeps tints away that they bring; with less, it codes what they leave
    of drawn patterns, which this share of the rows, in the middle, tells; with 0, it does not look. passes: how often
    it refines the latents by a gradient through the networks of decoding. fields: of how many fields of disparities it
    takes what is best where, by what the networks make of them.
    """

    largest_disparity: int = 320
    weighs_disparities: bool = True
    checks: float = 1.0
    passes: int = 0
    fields: int = 1


DEFAULT_EFFORT = 5
EFFORTS = {
    1: Effort(0, weighs_disparities=False, checks=0),
    2: Effort(64, weighs_disparities=False, checks=0),
    3: Effort(128, checks=0),
    4: Effort(checks=0.25),
    DEFAULT_EFFORT: Effort(),
    6: Effort(passes=1),
    7: Effort(passes=3),
    8: Effort(passes=10, fields=3),
    9: Effort(passes=40, fields=4),
}
"""By level; docs/effort.md has what each of them takes and saves."""
