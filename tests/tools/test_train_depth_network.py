"""Training of the network of depth, for some steps on a small map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import train_depth_network as training

from stereocodec.depth_coding.network import KINDS, SETS, Network


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(5)
    rows, columns = np.indices((70, 90))
    depth = 900 + 5 * rows + 3 * columns + rng.integers(0, 4, (70, 90))
    few = 6000 // (3 + (rows + columns) // 16)
    return [np.where(rng.random(depth.shape) < 0.1, 0, kind).astype(np.uint16) for kind in (depth, few)]


def test_examples_are_those_of_both_sets_and_all_kinds_of_passes(maps):
    seen = training.joined(training.examples(numbered, {}) for numbered in enumerate(maps))
    assert sorted(seen) == [(listed, kind) for listed in (False, True) for kind in range(KINDS)]
    for examples in seen.values():
        assert len(examples.inputs) == len(examples.magnitudes) == len(examples.residuals) > 100
        assert examples.inputs.dtype == torch.int16


def test_training_lowers_the_bits_and_gives_what_the_codec_loads(maps, monkeypatch):
    which = (False, 2)
    monkeypatch.setattr(training, "BATCH", 512)
    seen = training.joined([training.examples((0, maps[0]), {})])[which]
    monkeypatch.setitem(training._shared, which, seen)

    def bits(layers):
        with torch.no_grad():
            outputs = layers(seen.inputs.float())
            return float(training.bits(seen.residuals, seen.magnitudes.float(), outputs).mean())

    short, long = (training.with_state(which[1], training.trained(which, steps)) for steps in (1, 60))
    assert bits(long) < 0.9 * bits(short)
    tensors = long.whole_numbers()
    assert set(tensors) == set(Network.__dataclass_fields__)
    exact = Network(**{name: tensor.astype(np.float32) for name, tensor in tensors.items()})
    answers = exact.answers(seen.inputs.numpy().astype(np.float32).T)
    with torch.no_grad():
        wanted = long(seen.inputs.float()).numpy().T
    assert np.abs(answers / 32768 - wanted).mean() < 0.02
    assert len(SETS) == 2
