"""`rgbd` against tensors that the authors' code gave (tests/reference), and on the coding path."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tracing import Trace, noise, traced

from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.models.rgbd import Rgbd, RgbdConfig
from stereocodec.models.rgbd_keys import official_config, official_names, official_weights
from stereocodec.releases import coding_tables

pytestmark = pytest.mark.usefixtures("one_thread")
REFERENCE = Path(__file__).parent / "reference"
SMALL = RgbdConfig(channels=8, latent_channels=8, slices=(2, 6), context_widths=(8, 8))
SIZE = 128, 192
QUALITY = torch.zeros(2)


@pytest.fixture(scope="module")
def official():
    """The official state dict. Large tensors are stored as a vector that repeats."""
    tensors = {}
    for part in ("coding", "synthesis"):
        with safe_open(REFERENCE / f"rgbd.{part}.safetensors", "np") as file:
            shapes = json.loads(file.metadata()["shapes"])
            for key in file.keys():  # noqa: SIM118
                value = file.get_tensor(key)
                tensors[key] = torch.from_numpy(np.resize(value, shapes.get(key, value.shape)))
    return tensors


@pytest.fixture(scope="module")
def reference():
    return load_file(REFERENCE / "rgbd.io.safetensors")


@pytest.fixture(scope="module")
def model(official):
    config = official_config(official)
    model = Rgbd(config)
    model.load_state_dict(official_weights(official, config))
    return model.eval()


def both(reference, name):
    """A tensor of colour and of depth as (2, H, W, C)."""
    return torch.cat([reference[f"{name}.rgb"], reference[f"{name}.depth"]]).permute(0, 2, 3, 1)


def frame(reference, case):
    color, depth = reference[f"{case}.x_u8.rgb"].float() / 255, reference[f"{case}.x_u16.depth"].float() / 10000
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
def walked(model, reference):
    with torch.inference_mode():
        latents, coder = model.analyse(frame(reference, "a"), QUALITY), Parameters(model)
        decoded = model.walk(coder, latents, QUALITY, (192, 256))
    return latents, coder, decoded


def close(mine, theirs, tolerance):
    assert mine.shape == theirs.shape
    torch.testing.assert_close(mine.to(theirs.dtype), theirs, rtol=0, atol=tolerance)


def test_latents_are_the_published_ones(walked, reference):
    latents, _, decoded = walked
    close(latents.y, both(reference, "a.y"), 5e-5)
    close(latents.z, both(reference, "a.z"), 5e-5)
    close(decoded, both(reference, "a.y_hat"), 1e-5)


def test_hyper_latents_round_to_the_published_ones(model, walked, reference):
    medians = model.prior.medians[:, None, None]
    close(walked[1].hyper + medians, both(reference, "a.z_hat"), 1e-6)


def test_scales_and_means_are_the_published_ones(walked, reference):
    floor = float(np.float32(0.11))
    close(walked[1].merge("scales"), both(reference, "a.scales").clamp(min=floor), 1e-5)
    close(walked[1].merge("means"), both(reference, "a.means"), 1e-5)


def test_bits_are_the_published_ones(walked, reference):
    published = [reference[f"a.bits_y.{m}"] + reference[f"a.bits_z.{m}"] for m in ("rgb", "depth")]
    torch.testing.assert_close(walked[1].bits, torch.cat(published), rtol=1e-6, atol=0)


@pytest.mark.parametrize("view", [0, 1])
def test_symbols_and_tables_are_the_published_ones_in_their_order(walked, reference, view):
    name = ("rgb", "depth")[view]
    symbols, scales = torch.cat(walked[1].symbols[view]), torch.cat(walked[1].scales[view])
    assert torch.equal(symbols.int(), reference[f"a.symbols_y.{name}"].int())
    borders = reference["gauss.scale_table"][:63]
    assert torch.equal(torch.bucketize(scales, borders).int(), reference[f"a.indexes_y.{name}"].int())


def test_reconstruction_is_the_published_one(model, walked, reference):
    with torch.inference_mode():
        pictures = model.reconstruct(walked[2])
    close(pictures[:, ::4, ::4, :3], reference["a.x_hat.rgb"].permute(0, 2, 3, 1), 1e-5)
    close(pictures[:, ::4, ::4, 3:], reference["a.x_hat.depth"].permute(0, 2, 3, 1), 1e-5)


def test_exchanged_features_are_the_published_ones(model, reference):
    exchange = model.synthesis.color[2]
    features = [reference[f"a.gs.bicpt0.in.{m}"] for m in ("rgb", "depth")]
    with torch.inference_mode():
        transferred = exchange.transfer(*features)
    for mine, name in zip(transferred, ("rgb", "depth"), strict=True):
        close(mine, reference[f"a.gs.bicpt0.out.{name}"], 1e-5)


def test_every_network_of_the_entropy_model_gives_what_is_published(model, reference):
    published = {
        f"a.{name}": (network, reference[f"a.{name}"].permute(0, 2, 3, 1))
        for network, name in published_networks(model)
        if f"a.{name}" in reference
    }
    assert len(published) > 20
    seen = {}
    hooks = [
        network.register_forward_hook(lambda _, __, output, key=key: seen.__setitem__(key, output))
        for key, (network, _) in published.items()
    ]
    try:
        with torch.inference_mode():
            latents = model.analyse(frame(reference, "a"), QUALITY)
            model.walk(Parameters(model), latents, QUALITY, (192, 256))
            features = model.entropy.hyper_synthesis(*both(reference, "a.z_hat").chunk(2))
    finally:
        for hook in hooks:
            hook.remove()
    close(torch.cat(features), both(reference, "a.hyper"), 1e-5)
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


def test_a_padded_frame_decodes_to_the_published_depth(model, reference):
    with torch.inference_mode():
        coder = Parameters(model)
        decoded = model.walk(coder, model.analyse(frame(reference, "b"), QUALITY), QUALITY, (192, 256))
        depth = model.reconstruct(decoded)[0, :170, :230, 3].clamp(0, 1)
    for view, name in enumerate(("rgb", "depth")):
        assert torch.equal(torch.cat(coder.symbols[view]).int(), reference[f"b.symbols_y.{name}"].int())
    written = (depth * 10000).int()
    assert (written - reference["b.decoded_u16.depth"].int()).abs().max() <= 1


def test_the_published_widths_have_as_many_weights_as_the_published_network():
    with torch.device("meta"):
        model = Rgbd(RgbdConfig())
    assert sum(p.numel() for p in model.parameters()) == 149_532_369
    assert len(set(official_names(RgbdConfig()).values())) == 1060


def test_newer_names_and_the_prefix_of_parallel_training_are_taken(official, model):
    renamed = {}
    for key, value in official.items():
        for older, newer in (("._matrix", ".matrices."), ("._bias", ".biases."), ("._factor", ".factors.")):
            key = key.replace(older, newer)
        renamed[f"module.{key}"] = value
    config = official_config(renamed)
    assert config == model.config
    weights = official_weights(renamed, config)
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


def changed(official, key, value):
    return {k: v for k, v in {**official, key: value}.items() if v is not None}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("g_a.rgb_analysis_transform.0.weight", None, "g_a.rgb_analysis_transform.0.weight is missing"),
        ("g_a.rgb_analysis_transform.16.weight", torch.zeros(3), "g_a.rgb_analysis_transform.16.weight is 3, which"),
        ("rgb_local_context.4.weight", None, "rgb_local_context.4.weight is missing"),
        ("rgb_channel_context.1.fushion.0.weight", None, "rgb_channel_context.1.fushion.0.weight is missing"),
        ("h_s.d_h_s2.se.fc.0.weight", None, "h_s.d_h_s2.se.fc.0.weight is missing"),
        (
            "depth_entropy_parameters_anchor.0.fusion.0.bias",
            torch.zeros(4),
            r"depth_entropy_parameters_anchor.0.fusion.0.bias is 4 but \d+ here",
        ),
        ("h_a.rgb_reduction.0.bias", torch.zeros(16, dtype=torch.int32), "h_a.rgb_reduction.0.bias is of torch.int32"),
        ("lrp.0.weight", torch.zeros(4), "lrp.0.weight is unknown"),
        ("epoch", 3, "epoch is not a tensor"),
    ],
)
def test_the_first_key_that_does_not_fit_is_named(official, key, value, message):
    tensors = changed(official, key, value)
    with pytest.raises(ValueError, match=message):
        official_weights(tensors, official_config(tensors))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 9}, "channels is 9; it must be an even number"),
        ({"channels": 6}, "channels is 6; it must be an even number from 8"),
        ({"latent_channels": True}, "latent_channels is True"),
        ({"slices": (16, 16)}, "they must add up to the 320 channels"),
        ({"slices": "x"}, "slices is 'x'"),
        ({"context_widths": (8,)}, "it must be two widths"),
        ({"depth_lmbda": 0}, "depth_lmbda is 0; it must be a positive number"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RgbdConfig(**settings)


@pytest.fixture(scope="module")
def small():
    """Random everywhere, with scales that the tables are made for."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        model = Rgbd(SMALL)
        for transform in (model.analysis.color, model.analysis.depth):
            transform[-2].weight.mul_(20)
        return model.eval()


def random_frames(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 4, 8, 12), generator=generator)
    return torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1).permute(0, 2, 3, 1)


@pytest.fixture(scope="module")
def coded(small):
    """The exact model, its lattice and tables, and the streams, guard list and trace of a frame."""
    exact, lattice = copy.deepcopy(small), Lattice()
    exact.make_exact()
    tables, trace = coding_tables(exact, lattice), Trace()
    writer = traced(StreamWriter, trace)(lattice, tables)
    with torch.inference_mode():
        exact.walk(writer, exact.analyse(random_frames(1), QUALITY), QUALITY, SIZE)
    return exact, lattice, tables, writer.finish(), writer.checksum, trace


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("amplitude", [0.0, 2.0**-25])
def test_a_reader_decodes_what_was_written(coded, torch_threads, threads, amplitude):
    model, lattice, tables, (streams, guard), checksum, trace = coded
    assert any(array.any() for array in trace.latents[1:])
    torch_threads(threads)
    read = Trace()
    reader = traced(StreamReader, read, noise(amplitude))(lattice, tables, streams, guard, torch.device("cpu"))
    with torch.inference_mode():
        model.walk(reader, None, QUALITY, SIZE)
    reader.close(checksum)
    assert read.digest() == trace.digest()


def test_streams_are_as_long_as_estimated(coded):
    model, _, _, (streams, guard), _, trace = coded

    class Replay(RateEstimator):
        def __init__(self, latents):
            super().__init__(model.prior, model.laplace_share, noise=False)
            self.latents = iter(latents)

        def code_prior(self, z, shape, *, views=2):
            return super().code_prior(torch.from_numpy(next(self.latents)), shape, views=views)

        def code(self, y, group):
            coded = torch.from_numpy(next(self.latents))
            super().code(coded, group)
            return coded

    coder = Replay(trace.latents)
    with torch.inference_mode():
        model.walk(coder, None, QUALITY, SIZE)
    taken = sum(map(len, streams.in_file_order())) + len(guard)
    estimated = float(coder.bits.sum()) / 8
    assert taken <= 1.005 * estimated + 128
    assert taken >= 0.99 * estimated


def test_several_frames_at_once_are_coded_as_each_alone(small):
    frames = random_frames(2, seed=1)

    def bits(x):
        coder, quality = RateEstimator(small.prior, 0.0, noise=False), torch.zeros(2 * x.shape[0])
        decoded = small.walk(coder, small.analyse(x, quality), quality, SIZE)
        return coder.bits, small.reconstruct(decoded)

    with torch.inference_mode():
        together, pictures = bits(frames)
        alone = [bits(x[None]) for x in frames]
    torch.testing.assert_close(together, torch.stack([b for b, _ in alone], 1).flatten(), rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(pictures, torch.cat([p for _, p in alone]), rtol=0, atol=1e-4)


def test_every_weight_is_trained(small):
    small.zero_grad()
    x = random_frames(1, seed=2)
    coder = RateEstimator(small.prior, 0.0, noise=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoded = small.walk(coder, small.analyse(x, QUALITY), QUALITY, SIZE)
    loss = coder.bits.sum() + ((small.reconstruct(decoded) - x) ** 2).sum() + small.auxiliary_loss()
    loss.backward()
    without = [name for name, p in small.named_parameters() if p.grad is None]
    small.zero_grad(set_to_none=True)
    assert not without
    assert small.trade_off(torch.zeros(4)).tolist() == pytest.approx([SMALL.color_lmbda] * 2 + [SMALL.depth_lmbda] * 2)
