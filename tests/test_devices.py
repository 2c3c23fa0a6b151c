"""Devices without float64 get the transforms; everything that decides what files say stays on the processor."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from models.test_skeleton import SMALL

from stereocodec import StereoCodec, release_networks
from stereocodec.container import ViewKind
from stereocodec.devices import exact_device, run_elsewhere, torch_device
from stereocodec.errors import InvalidInput, TrainingError
from stereocodec.models import ARCHITECTURES, build_model
from stereocodec.training.config import TrainingConfig
from stereocodec.training.loop import Trainer
from stereocodec.training.losses import estimate

# Another name of the processor, which stands for a device.
OTHER = torch.device("cpu", 0)


def test_only_what_has_no_float64_needs_the_processor(monkeypatch):
    assert exact_device(torch.device("cuda:1")) == torch.device("cuda:1")
    assert exact_device(torch.device("mps")) == exact_device(torch.device("cpu")) == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert torch_device("mps") == torch.device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match="'mps' is not available here; use --device cpu"):
        torch_device("mps")


def test_files_and_pictures_are_those_of_the_processor(tiny_release, tiny_codec, pair, file, monkeypatch):
    moved = []

    def noted(module, device):
        moved.append((module, device))
        run_elsewhere(module, device)

    monkeypatch.setattr("stereocodec.release_codec.torch_device", lambda device: OTHER)
    monkeypatch.setattr(release_networks, "exact_device", lambda device: torch.device("cpu"))
    monkeypatch.setattr(release_networks, "run_elsewhere", noted)
    codec = StereoCodec.from_pretrained(tiny_release, device="mps")
    model = codec._coder.model
    assert moved == [(part, OTHER) for part in (model.analysis, model.synthesis, model.hyper_analysis)]
    assert codec.compress(*pair, quality=70) == file
    expected = tiny_codec.decompress(file, output="numpy")
    for view, wanted in zip(codec.decompress(file, output="numpy"), expected, strict=True):
        assert np.array_equal(view, wanted)


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
@torch.no_grad()
def test_transforms_need_nothing_that_is_elsewhere(arch, monkeypatch):
    model = build_model(arch, SMALL[arch]).eval()
    model.make_exact()
    transforms, given = model.inexact_transforms(), {}
    for transform in transforms:
        transform.register_forward_pre_hook(given.__setitem__)
    views, channels = (1, 4) if model.view_kind is ViewKind.RGB8_DEPTH else (2, 3)
    estimate(model.float(), torch.rand(views, 128, 128, channels), torch.full((2,), 0.5), "rounded")
    assert given.keys() == set(transforms)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no such device
    for transform, inputs in list(given.items()):
        run_elsewhere(transform, torch.device("meta"))
        # All is computed there, where nothing has values; only then they are missed.
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
            transform(*inputs)


def test_training_is_refused_there(pairs, tmp_path):
    with pytest.raises(TrainingError, match="training needs float64, which mps does not have"):
        Trainer(TrainingConfig(), pairs, tmp_path, device="mps")
