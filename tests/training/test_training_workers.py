"""Crops that other processes draw ahead."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch
from runs import checkpoint_of, tiny

from stereocodec.training.loop import Trainer
from stereocodec.training.pairs.crop_workers import CropWorkers, default_workers
from stereocodec.training.pairs.sampler import CropSampler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot be forked"),
]
CPU = torch.device("cpu")


@pytest.fixture
def drawn_by(pairs):
    """Makes samplers with so many workers, which end with the test."""
    opened = []

    def make(workers, seed=3):
        opened.append(CropWorkers(CropSampler(pairs, 64, 128, CPU, seed, colour_share=0.5), CPU, workers))
        return opened[-1]

    yield make
    for sampler in opened:
        sampler.close()


def test_batches_depend_on_the_generator_and_not_on_the_number_of_processes(drawn_by):
    one, two, other = drawn_by(1), drawn_by(2), drawn_by(1, seed=4)
    batches = [one.batch(5) for _ in range(5)]
    assert batches[0].shape == (10, 64, 128, 3)
    assert (batches[0].min() >= 0, batches[0].max() <= 1) == (True, True)
    assert len({batch.sum().item() for batch in batches}) == 5
    assert all(torch.equal(batch, two.batch(5)) for batch in batches)
    assert not torch.equal(batches[0], other.batch(5))


def test_every_crop_is_one_of_the_sampler_with_its_seed(drawn_by, pairs):
    batch = drawn_by(1, seed=3).batch(3)
    sampler = CropSampler(pairs, 64, 128, CPU, 0, colour_share=0.5)
    for place, seed in enumerate(np.random.Generator(np.random.PCG64(3)).integers(1 << 63, size=3).tolist()):
        sampler.generator = np.random.Generator(np.random.PCG64(seed))
        crop = sampler.crop().float() / 255
        torch.testing.assert_close(batch[place], crop[..., :3])
        torch.testing.assert_close(batch[3 + place], crop[..., 3:])


def test_the_state_is_that_of_the_batches_that_were_taken(drawn_by):
    sampler, again = drawn_by(1), drawn_by(2, seed=9)
    first = [sampler.batch(2) for _ in range(2)]
    state = sampler.generator.bit_generator.state
    following = [sampler.batch(2) for _ in range(5)]
    again.batch(2)
    again.generator.bit_generator.state = state
    assert all(torch.equal(batch, again.batch(2)) for batch in following)
    sampler.generator = np.random.Generator(np.random.PCG64(3))  # another one, as runs that grow take
    assert torch.equal(sampler.batch(2), first[0])


def test_a_resumed_run_goes_on_to_the_same_bits(pairs, tmp_path):
    def train(folder, steps, resume=False):
        trainer = Trainer(tiny(), pairs, folder, workers=1, resume=resume, report=lambda line: None)
        for _ in range(steps):
            trainer.train_step()
        trainer.save()
        trainer.sampler.close()

    train(tmp_path / "whole", 4)
    train(tmp_path / "parts", 2)
    train(tmp_path / "parts", 2, resume=True)
    (progress, whole), (resumed_progress, parts) = (checkpoint_of(tmp_path / name) for name in ("whole", "parts"))
    assert progress == resumed_progress
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []


def test_an_error_in_a_process_is_raised_here(drawn_by, monkeypatch):
    def broken(self):
        raise ValueError("no crop")

    monkeypatch.setattr(CropSampler, "crop", broken)
    with pytest.raises(ValueError, match="no crop"):
        drawn_by(1).batch(1)


def test_no_processes_for_a_processor_and_some_for_a_gpu(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert default_workers(CPU) == 0
    assert default_workers(torch.device("cuda")) == 12
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert default_workers(torch.device("cuda")) == 0
