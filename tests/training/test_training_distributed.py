"""Several processes that train one model, as torchrun starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import checkpoint_of, rows_of
from safetensors.torch import load_file
from test_training_muon import moved

pytestmark = pytest.mark.slow

# What every process does; this folder and `tests` are on its path.
PROGRAM = """
import sys
from pathlib import Path

import torch
from runs import tiny
from safetensors.torch import save_file
from test_training_muon import moved

from stereocodec.errors import TrainingError
from stereocodec.training.pairs.data import load_pairs
from stereocodec.training.distributed import process_group, rank
from stereocodec.training.loop import Trainer

torch.set_num_threads(1)
pictures, output = map(Path, sys.argv[1:])
pairs = load_pairs([pictures])
settings = tiny(steps=20, validate_every=20, checkpoint_every=8, validation_scenes=("validation",), optimiser="muon")

def keep(trainer, name):
    save_file({"quality": trainer._qualities(), "crops": trainer.sampler.batch(1), **trainer.model.state_dict()},
              output / f"{name}-{rank()}.safetensors")

with process_group(torch.device("cpu")) as device:
    save_file(moved(), output / f"moved-{rank()}.safetensors")

    def trainer(name, **options):
        return Trainer(settings, pairs, output / name, device=device, report=print, **options)

    whole = trainer("whole")
    whole.run()
    keep(whole, "whole")
    parts = trainer("parts")
    parts.run(max_minutes=1e-9)
    trainer("parts", resume=True).run()
    keep(trainer("parts", resume=True), "parts")
    try:
        Trainer(tiny(batch_size=3), pairs, output / "odd", device=device)
    except TrainingError as error:
        (output / f"odd-{rank()}.txt").write_text(str(error))
"""


def test_two_processes_share_batches_and_write_once(pictures, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "program.py", pictures, tmp_path]
    # A process that writes to a run's folder besides the first would take the other's files away, or log twice.
    tests = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, *map(str, command)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    first, second = (load_file(tmp_path / f"whole-{rank}.safetensors") for rank in range(2))
    for name in first:
        assert torch.equal(first[name], second[name]) == (name not in ("quality", "crops")), name
    # One quality from each half of the range.
    assert first["quality"].max() < 0.5 <= second["quality"].min()

    progress, tensors = checkpoint_of(tmp_path / "whole")
    assert (progress["step"], progress["crop_pairs"]) == (20, 40)
    assert [hardware[:4] for hardware in progress["hardware"]] == ["2 x "]
    assert not torch.equal(tensors["random/0/torch"], tensors["random/1/torch"])
    assert progress["samplers"][0] != progress["samplers"][1]
    assert [row["crop_pairs"] for row in rows_of(tmp_path / "whole" / "train.csv")] == ["40"]
    assert [row["step"] for row in rows_of(tmp_path / "whole" / "validation.csv")] == ["20"] * 5
    assert result.stdout.count("step 20/20") == 2  # one for each of the two runs

    # The optimiser's work is shared out; every matrix gets the update that is its own.
    for rank in range(2):
        torch.testing.assert_close(load_file(tmp_path / f"moved-{rank}.safetensors"), moved(), rtol=0, atol=1e-3)

    # Stopped after the first step and resumed, every process goes on with its own random numbers.
    for rank in range(2):
        whole, parts = (load_file(tmp_path / f"{name}-{rank}.safetensors") for name in ("whole", "parts"))
        assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []
        odd = (tmp_path / f"odd-{rank}.txt").read_text()
        assert odd == "batch_size is 3; it must be a multiple of the 2 processes"
