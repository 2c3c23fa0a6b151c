"""What a model lets its user choose: a quality or a target, and an effort."""

from __future__ import annotations

from dataclasses import dataclass

from .container.limits import MAX_QUALITY, QUALITY_STEPS
from .effort import DEFAULT_EFFORT, EFFORTS, Effort
from .errors import InvalidInput
from .pictures.arguments import plain_number
from .targets import Target

DEFAULT_QUALITY = 50


@dataclass(frozen=True)
class Choices:
    """name: of the model. has_qualities, has_efforts: those of `StereoModel`."""

    name: str
    has_qualities: bool
    has_efforts: bool

    def quality(self, quality: float | None, target: Target | None = None) -> float:
        """The quality to take where there is no target: rounded to 1/256; 0 for a model with a single one.

        Raises InvalidInput for what is no number from 0 to 100, for a quality beside a target, and for any of them with
        a model of a single quality.
        """
        if target is not None and quality is not None:
            raise InvalidInput(f"quality {quality} and a target: give one of them")
        if not self.has_qualities:
            if target is not None or quality is not None:
                given = "targets" if target is not None else f"quality {quality}"
                raise InvalidInput(f"the model {self.name} has a single quality; leave {given} out")
            return 0
        if quality is None:
            return DEFAULT_QUALITY
        quality = plain_number(quality)
        if isinstance(quality, bool) or not isinstance(quality, int | float) or not 0 <= quality <= MAX_QUALITY:
            raise InvalidInput(f"quality is {quality!r}; it must be a number from 0 to {MAX_QUALITY}")
        rounded = round(quality * QUALITY_STEPS) / QUALITY_STEPS
        return int(rounded) if rounded == int(rounded) else rounded

    def effort(self, effort: int | None) -> Effort:
        """What an effort means; raises InvalidInput for what is none, and for any where the model has a single one."""
        if effort is None:
            return EFFORTS[DEFAULT_EFFORT]
        if not self.has_efforts:
            raise InvalidInput(f"the model {self.name} has a single effort; leave effort {effort} out")
        level = plain_number(effort)
        if isinstance(level, bool) or not isinstance(level, int) or level not in EFFORTS:
            raise InvalidInput(f"effort is {level!r}; it must be a whole number from {min(EFFORTS)} to {max(EFFORTS)}")
        return EFFORTS[level]
