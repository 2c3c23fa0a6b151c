"""The quality at which a file is as small, or its pictures are as good, as was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .container.limits import MAX_QUALITY, QUALITY_STEPS
from .errors import InvalidInput
from .pictures.arguments import plain_number

MAX_CODINGS = 6
"""The most codings that a search takes."""
_START = 50.0
_MOST_BYTES = 2**62  # no file has more, and none has less than one


@dataclass(frozen=True)
class Trial:
    """A coding: the bytes of its file, the PSNR in dB (NaN where nobody asked for it), and what was coded."""

    size: int
    psnr: float
    coded: Any


@dataclass(frozen=True)
class Target:
    """The most bytes of a file, or the least PSNR.

    kind: "size" or "psnr". value: bytes, or dB.
    """

    kind: str
    value: float

    @property
    def is_size(self) -> bool:
        """Whether less is better."""
        return self.kind == "size"

    def distance(self, trial: Trial) -> float:
        """How far a trial is beyond the target, in steps of quality as they are in most pictures."""
        # A step changes the size by some 4.5 %, and PSNR by 0.18 dB.
        return math.log(trial.size / self.value) / 0.045 if self.is_size else (trial.psnr - self.value) / 0.18

    def is_kept(self, trial: Trial) -> bool:
        """Whether a trial is what was asked for."""
        return trial.size <= self.value if self.is_size else trial.psnr >= self.value


def target_of(size: int | None, bpp: float | None, psnr: float | None, pixels: int) -> Target | None:
    """What the arguments ask for; None if they ask for nothing.

    size: bytes. bpp: bits per pixel of all views together, `pixels` in number. psnr: dB.
    Raises InvalidInput for more than one of them, and for what is no number above zero.
    """
    given = {"target_size": size, "target_bpp": bpp, "target_psnr": psnr}
    named = {name: plain_number(value) for name, value in given.items() if value is not None}
    if len(named) > 1:
        raise InvalidInput(f"{' and '.join(named)} are different targets: give one of them")
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise InvalidInput(f"{name} is {value!r}; it must be a number above 0")
        if name == "target_psnr":
            return Target("psnr", value)
        most = value if name == "target_size" else value * pixels / 8
        return Target("size", math.floor(min(max(most, 1), _MOST_BYTES)))
    return None


class TargetSearch:
    """Looks for the best quality that keeps a size, or for the least that keeps a PSNR.

    Size, by its logarithm, and PSNR grow nearly evenly with quality, so that a line through two trials leads close to
    the target: regula falsi, which usually ends after three trials.
    """

    # In steps of quality: one percent of the size, or 0.04 dB. What is nearer ends the search.
    _NEAR = 0.22
    _STEP = 1 / QUALITY_STEPS

    def __init__(self, target: Target) -> None:
        self.target = target
        self._trials: dict[float, tuple[float, Trial]] = {}
        # Aimed at from the side that keeps the target.
        self._aim = -self._NEAR / 2 if target.is_size else self._NEAR / 2

    def run(self, code: Callable[[float], Trial]) -> tuple[float, Trial]:
        """The quality that was found, and its trial.

        code: codes at a quality of 0 to 100 in steps of 1/256; called up to MAX_CODINGS times.
        Raises InvalidInput where no quality keeps the target, with what is possible.
        """
        quality: float | None = _START
        while quality is not None:
            trial = code(quality)
            self._trials[quality] = self.target.distance(trial) - self._aim, trial
            quality = self._next()
        kept = [(quality, trial) for quality, (_, trial) in self._trials.items() if self.target.is_kept(trial)]
        if not kept:
            raise InvalidInput(self._what_is_possible())
        return (max if self.target.is_size else min)(kept, key=lambda found: found[0])

    def _next(self) -> float | None:
        """The next quality to try; None when there is nothing left to find."""
        if any(abs(beyond) <= self._NEAR / 2 for beyond, _ in self._trials.values()):
            return None
        left = MAX_CODINGS - len(self._trials)
        is_kept = any(self.target.is_kept(trial) for _, trial in self._trials.values())
        if left == 0:
            return None
        limit = 0.0 if self.target.is_size else float(MAX_QUALITY)
        quality = round(min(max(self._towards_target(), 0), MAX_QUALITY) * QUALITY_STEPS) / QUALITY_STEPS
        if not is_kept and (left == 1 or quality in self._trials):  # nothing is refused before the limit was tried
            quality = limit
        return None if quality in self._trials else quality

    def _towards_target(self) -> float:
        """Where the line through the two trials on both sides of the target, or the two nearest ones, meets it."""
        points = sorted((quality, beyond) for quality, (beyond, _) in self._trials.items())
        below, above = ([p for p in points if p[1] < 0], [p for p in points if p[1] > 0])
        if below and above:
            (low, before), (high, after) = below[-1], above[0]
            middle = low + (high - low) * before / (before - after)
            return min(max(middle, low + self._STEP), high - self._STEP)
        (quality, beyond), *others = sorted(points, key=lambda p: abs(p[1]))
        slope = 1.0
        if others and others[0][1] != beyond:
            slope = max((others[0][1] - beyond) / (others[0][0] - quality), 0.1)
        change = -beyond / slope
        if others:  # a little further, so that the target comes to lie between trials
            change += math.copysign(self._NEAR / 2, change)
        return quality + (max(change, self._STEP) if change > 0 else min(change, -self._STEP))

    def _what_is_possible(self) -> str:
        trials = [trial for _, trial in self._trials.values()]
        if self.target.is_size:
            least = min(trial.size for trial in trials)
            return (
                f"no quality makes a file of {self.target.value:,.0f} bytes or less: the smallest has {least:,} bytes"
            )
        best = max(trial.psnr for trial in trials)
        return f"no quality reaches a PSNR of {self.target.value:g} dB: the best one gives {best:.2f} dB"
