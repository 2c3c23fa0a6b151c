"""Networks get their weights from a file without starting weights made first, and compute the same to the bit."""

from __future__ import annotations

import json

import pytest
import torch
from commands import printed_by_python
from torch import nn

from stereocodec.models import ARCHITECTURES, build_model, register
from stereocodec.models.skeleton import Skeleton
from stereocodec.tensor_files import StoredTensor

SMALL = {
    "bisic": {
        "channels": 16,
        "slices": 2,
        "parameter_widths": [8] * 3,
        "context_widths": [8] * 3,
        "residual_widths": [8] * 3,
    },
    "bisic-rt": {"channels8": 16, "channels16": 16, "latent_channels": 16, "entropy_channels": 16, "hyper_channels": 4},
    "ecsic": {"channels": 8, "latent_channels": 2},
    "rgbd": {"channels": 8, "latent_channels": 8, "slices": [2, 6], "context_widths": [8, 8]},
}
SMALL["bisic-fast"] = SMALL["bisic"]


def stored(weights):
    kinds = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}
    return {name: StoredTensor(kinds[tensor.dtype], tuple(tensor.shape)) for name, tensor in weights.items()}


def everything(model):
    """Parameters and buffers, those too that are stored nowhere."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def assert_same(model, other):
    mine, theirs = everything(model), everything(other)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert (tensor.dtype, tensor.device, tensor.requires_grad) == (
            theirs[name].dtype,
            theirs[name].device,
            theirs[name].requires_grad,
        )
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_every_architecture_is_the_same_as_when_it_is_built_in_full(arch):
    model = build_model(arch, SMALL[arch])
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    model.float()
    torch.set_default_dtype(torch.float64)  # whatever the caller's is
    try:
        skeleton = Skeleton(arch, SMALL[arch])
        skeleton.check(stored(weights))
        filled = skeleton.filled(weights)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(tensor.is_meta for tensor in Skeleton(arch, SMALL[arch]).model.state_dict().values())
    assert_same(filled, model)
    side, channels = (128, 4) if arch == "rgbd" else (64, 3)
    x = torch.linspace(0, 1, 2 * side * side * channels).view(2, side, side, channels)
    with torch.no_grad():
        first, second = (m.analyse(x, torch.full((2,), 0.5), with_choices=False) for m in (filled, model))
    assert all(torch.equal(one, other) for one, other in zip(tensors_of(first), tensors_of(second), strict=True))


def tensors_of(latents):
    return [value for value in vars(latents).values() if isinstance(value, torch.Tensor)]


def test_the_callers_random_state_stays():
    state = torch.get_rng_state()
    Skeleton("ecsic", SMALL["ecsic"])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("analysis.head.bias"), "analysis.head.bias is missing"),
        (lambda s: s.update(x=StoredTensor("F32", (3,))), "tensor x is unknown"),
        (lambda s: s.update({"analysis.head.bias": StoredTensor("F32", (7,))}), "head.bias is 7 but 16 here"),
        (lambda s: s.update({"analysis.head.bias": StoredTensor("BOOL", (16,))}), "head.bias is of BOOL"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(change, message):
    tensors = stored(build_model("bisic-rt", SMALL["bisic-rt"]).state_dict())
    change(tensors)
    with pytest.raises(ValueError, match=message):
        Skeleton("bisic-rt", SMALL["bisic-rt"]).check(tensors)


class Computed(ARCHITECTURES["ecsic"].model):
    """With what a constructor may compute, in every place where it may keep it."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("count", torch.tensor(3))
        self.register_buffer("table", torch.arange(4.0), persistent=False)
        self.constants = [torch.arange(3)]
        self.norm = nn.BatchNorm1d(2)


class NeedsValues(Computed):
    """Whose constructor asks for values, which tensors on the meta device have not."""

    def __init__(self, config):
        super().__init__(config)
        self.total = int(self.table.sum())


@pytest.mark.parametrize("kind", [Computed, NeedsValues])
def test_architectures_of_other_packages_keep_what_they_compute(kind):
    register("computed", kind, ARCHITECTURES["ecsic"].config)
    try:
        model = build_model("computed", SMALL["ecsic"])
        model.count.fill_(7)
        skeleton = Skeleton("computed", SMALL["ecsic"])
        skeleton.check({name: StoredTensor("F32", tuple(t.shape)) for name, t in model.state_dict().items()})
        filled = skeleton.filled({name: tensor.float() for name, tensor in model.state_dict().items()})
    finally:
        del ARCHITECTURES["computed"]
    assert_same(filled, model)
    assert filled.constants[0].tolist() == [0, 1, 2]
    assert getattr(filled, "total", 6) == 6


@pytest.mark.slow
def test_loading_does_not_import_the_compiler():
    """Which takes a second, as soon as some things are computed where nothing has values."""
    code = (
        "import sys, json\n"
        "from stereocodec.models.skeleton import Skeleton\n"
        "small = json.loads(sys.argv[1])\n"
        "Skeleton('bisic-rt', small.pop('bisic-rt'))\n"
        "print('sympy' in sys.modules)\n"
        "for arch, settings in small.items(): Skeleton(arch, settings)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    assert printed_by_python(code, json.dumps(SMALL)) == ["False", "False"]
