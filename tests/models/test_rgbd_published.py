"""`rgbd` against tensors that the authors' code gave for random weights."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import torch
from conftest import SHARED
from safetensors import safe_open
from safetensors.torch import load_file

from stereocodec.entropy.coders import RateEstimator
from stereocodec.models.rgbd.keys import official_config, official_weights
from stereocodec.models.rgbd.model import Rgbd
from stereocodec.training.frames.losses import FrameRateDistortion, edge_error
from stereocodec.training.losses import estimate

STATE_DICT, OUTPUTS = (SHARED / "reference" / f"rgbd.{kind}.safetensors" for kind in ("state_dict", "io"))
QUALITY = torch.zeros(2)
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not OUTPUTS.is_file(), reason="needs the tensors of the authors' code, which are large"),
]


def official_state():
    """The official state dict. Large tensors are stored as a vector that repeats."""
    with safe_open(STATE_DICT, "np") as file:
        shapes = json.loads(file.metadata()["shapes"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return {key: torch.from_numpy(np.resize(value, shapes.get(key, value.shape))) for key, value in tensors.items()}


@functools.cache
def reference():
    return load_file(OUTPUTS)


@pytest.fixture(scope="module")
def model():
    tensors = official_state()
    config = official_config(tensors)
    model = Rgbd(config)
    model.load_state_dict(official_weights(tensors, config))
    return model.eval()


def both(name):
    """A tensor of colour and of depth as (2, H, W, C)."""
    return torch.cat([reference()[f"{name}.rgb"], reference()[f"{name}.depth"]]).permute(0, 2, 3, 1)


def frame(case):
    color, depth = reference()[f"{case}.x_u8.rgb"].float() / 255, reference()[f"{case}.x_u16.depth"].float() / 10000
    x = torch.cat([color, depth], 1)
    margins = (0, -x.shape[3] % 64, 0, -x.shape[2] % 64)
    return torch.nn.functional.pad(x, margins, mode="replicate").permute(0, 2, 3, 1)


class Parameters(RateEstimator):
    """The rate estimator that keeps what it is asked for, in the order of the published streams."""

    def __init__(self, model):
        super().__init__(model.prior, model.laplace_share, noise=False)
        self.symbols, self.scales, self.hyper = ([], []), ([], []), None
        self.merged = {name: ([], []) for name in ("scales", "means")}

    def code_prior(self, z, shape, *, views=2):
        self.hyper = super().code_prior(z, shape, views=views)
        return self.hyper

    def code(self, y, group):
        by_channel, scale = group.mask.permute(2, 0, 1), group.log_scale.exp()
        self.symbols[group.view].append((y - group.mean).round()[0].permute(2, 0, 1)[by_channel])
        self.scales[group.view].append(scale[0].permute(2, 0, 1)[by_channel])
        for name, values in (("scales", scale), ("means", group.mean)):
            self.merged[name][group.view].append(values * group.mask)
        return super().code(y, group)

    def merge(self, name):
        """Both steps of each slice put together, (2, h, w, M)."""
        return torch.cat(
            [torch.cat([a + b for a, b in zip(m[::2], m[1::2], strict=True)], -1) for m in self.merged[name]]
        )


@pytest.fixture(scope="module")
def walked(model):
    with torch.inference_mode():
        latents, coder = model.analyse(frame("a"), QUALITY), Parameters(model)
        decoded = model.walk(coder, latents, QUALITY, (192, 256))
    return latents, coder, decoded


def close(mine, theirs, tolerance):
    assert mine.shape == theirs.shape
    torch.testing.assert_close(mine.to(theirs.dtype), theirs, rtol=0, atol=tolerance)


def test_latents_are_the_published_ones(walked):
    latents, _, decoded = walked
    close(latents.y, both("a.y"), 5e-5)
    close(latents.z, both("a.z"), 5e-5)
    close(decoded, both("a.y_hat"), 1e-5)


def test_hyper_latents_round_to_the_published_ones(model, walked):
    medians = model.prior.medians[:, None, None]
    close(walked[1].hyper + medians, both("a.z_hat"), 1e-6)


def test_scales_and_means_are_the_published_ones(walked):
    floor = float(np.float32(0.11))
    close(walked[1].merge("scales"), both("a.scales").clamp(min=floor), 1e-5)
    close(walked[1].merge("means"), both("a.means"), 1e-5)


def test_bits_are_the_published_ones(walked):
    published = [reference()[f"a.bits_y.{m}"] + reference()[f"a.bits_z.{m}"] for m in ("rgb", "depth")]
    torch.testing.assert_close(walked[1].bits, torch.cat(published), rtol=1e-6, atol=0)


@pytest.mark.parametrize("view", [0, 1])
def test_symbols_and_tables_are_the_published_ones_in_their_order(walked, view):
    name = ("rgb", "depth")[view]
    symbols, scales = torch.cat(walked[1].symbols[view]), torch.cat(walked[1].scales[view])
    assert torch.equal(symbols.int(), reference()[f"a.symbols_y.{name}"].int())
    borders = reference()["gauss.scale_table"][:63]
    assert torch.equal(torch.bucketize(scales, borders).int(), reference()[f"a.indexes_y.{name}"].int())


def test_reconstruction_is_the_published_one(model, walked):
    with torch.inference_mode():
        pictures = model.reconstruct(walked[2])
    close(pictures[..., :3], reference()["a.x_hat.rgb"].permute(0, 2, 3, 1), 1e-5)
    close(pictures[..., 3:], reference()["a.x_hat.depth"].permute(0, 2, 3, 1), 1e-5)


def test_exchanged_features_are_the_published_ones(model):
    exchange = model.synthesis.color[2]
    features = [reference()[f"a.gs.bicpt0.in.{m}"] for m in ("rgb", "depth")]
    with torch.inference_mode():
        transferred = exchange.transfer(*features)
    for mine, name in zip(transferred, ("rgb", "depth"), strict=True):
        close(mine, reference()[f"a.gs.bicpt0.out.{name}"], 1e-5)


def test_every_network_of_the_entropy_model_gives_what_is_published(model):
    published = {
        f"a.{name}": (network, reference()[f"a.{name}"].permute(0, 2, 3, 1))
        for network, name in published_networks(model)
        if f"a.{name}" in reference()
    }
    assert len(published) > 20
    seen = {}
    hooks = [
        network.register_forward_hook(lambda _, __, output, key=key: seen.__setitem__(key, output))
        for key, (network, _) in published.items()
    ]
    try:
        with torch.inference_mode():
            latents = model.analyse(frame("a"), QUALITY)
            model.walk(Parameters(model), latents, QUALITY, (192, 256))
            features = model.entropy.hyper_synthesis(*both("a.z_hat").chunk(2))
    finally:
        for hook in hooks:
            hook.remove()
    close(torch.cat(features), both("a.hyper"), 1e-5)
    for key, (_, theirs) in published.items():
        close(seen[key], theirs, 1e-5)


def published_networks(model):
    kinds = {
        "channel_context": "channel_context",
        "local_context": "local_context",
        "whole_context": "local_context_anchor_with_nonanchor",
        "anchor": "entropy_parameters_anchor",
        "non_anchor": "entropy_parameters_nonanchor",
    }
    for index, networks in enumerate(model.entropy.slices):
        for side, published in (("color", "rgb"), ("depth", "depth")):
            for own, name in kinds.items():
                network = getattr(getattr(networks, side), own)
                if network is not None:
                    yield network, f"{published}_{name}.{index}"


def test_a_padded_frame_decodes_to_the_published_depth(model):
    with torch.inference_mode():
        coder = Parameters(model)
        decoded = model.walk(coder, model.analyse(frame("b"), QUALITY), QUALITY, (192, 256))
        depth = model.reconstruct(decoded)[0, :170, :230, 3].clamp(0, 1)
    for view, name in enumerate(("rgb", "depth")):
        assert torch.equal(torch.cat(coder.symbols[view]).int(), reference()[f"b.symbols_y.{name}"].int())
    written = (depth * 10000).int()
    assert (written - reference()["b.decoded_u16.depth"].int()).abs().max() <= 1


def test_every_term_of_the_published_loss(model):
    """Their loss adds up both modalities, counts holes as depth, and has its bits per pixel of the frame."""
    x = frame("a")
    with torch.no_grad():
        bpp, decoded = estimate(model, x, QUALITY, "rounded")
        x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        errors = {kind: FrameRateDistortion(model, "mse", kind).distortion(decoded, x) for kind in ("structure", "mse")}
        edges = edge_error(decoded[..., 3:], x[..., 3:4])
    lambdas = torch.tensor([0.0067, 0.013])
    for kind, name in (("structure", "d_loss"), ("mse", "mse")):
        terms = {
            key: reference()[f"a.loss[{name}].{key}"] for key in ("rgb_loss", "depth_loss", "r_bpp_loss", "d_bpp_loss")
        }
        torch.testing.assert_close(bpp, torch.cat([terms["r_bpp_loss"], terms["d_bpp_loss"]]))
        torch.testing.assert_close(bpp + lambdas * errors[kind], torch.cat([terms["rgb_loss"], terms["depth_loss"]]))
    torch.testing.assert_close(edges, reference()["a.loss[d_loss].edge_loss"])
