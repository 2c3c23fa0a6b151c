"""The training loop: random crops, continuous quality, an average of the weights, logs and checkpoints."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..devices import exact_device
from ..errors import TrainingError
from ..files import write_atomically
from ..models import StereoModel
from ..nn.precision import autocast
from . import distributed
from .astray import GradientWatch
from .checkpoint import (
    CONFIG,
    FILE_NAME,
    check_settings,
    load_checkpoint,
    random_state,
    save_checkpoint,
    set_random_state,
)
from .config import TrainingConfig
from .examples import Example, Photo, split_validation, spread
from .growth import grow
from .held_out import told, with_held_out
from .initialise import check_start, initialise, prepare_encoder, starting_model
from .kinds import check_examples, kind_of
from .logs import RunLogs
from .losses import Symbols
from .optimisation import Optimisation
from .optimisers import WeightAverage
from .progress import Pace, Stop, hours, never
from .speed import GpuMeter, hardware
from .validation import SEEN_SIDE, validate, with_seen

_CALIBRATION_BATCHES = 8
_LOG_EVERY = 20

Report = Callable[[str], None]


class Trainer:
    """One run in one folder: config.json, checkpoint.safetensors, train.csv, validation.csv.

    examples: what the architecture learns from (`kinds.load_examples`). photos: single photographs, of which
    `photo_share` of the crops are made. init: a release's name or folder, or a run's folder, whose weights are the
    start. grow: a run's folder that this run goes on from, with larger networks (`growth.grow`). workers: how many
    processes draw crops of pairs ahead (`CropWorkers`), 0 for none. In a process group
    (`distributed.process_group`) every process makes one of these with the same arguments and its own device; they
    share each batch, and the first writes.

    Raises TrainingError when the folder holds a run and `resume` is off, when it holds none, or one of another
    architecture, model or optimiser, and `resume` is on, when `init` has other networks, and what `grow` raises.
    """

    def __init__(
        self,
        config: TrainingConfig,
        examples: Sequence[Example],
        folder: Path,
        *,
        photos: Sequence[Photo] = (),
        device: torch.device | str = "cpu",
        resume: bool = False,
        init: str | Path | None = None,
        grow: Path | None = None,
        workers: int = 0,
        report: Report = print,
    ) -> None:
        self.config, self.folder = config, folder
        self.device = torch.device(device)
        if exact_device(self.device) != self.device:
            raise TrainingError(f"training needs float64, which {self.device} does not have; use --device cpu or cuda")
        self._rank, self._processes = distributed.rank(), distributed.world_size()
        self._is_first = self._rank == 0
        self.report: Report = report if self._is_first else lambda line: None
        self._batch_size = distributed.share_of(config.batch_size)
        check_start(resume, init, grow)
        torch.manual_seed(config.seed + self._rank)
        self.model = starting_model(config, self.device)
        self.kind = kind_of(self.model)
        check_examples(self.kind, config.arch, examples)
        config = self.config = with_held_out(config, examples, self.kind.least_side, folder if resume else grow)
        self.rate_distortion = self.kind.rate_distortion(self.model, config)
        prepare_encoder(self.model, config)
        kept, self.validation_examples = split_validation(examples, config.validation_scenes, self.kind.least_side)
        crop = config.crop_height, config.crop_width
        self._seen_examples = spread(kept, len(self.validation_examples), crop)
        self.sampler = self.kind.sampler(config, kept, photos, self.device, config.seed + self._rank, workers)
        self.optimisation = Optimisation(self.model, config)
        self.logs, self._watch = RunLogs(folder), GradientWatch()
        self.step, self.crop_pairs = 0, 0
        self.hardware, self.init = dict[str, float](), ""
        average = self._resume() if resume else self._start(init, grow)
        self._write_settings()
        self._meter = None
        if self.device.type == "cuda":
            self._meter = GpuMeter(self.rate_distortion, self.kind.blank(config, self.device), config.precision)
        if config.compile:
            self.rate_distortion.compile()
        self._forward = distributed.distributed(self.rate_distortion, self.device, self.model.auxiliary_parameters())
        # Only now have all processes of a group the weights of the first.
        self.average = WeightAverage(self.model, config.ema_decay)
        self.average.tensors.update(average)
        self.report(told(self.kind.called, kept, self.validation_examples, crop))

    def _start(self, init: str | Path | None, former: Path | None) -> dict[str, Tensor]:
        """Returns the averages that the run has from the start."""
        if (self.folder / FILE_NAME).exists():
            raise TrainingError(f"{self.folder} already holds a run; add --resume, or choose another folder")
        average: dict[str, Tensor] = {}
        if former is not None:
            average, progress = grow(former, self.model, self.config, self.optimisation.all)
            self.step, self.crop_pairs, self.hardware = (progress[k] for k in ("step", "crop_pairs", "hardware"))
            grown = f"grown from the run {former.resolve().name} at step {self.step}"
            self.init = f"{progress['init']}, {grown}" if progress["init"] else grown
            self._reseed()
        elif init is not None:
            self.init = initialise(self.model, init)
        else:
            batches = [self.sampler.batch(self._batch_size) for _ in range(_CALIBRATION_BATCHES)]
            self.model.calibrate(torch.cat(batches))
        if self._is_first:
            self.logs.begin()
        return average

    def _resume(self) -> dict[str, Tensor]:
        """Returns the averages of the checkpoint."""
        check_settings(self.folder, self.config)
        average = WeightAverage(self.model, self.config.ema_decay).tensors
        path = self.folder / FILE_NAME
        states, progress = load_checkpoint(path, self.model, average, self.optimisation.all)
        self.step, self.crop_pairs = progress["step"], progress["crop_pairs"]
        self.hardware, self.init = progress["hardware"], progress["init"]
        if self._rank < len(states):
            set_random_state(states[self._rank], self.device)
            self.sampler.generator.bit_generator.state = progress["samplers"][self._rank]
        else:  # a process that the run did not have before
            self._reseed()
        if self._is_first:
            self.logs.rewind(self.step)
        return average

    def _reseed(self) -> None:
        """Other random numbers than those of the run's beginning, which it has seen."""
        seed = self.config.seed + self._rank + (self.step << 32)
        torch.manual_seed(seed)
        self.sampler.generator = np.random.Generator(np.random.PCG64(seed))

    def save(self) -> None:
        """Writes the checkpoint; every process of a group must call it."""
        samplers = distributed.gather(self.sampler.generator.bit_generator.state)
        random_states = distributed.gather(random_state(self.device))
        if self._is_first:
            progress = {
                "step": self.step,
                "crop_pairs": self.crop_pairs,
                "hardware": self.hardware,
                "init": self.init,
                "samplers": samplers,
            }
            path = self.folder / FILE_NAME
            save_checkpoint(path, self.model, self.average.tensors, self.optimisation.all, random_states, progress)

    def reschedule(self, steps: int, decay_steps: int) -> None:
        """Trains to another number of steps, with another fall of the learning rates before it."""
        self.config = dataclasses.replace(self.config, steps=steps, decay_steps=decay_steps)
        self._write_settings()

    def _write_settings(self) -> None:
        if self._is_first:
            settings = json.dumps(dataclasses.asdict(self.config), indent=2)
            write_atomically(self.folder / CONFIG, f"{settings}\n".encode(), overwrite=True)

    def run(self, max_minutes: float | None = None, *, stop: Stop = never, minutes_after: float = 0.0) -> None:
        """Trains to the configured number of steps, or for `max_minutes`; leaves a checkpoint either way.

        stop: asked after every step whether to end now, with a checkpoint and without validation; in a process group
            all must answer alike. minutes_after: how long the caller will train further, for the time left.

        Raises TrainingError when gradients grow far beyond their usual size (`GradientWatch`); the checkpoint stays as
        it is.
        """
        pace = Pace(self.config.steps - self.step, max_minutes, minutes_after)
        with self.logs.tensorboard(self.step) if self._is_first else nullcontext():
            self._run(pace, stop)
        distributed.wait()  # until the first process has written everything

    def _run(self, pace: Pace, stop: Stop) -> None:
        config, validated_step = self.config, -1
        here = hardware(self.device, self._processes)
        before = self.hardware.get(here, 0.0)
        recent: list[dict[str, Tensor]] = []
        while self.step < config.steps:
            with pace.step():
                recent.append(self.train_step())
            self.hardware[here] = before + pace.seconds
            if self.step % _LOG_EVERY == 0:
                self._log(recent, pace.lap() * config.batch_size, f"{hours(pace.seconds_left())} left")
                recent = []
            elif pace.is_first_estimate:
                self.report(f"step {self.step}/{config.steps}  about {hours(pace.seconds_left())} left")
            if stop():
                break
            if self.step % config.checkpoint_every == 0:
                self.save()
            if self.step % config.validate_every == 0:
                self.validate()
                validated_step = self.step
            if pace.is_over():
                break
        self.save()
        if validated_step != self.step and not stop():
            self.validate()

    def train_step(self) -> dict[str, Tensor]:
        """One step of both optimisers; a step whose gradient is not finite changes nothing.

        Returns loss, gradient_norm and what the kind measures on this process's share of the batch, with MS-SSIM when
        the step is one that is logged: numbers on the training device.
        """
        config, model = self.config, self.model
        model.train()
        self.optimisation.set_rates(config.rate_at(self.step))
        x, quality = self.sampler.batch(self._batch_size), self._qualities()
        with autocast(config.precision, self.device):
            loss, bpp, decoded = self._forward(x, quality)
        loss.backward()
        norm, has_moved = self.optimisation.step()
        self.step += 1
        self.crop_pairs += config.batch_size
        if has_moved:
            self.average.update(model, self.step)
        with torch.no_grad():
            is_logged = self.step % _LOG_EVERY == 0
            measured = {"loss": loss, **self.kind.measured(bpp, decoded, x, with_ms_ssim=is_logged)}
        return {name: value.detach() for name, value in measured.items()} | {"gradient_norm": norm}

    def _qualities(self) -> Tensor:
        """One quality, (2B,), from each of equal parts of the range: the loss differs much between qualities."""
        strata = torch.arange(self._batch_size, device=self.device) + self._rank * self._batch_size
        noise = torch.rand_like(strata, dtype=torch.float32)
        return ((strata + noise) / self.config.batch_size).repeat(2)

    def averaged(self) -> StereoModel:
        """A copy of the model with the averaged weights, on the training device."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average.tensors)
        return model.eval()

    def validate(self) -> None:
        """Estimated bits and quality on the held-out scenes and on as many others, with the averaged weights.

        By rounded latents, so that the rows of most runs can be compared, or by what a run on chosen symbols learns on.
        """
        if not self._is_first or not self.validation_examples:
            return
        model = self.averaged()
        symbols: Symbols = "chosen" if self.config.symbols == "chosen" else "rounded"
        seen = validate(self.kind, model, self._seen_examples, SEEN_SIDE, symbols)
        rows = with_seen(validate(self.kind, model, self.validation_examples, symbols=symbols), seen)
        self.logs.validation(self.step, rows)
        points = "  ".join(map(self.kind.summary, rows))
        self.report(f"validation at step {self.step}: {points}")

    def _log(self, recent: list[dict[str, Tensor]], speed: float, left: str) -> None:
        """Logs the means of recent steps; speed in crops or crop pairs per second, and the time left in words."""
        names = list(recent[-1])
        means = torch.stack([torch.stack([r[n] for r in recent if n in r]).mean() for n in names])
        mean = dict(zip(names, distributed.mean(means).tolist(), strict=True))
        if self._is_first:
            self._log_row(mean, speed, left)
        if growth := self._watch.growth(mean["gradient_norm"]):
            raise TrainingError(
                f"gradients have {growth:.1f} times their usual norm at step {self.step}: the run goes astray; "
                "resume from its checkpoint, or a copy of one before, with lower learning rates (--set)"
            )

    def _log_row(self, mean: dict[str, float], speed: float, left: str) -> None:
        row: dict[str, Any] = {"step": self.step, "crop_pairs": self.crop_pairs}
        row |= {"minutes": sum(self.hardware.values()) / 60, **mean, "crop_pairs_per_second": speed}
        row["share_of_peak"] = self._meter.share_of_peak(speed / self._processes) if self._meter else None
        self.logs.train(row)
        busy = f"  {row['share_of_peak']:.0%} of the peak" if self._meter else ""
        self.report(
            f"step {self.step}/{self.config.steps}  loss {mean['loss']:.4f}  {self.kind.summary(mean)}  "
            f"{speed:.1f} {self.kind.crops}/s{busy}  {left}"
        )
