"""ECSIC against tensors that its authors' code gave for seeded random weights, and as a codec of files.

The reference's origin is in the metadata of its files. Tolerances are a few times what the reference itself moves by
between convolution back ends, batch sizes and precisions.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import sample_crop
from safetensors.torch import load_file
from tracing import noise, traced_decode, traced_encode

from stereocodec import StereoCodec
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.distributions import lower_bound, residual_bits, scale_from_log
from stereocodec.entropy.lattice import Lattice
from stereocodec.models import build_model
from stereocodec.models.ecsic import Ecsic
from stereocodec.models.ecsic_keys import official_config, official_names, official_weights, own_layout
from stereocodec.nn import stereo_cross_attention
from stereocodec.nn.stereo_cross_attention import Conv3x3, StereoCrossAttention
from stereocodec.releases import coding_tables, save_release
from stereocodec.training.losses import RateDistortion

REFERENCE = Path(__file__).parent / "reference"
SIZE = (96, 160)
QUALITY = torch.zeros(4)
SMALL = {"channels": 8, "latent_channels": 3, "heads": 2}


@pytest.fixture(scope="module")
def reference():
    return load_file(REFERENCE / "ecsic.io.safetensors")


@pytest.fixture(scope="module")
def checkpoint():
    return load_file(REFERENCE / "ecsic.state_dict.safetensors")


@pytest.fixture(scope="module")
def pictures(reference):
    return torch.cat([reference["x_l_u8"], reference["x_r_u8"]]).permute(0, 2, 3, 1).float() / 255


def model_of(checkpoint):
    config = official_config(checkpoint)
    model = Ecsic(config)
    model.load_state_dict(official_weights(checkpoint, config))
    return model


def small_model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model("ecsic", SMALL)


def stream_of(group):
    """The reference's name of the stream that a group is coded to."""
    return f"{'z' if group.hyper else 'y'}_{'lr'[group.view]}"


class Recorder:
    """Rounds, and keeps what the walk asks for under the reference's names, (B, C, H, W)."""

    def __init__(self):
        self.tensors = {}

    def code_prior(self, z, shape, *, views=2):
        assert (z.shape, views) == (shape, 1)
        self._keep("sym_z_l", z.round())
        return z.round()

    def code(self, y, group):
        assert group.mask.all()
        assert group.mask.shape == y.shape[1:]
        assert group.weight is None
        name = stream_of(group)
        symbols = (y - group.mean).round()
        self._keep(f"mu_{name}", group.mean)
        self._keep(f"b_{name}", group.log_scale.exp() / math.sqrt(2))
        self._keep(f"sym_{name}", symbols)
        self._keep(f"{name}_hat", symbols + group.mean)
        return symbols + group.mean

    def _keep(self, name, tensor):
        self.tensors[name] = tensor.permute(0, 3, 1, 2)


@pytest.fixture(scope="module", params=["float32", "exact"])
def evaluation(request, checkpoint, pictures):
    """Everything that an evaluation of the reference's model gives, in the reference's names and layout."""
    model = model_of(checkpoint)
    if request.param == "exact":
        model.make_exact()
    coder, found = Recorder(), {}
    hooks = {
        "phi_yr": model.entropy.right_features,
        "zC_out": model.entropy.hyper_context.layers,
        "HD": model.entropy.hyper_synthesis,
    }
    for name, module in hooks.items():
        module.register_forward_hook(lambda module, inputs, output, name=name: found.update({name: output}))
    with torch.inference_mode():
        latents = model.analyse(pictures, QUALITY)
        decoded = model.walk(coder, latents, QUALITY, SIZE)
        shown = model.reconstruct(decoded)
    found["HD_l"], found["HD_r"] = found.pop("HD")
    for name, tensor in {"y_{}": latents.y, "z_{}": latents.z, "x_{}_hat": shown}.items():
        for view, part in zip("lr", tensor.permute(0, 3, 1, 2).chunk(2), strict=True):
            found[name.format(view)] = part
    assert decoded.dtype == (torch.float64 if request.param == "exact" else torch.float32)
    assert shown.dtype == torch.float32
    return found | coder.tensors


@pytest.mark.parametrize("stream", ["z_l", "z_r", "y_l", "y_r"])
def test_symbols_are_the_references(evaluation, reference, stream):
    assert torch.equal(evaluation[f"sym_{stream}"].int(), reference[f"eval/sym_{stream}"].int())


@pytest.mark.parametrize(
    "name",
    ["y_l", "y_r", "z_l", "z_r", "mu_z_r", "mu_y_l", "mu_y_r", "z_r_hat", "y_l_hat", "y_r_hat", "x_l_hat", "x_r_hat"],
)
def test_latents_means_and_pictures_are_the_references(evaluation, reference, name):
    torch.testing.assert_close(evaluation[name].float(), reference[f"eval/{name}"], atol=5e-5, rtol=0)


@pytest.mark.parametrize("stream", ["z_r", "y_l", "y_r"])
def test_scales_are_the_references(evaluation, reference, stream):
    raw = reference[f"eval/b_raw_{stream}"]
    assert (raw < 0.1).any()
    torch.testing.assert_close(evaluation[f"b_{stream}"].float(), raw.clamp(min=0.1), atol=5e-5, rtol=0)


@pytest.mark.parametrize("name", ["HD_l", "HD_r", "phi_yr", "zC_out"])
def test_features_are_the_references(evaluation, reference, name):
    torch.testing.assert_close(evaluation[name].float(), reference[f"eval/{name}"], atol=1e-4, rtol=0)


def test_the_left_prior_is_the_references(checkpoint, reference):
    model = model_of(checkpoint)
    assert torch.equal(model.entropy.prior_mean, reference["eval/mu_z_l"])
    assert torch.equal(model.prior.scale, reference["eval/b_raw_z_l"])


@pytest.mark.parametrize(
    ("attention", "names"), [("HE", ("eval/HE_sca.", "unit/he_sca_small_")), ("cy", ("eval/cy_sca.",))]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_attention_is_the_references(checkpoint, reference, attention, names, dtype):
    model = model_of(checkpoint)
    module = {"HE": model.hyper_analysis.attention, "cy": model.entropy.right_context.attention}[attention].to(dtype)
    for name in names:
        with torch.inference_mode():
            outputs = module(tuple(reference[f"{name}in_{view}"].to(dtype) for view in "lr"))
        for view, output in zip("lr", outputs, strict=True):
            torch.testing.assert_close(output.float(), reference[f"{name}out_{view}"], atol=1e-4, rtol=0)


def test_estimated_bits_are_the_references(checkpoint, pictures, reference):
    model = model_of(checkpoint)
    coder = RateEstimator(model.prior, model.laplace_share, noise=False)
    with torch.inference_mode():
        model.walk(coder, model.analyse(pictures, QUALITY), QUALITY, SIZE)
    expected = torch.cat([reference[f"eval/bits64_y_{view}"] + reference[f"eval/bits64_z_{view}"] for view in "lr"])
    torch.testing.assert_close(coder.bits.double(), expected, rtol=5e-3, atol=0)


class GivenNoise:
    """The rate estimator with the noise of the reference's training pass, by stream."""

    def __init__(self, model, reference):
        self._model = model
        self._noise = {
            stream: reference[f"train/noise_{stream}"].permute(0, 2, 3, 1) for stream in ("z_l", "z_r", "y_l", "y_r")
        }
        self.bits = {}

    def code_prior(self, z, shape, *, views=2):
        self.bits["z_l"] = self._model.prior.bits(z + self._noise["z_l"]).sum((1, 2, 3))
        return z + (z.round() - z).detach()

    def code(self, y, group):
        stream, residual = stream_of(group), y - group.mean
        scale = scale_from_log(group.log_scale)
        bits = residual_bits(residual + self._noise[stream], scale, self._model.laplace_share)
        self.bits[stream] = bits.sum((1, 2, 3))
        rounded = residual.round() + group.mean
        return y + (rounded - y).detach()


@pytest.fixture(scope="module")
def training_pass(checkpoint, pictures, reference):
    """The model with the training pass' gradients, the coder and the loss."""
    model, channels = model_of(checkpoint), 6
    with torch.no_grad():
        model.entropy.right_context.outputs[1].bias[channels:] += 8
        model.entropy.left_parameters.bias[channels:] += 8
        model.entropy.hyper_context.layers[4].bias[channels:] += 8
        model.prior.scale.fill_(3)
    coder = GivenNoise(model, reference)
    decoded = model.reconstruct(model.walk(coder, model.analyse(pictures, QUALITY), QUALITY, SIZE))
    rate = sum(bits.mean() for bits in coder.bits.values()) / 2 / math.prod(SIZE)
    distortion = ((decoded - pictures) ** 2).mean() * 65025
    trade = float(reference["train/lmda"])
    assert trade == pytest.approx(model.config.lmbda)
    loss = (rate + trade * distortion) / (1 + trade)
    loss.backward()
    return model, coder, loss.detach()


def test_training_loss_and_bits_are_the_references(training_pass, reference):
    _, coder, loss = training_pass
    assert float(loss) == pytest.approx(float(reference["train/loss"]), rel=1e-4)
    for stream, bits in coder.bits.items():
        torch.testing.assert_close(bits.detach(), reference[f"train/bits_{stream}"], rtol=1e-4, atol=0)


def test_training_gradients_are_the_references(training_pass, reference):
    model, names = training_pass[0], official_names()
    parameters = dict(model.named_parameters())
    gradients = {key.removeprefix("train/grad/"): value for key, value in reference.items() if "/grad/" in key}
    assert len(gradients) > 150
    for key, expected in gradients.items():
        expected = own_layout(key, expected)
        worst = (parameters[names[key]].grad - expected).abs().max() / expected.abs().max()
        assert worst < 1e-3, key


def test_the_models_loss_is_the_papers(reference):
    model = small_model()
    quality = torch.zeros(2)
    trade, weight = model.trade_off(quality), model.loss_weight(quality)
    torch.testing.assert_close(trade, torch.full((2,), float(reference["train/lmda"])))
    torch.testing.assert_close(weight, torch.full((2,), 1 / 1.01))


def test_rates_of_single_elements_are_the_references(reference):
    distance = reference["unit/rate_y_minus_mu"].requires_grad_()
    raw_scale = reference["unit/rate_b_raw"].requires_grad_()
    bits = residual_bits(distance, math.sqrt(2) * lower_bound(raw_scale, 0.1), 1.0)
    bits.sum().backward()
    expected = reference["unit/rate_bits"]
    # The reference subtracts two float32 values near 1: in its tail it has steps, and reaches its floor early.
    near, tail, floor = expected < 20, (expected >= 20) & (expected < 29), expected >= 29
    assert all(part.any() for part in (near, tail, floor))
    torch.testing.assert_close(bits[near], expected[near], atol=0.02, rtol=0)
    torch.testing.assert_close(bits[tail], expected[tail], atol=0.15, rtol=0)
    assert ((bits[floor] > 24.5) & (bits[floor] <= expected[floor])).all()
    for gradient, name in ((distance.grad, "y"), (raw_scale.grad, "b")):
        # At a distance of exactly half a step the densities' formulas meet, and autograd takes neither's slope.
        compared = (expected < 16) & (distance.detach().abs() != 0.5)
        torch.testing.assert_close(
            gradient[compared], reference[f"unit/rate_grad_{name}"][compared], atol=1e-5, rtol=1e-3
        )
    below = (raw_scale < 0.1) & (expected < 16)
    lifted = raw_scale.grad[below] != 0
    assert lifted.any()
    assert not lifted.all()
    assert torch.equal(lifted, reference["unit/rate_grad_b"][below] != 0)


def test_chunks_of_rows_and_of_queries_give_the_same(monkeypatch):
    torch.manual_seed(0)
    module = StereoCrossAttention(8, heads=2, embedding=16).double()
    views = tuple(torch.randn(2, 8, 5, 23, dtype=torch.float64) for _ in range(2))
    with torch.inference_mode():
        monkeypatch.setattr(stereo_cross_attention, "_CHUNK_BYTES", 2**30)
        whole = module(views)
        for limit in (8 * 3 * 23 * (2 * 23 + 2 * 2 * 16), 8 * 4 * 2 * 23, 1):  # three rows, four queries, one query
            monkeypatch.setattr(stereo_cross_attention, "_CHUNK_BYTES", limit)
            for mine, expected in zip(module(views), whole, strict=True):
                torch.testing.assert_close(mine, expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("limit", [2**30, 8 * 3 * 5 * 11 * 2, 1])
def test_exact_convolution_is_a_convolution(limit, monkeypatch):
    monkeypatch.setattr(stereo_cross_attention, "_CHUNK_BYTES", limit)
    torch.manual_seed(0)
    layer = Conv3x3(5, 7).double()
    x = torch.randn(2, 5, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias, padding=1), atol=1e-13, rtol=0)


@pytest.fixture(scope="module")
def codec(checkpoint, tmp_path_factory):
    folder, model, lattice = tmp_path_factory.mktemp("releases") / "ecsic", model_of(checkpoint), Lattice()
    save_release(
        folder,
        name="ecsic-small",
        architecture="ecsic",
        model=model,
        tables=coding_tables(model, lattice),
        lattice=lattice,
        training={"steps": 0},
        card="# ecsic-small\n",
    )
    return StereoCodec.from_pretrained(folder, device="cpu")


def test_a_pair_of_any_size_decodes_to_the_same_latents(codec):
    pair = sample_crop(70, 101)
    data, written = traced_encode(codec, pair)
    epsilon = Lattice().epsilon
    for disturb in (None, noise(epsilon / 2)):
        read = traced_decode(codec, data) if disturb is None else traced_decode(codec, data, disturb)
        assert read.checksum == written.checksum
        assert read.digest() == written.digest()
    left, right = codec.decompress(data, output="numpy")
    assert left.shape == right.shape == pair[0].shape
    assert not np.array_equal(left, right)


def test_swapped_views_are_coded_as_they_come(codec):
    """The weights know left from right."""
    left, right = sample_crop(64, 64)
    assert codec.compress(left, right) != codec.compress(right, left)
    mirrored = codec.compress(right[:, ::-1], left[:, ::-1])
    assert mirrored != codec.compress(left, right)


def test_files_cost_what_the_model_estimates(codec, checkpoint, pictures):
    model = model_of(checkpoint)
    x = pictures[[0, 2]]
    coder = RateEstimator(model.prior, model.laplace_share, noise=False)
    with torch.inference_mode():
        model.walk(coder, model.analyse(x, QUALITY[:2]), QUALITY[:2], SIZE)
    left, right = (x * 255).round().to(torch.uint8).numpy()
    assert len(codec.compress(left, right)) == pytest.approx(float(coder.bits.sum()) / 8, rel=0.03, abs=128)


def test_a_training_step_reaches_every_parameter():
    torch.manual_seed(0)
    model = small_model()
    x = torch.from_numpy(np.stack(sample_crop(64, 64))).float() / 255
    loss, bits, decoded = RateDistortion(model, "mse")(x.repeat_interleave(2, 0), torch.zeros(4))
    loss.backward()
    assert torch.isfinite(loss)
    assert bits.shape == (4,)
    assert decoded.shape == (4, 64, 64, 3)
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        # It shifts all scores of a query alike.
        if not name.endswith("key.bias"):
            assert parameter.grad.any(), name


def test_starting_weights_are_the_papers():
    model = small_model()
    for scale in (model.prior.scale, model.entropy.hyper_context.scale):
        assert ((scale >= 1) & (scale <= 1.5)).all()
    slopes = [module for module in model.modules() if isinstance(module, torch.nn.PReLU)]
    assert slopes
    assert all((module.weight == 0.2).all() for module in slopes)
