"""The training loop: random crops, continuous quality, an average of the weights, logs and checkpoints."""

from __future__ import annotations

import copy
import csv
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import TrainingError
from ..models import build_model
from ..models.bisic_rt import BisicRt
from .checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from .config import TrainingConfig
from .data import CropSampler, Pair, split_validation
from .losses import rate_and_distortion, rate_distortion_loss
from .validation import validate

_CALIBRATION_BATCHES = 8
_AVERAGE = 20
_CONFIG, _TRAINING_LOG, _VALIDATION_LOG = "config.json", "train.csv", "validation.csv"
_LOGS = (_TRAINING_LOG, _VALIDATION_LOG)

Report = Callable[[str], None]


class Trainer:
    """One run in one folder: config.json, checkpoint.safetensors, train.csv, validation.csv.

    Raises TrainingError when the folder holds a run and `resume` is off, and when it holds none, or one of another
    architecture, model or optimiser, and `resume` is on.
    """

    def __init__(
        self,
        config: TrainingConfig,
        pairs: Sequence[Pair],
        folder: Path,
        *,
        device: torch.device | str = "cpu",
        resume: bool = False,
        report: Report = print,
    ) -> None:
        self.config, self.folder, self.report = config, folder, report
        self.device = torch.device(device)
        train_pairs, self.validation_pairs = split_validation(pairs, config.validation_scenes)
        torch.manual_seed(config.seed)
        self.sampler = CropSampler(train_pairs, config.crop_height, config.crop_width, self.device, config.seed)
        try:
            self.model = build_model(config.arch, config.model).to(self.device)
        except (ValueError, RuntimeError) as error:
            raise TrainingError(" ".join(str(error).split())) from error
        self.optimisers = make_optimisers(self.model, config)
        self._base_rates = [[g["lr"] for g in o.param_groups] for o in self.optimisers]
        self.step, self.seconds = 0, 0.0
        if resume:
            self.ema = _copy(self.model)
            self._resume()
        else:
            self._start()
            self.ema = _copy(self.model)

    def _start(self) -> None:
        if (self.folder / FILE_NAME).exists():
            raise TrainingError(f"{self.folder} already holds a run; add --resume, or choose another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"{self.folder} cannot be made a run's folder: {error.strerror}") from error
        for log in _LOGS:  # of a run that was killed before its first checkpoint
            (self.folder / log).unlink(missing_ok=True)
        batches = [self.sampler.batch(self.config.batch_size) for _ in range(_CALIBRATION_BATCHES)]
        self.model.calibrate(torch.cat(batches))
        self._write_config()

    def _resume(self) -> None:
        self._check_config()
        progress = load_checkpoint(self.folder / FILE_NAME, self.model, self.ema, self.optimisers)
        self.step, self.seconds = progress["step"], progress["seconds"]
        self.sampler.generator.bit_generator.state = progress["sampler"]
        for log in _LOGS:
            _drop_rows(self.folder / log, after=self.step)
        self._write_config()

    def _write_config(self) -> None:
        settings = json.dumps(dataclasses.asdict(self.config), indent=2)
        (self.folder / _CONFIG).write_text(settings + "\n", encoding="utf-8")

    def _check_config(self) -> None:
        path = self.folder / _CONFIG
        try:
            former = TrainingConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.folder} holds no run to resume: {path.name} cannot be read") from error
        for name in ("arch", "model", "optimiser"):
            if getattr(former, name) != getattr(self.config, name):
                raise TrainingError(f"{self.folder} holds a run with another '{name}'; resume with what {path} says")

    def save(self) -> None:
        """Writes the checkpoint."""
        progress = {
            "step": self.step,
            "seconds": self.seconds,
            "sampler": self.sampler.generator.bit_generator.state,
            "model": dataclasses.asdict(self.model.config),
        }
        save_checkpoint(self.folder / FILE_NAME, self.model, self.ema, self.optimisers, progress)

    def run(self, max_minutes: float | None = None) -> None:
        """Trains to the configured number of steps, or for `max_minutes`; leaves a checkpoint either way."""
        started, recent = time.monotonic(), []
        before, validated_step = self.seconds, -1
        while self.step < self.config.steps:
            recent.append(self.train_step())
            self.seconds = before + time.monotonic() - started
            if self.step % _AVERAGE == 0:
                self._log(recent)
                recent.clear()
            if self.step % self.config.checkpoint_every == 0:
                self.save()
            if self.step % self.config.validate_every == 0:
                self.validate()
                validated_step = self.step
            if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
                break
        self.save()
        if validated_step != self.step:
            self.validate()

    def train_step(self) -> dict[str, float]:
        """One step of both optimisers; a step whose gradient is not finite changes nothing."""
        config, model = self.config, self.model
        model.train()
        factor = config.rate_at(self.step)
        for optimiser, rates in zip(self.optimisers, self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        x = self.sampler.batch(config.batch_size)
        # One quality from each of equal parts of the range: the loss differs much between qualities.
        strata = torch.arange(config.batch_size, device=self.device)
        quality = ((strata + torch.rand_like(strata, dtype=torch.float32)) / config.batch_size).repeat(2)
        enabled = config.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            bpp, mse = rate_and_distortion(model, x, quality, noise=True)
        loss = rate_distortion_loss(model.config, bpp, mse, quality)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        self.step += 1
        if torch.isfinite(norm):
            for optimiser in self.optimisers:
                optimiser.step()
            self._average_weights()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        return {
            "loss": loss.item(),
            "bpp": bpp.mean().item(),
            "psnr": (-10 * torch.log10(mse / 65025)).mean().item(),
            "gradient_norm": norm.item(),
        }

    @torch.no_grad()
    def _average_weights(self) -> None:
        weight = 1 - min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        state = self.model.state_dict()
        torch._foreach_lerp_([self.ema[name] for name in state], list(state.values()), weight)

    def averaged(self) -> BisicRt:
        """A copy of the model with the averaged weights, on the training device."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.ema)
        return model.eval()

    def validate(self) -> None:
        """Estimated bits and PSNR per quality on the held-out scenes, with the averaged weights."""
        rows = validate(self.averaged(), self.validation_pairs)
        _drop_rows(self.folder / _VALIDATION_LOG, after=self.step - 1)
        for row in rows:
            _append_csv(self.folder / _VALIDATION_LOG, {"step": self.step, **row})
        points = "  ".join(f"{row['bpp']:.3f} bpp {row['psnr']:.2f} dB" for row in rows)
        if rows:
            self.report(f"validation at step {self.step}: {points}")

    def _log(self, recent: list[dict[str, float]]) -> None:
        mean = {key: sum(r[key] for r in recent) / len(recent) for key in recent[0]}
        crops = self.step * self.config.batch_size
        row: dict[str, Any] = {"step": self.step, "crop_pairs": crops, "minutes": self.seconds / 60, **mean}
        _append_csv(self.folder / _TRAINING_LOG, row)
        speed = crops / max(self.seconds, 1e-9)
        self.report(
            f"step {self.step}/{self.config.steps}  loss {mean['loss']:.4f}  {mean['bpp']:.3f} bpp  "
            f"{mean['psnr']:.2f} dB  {speed:.1f} crop pairs/s"
        )


def make_optimisers(model: nn.Module, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices of the blocks and AdamW for the rest."""
    parameters = list(model.named_parameters())
    matrices = []
    if config.optimiser == "muon":
        matrices = [p for name, p in parameters if p.ndim == 2 and name.endswith("weight")]
    chosen = {id(p) for p in matrices}
    rest = [p for _, p in parameters if id(p) not in chosen]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    ]
    if matrices:
        optimisers.append(torch.optim.Muon(matrices, config.muon_learning_rate, weight_decay=0.0, momentum=0.95))
    return optimisers


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _append_csv(path: Path, row: dict[str, Any]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})


def _drop_rows(path: Path, *, after: int) -> None:
    """Removes the rows of later steps: those that a killed run logged after its checkpoint are logged again."""
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    steps = [line.partition(b",")[0] for line in lines]
    kept = [line for line, step in zip(lines, steps, strict=True) if not step.isdigit() or int(step) <= after]
    path.write_bytes(b"".join(kept))
