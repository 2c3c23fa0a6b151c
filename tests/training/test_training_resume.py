"""Checkpoints: runs that are resumed, prolonged, killed or in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import TINY, checkpoint_of, rows_of, same, state_of, tiny, trained
from safetensors.torch import save_file

from stereocodec.errors import TrainingError
from stereocodec.training.loop import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(pairs, tmp_path, optimiser):
    trained(pairs, tmp_path / "whole", 6, optimiser=optimiser)
    trained(pairs, tmp_path / "parts", 3, optimiser=optimiser)
    torch.manual_seed(99)
    resumed = trained(pairs, tmp_path / "parts", 3, optimiser=optimiser, resume=True)
    assert resumed.step == 6
    (progress, tensors), (other_progress, other) = (checkpoint_of(tmp_path / name) for name in ("whole", "parts"))
    assert progress == other_progress
    assert sorted(tensors) == sorted(other)
    assert [name for name in tensors if not torch.equal(tensors[name], other[name])] == []
    moments = [name for name in tensors if name.startswith("optimiser/")]
    assert moments
    assert any(tensors[name].any() for name in moments)


@pytest.mark.parametrize("at", ["write", "rename"])
def test_a_run_killed_while_it_saves_goes_on_from_the_checkpoint_before(pairs, tmp_path, monkeypatch, at):
    trainer = trained(pairs, tmp_path, 2)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    trainer.train_step()

    def killed(*_):
        raise KeyboardInterrupt

    files = sorted(path.name for path in tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync" if at == "write" else "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            trainer.save()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    resumed = trained(pairs, tmp_path, 1, resume=True)
    assert resumed.step == 3
    assert same(state_of(resumed), state_of(trainer))


# A process that trains and is killed by the system in the step after its second checkpoint.
KILLED = """
import os, signal, sys
from pathlib import Path

import torch
from runs import tiny

from stereocodec.training.pairs.data import load_pairs
from stereocodec.training.loop import Trainer

torch.set_num_threads(1)
pictures, folder = map(Path, sys.argv[1:])

class Killed(Trainer):
    def train_step(self):
        measured = super().train_step()
        if self.step == 23:
            os.kill(os.getpid(), signal.SIGKILL)
        return measured

settings = tiny(steps=26, checkpoint_every=11, validate_every=10, validation_scenes=("validation",))
Killed(settings, load_pairs([pictures]), folder, report=lambda line: None).run()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_a_killed_run_goes_on_to_the_same_bits_and_logs(pairs, pictures, tmp_path):
    command = [sys.executable, "-c", KILLED, str(pictures), str(tmp_path / "killed")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert checkpoint_of(tmp_path / "killed")[0]["step"] == 22
    settings = tiny(steps=26, checkpoint_every=11, validate_every=10, validation_scenes=("validation",))
    torch.manual_seed(99)
    for name, resume in (("killed", True), ("whole", False)):
        Trainer(settings, pairs, tmp_path / name, resume=resume, report=lambda line: None).run()
    (progress, tensors), (other_progress, other) = (checkpoint_of(tmp_path / name) for name in ("whole", "killed"))
    assert progress["step"] == 26
    assert {**progress, "hardware": None} == {**other_progress, "hardware": None}
    assert tensors.keys() == other.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], other[name])] == []
    for log in ("train.csv", "validation.csv"):
        whole, resumed = (rows_of(tmp_path / name / log) for name in ("whole", "killed"))
        measured_by_the_clock = {"minutes", "crop_pairs_per_second"}
        assert [{k: v for k, v in row.items() if k not in measured_by_the_clock} for row in whole] == [
            {k: v for k, v in row.items() if k not in measured_by_the_clock} for row in resumed
        ]


def test_crop_pairs_are_counted_over_changes_of_the_batch(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    assert trained(pairs, tmp_path, 3, resume=True, batch_size=1).crop_pairs == 2 * 2 + 3 * 1
    assert checkpoint_of(tmp_path)[0]["crop_pairs"] == 7
    assert Trainer(tiny(), pairs, tmp_path, resume=True).crop_pairs == 7


def test_a_run_is_not_overwritten(pairs, tmp_path):
    trained(pairs, tmp_path, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="already holds a run; add --resume, or choose another folder"):
        Trainer(tiny(), pairs, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    file = tmp_path / "config.json"
    with pytest.raises(TrainingError, match="cannot be made a run's folder"):
        Trainer(tiny(), pairs, file)


def test_nothing_is_resumed_where_there_is_no_run(pairs, tmp_path):
    with pytest.raises(TrainingError, match="holds no training run"):
        Trainer(tiny(), pairs, tmp_path, resume=True)
    trained(pairs, tmp_path, 1)
    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match="is not a checkpoint of this configuration"):
        Trainer(tiny(), pairs, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("setting", "value"), [("optimiser", "muon"), ("model", TINY | {"channels8": 24}), ("model", {})]
)
def test_a_run_is_not_resumed_with_other_networks_or_optimisers(pairs, tmp_path, setting, value):
    trained(pairs, tmp_path, 1)
    with pytest.raises(TrainingError, match=f"holds a run with another '{setting}'"):
        Trainer(tiny(**{setting: value}), pairs, tmp_path, resume=True)


def test_a_run_can_be_prolonged(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    resumed = Trainer(tiny(steps=9), pairs, tmp_path, resume=True, report=lambda line: None)
    resumed.run()
    assert resumed.step == 9
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 9


def test_logs_follow_the_checkpoint_and_not_the_killed_run(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    # The last line was being written when the run was killed.
    (tmp_path / "train.csv").write_bytes(b"step,loss\r\n1,3\r\n2,2\r\n3,1\r\n1")
    (tmp_path / "validation.csv").write_bytes(b"step,quality\r\n3,0\r\n")
    Trainer(tiny(), pairs, tmp_path, resume=True)
    assert (tmp_path / "train.csv").read_bytes() == b"step,loss\r\n1,3\r\n2,2\r\n"
    assert (tmp_path / "validation.csv").read_bytes() == b"step,quality\r\n"
    (tmp_path / "checkpoint.safetensors").unlink()
    Trainer(tiny(), pairs, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]
