"""`bisic` and `bisic-fast`: the same numbers as the authors' code, and files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from bisic_networks import ARCHITECTURES, QUALITY, Recorder, pictures, reference, small_model
from conftest import sample_crop, save_untrained
from tracing import noise, traced_decode, traced_encode

from stereocodec.codec import StereoCodec
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.lattice import Lattice
from stereocodec.models import build_model
from stereocodec.training.losses import estimate
from stereocodec.training.pairs.losses import PairRateDistortion

pytestmark = pytest.mark.usefixtures("one_thread")
each_arch = pytest.mark.parametrize("arch", ARCHITECTURES)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
FEATURES, PARAMETERS = 1e-4, 2e-5
WIDTHS = {
    "channels": 16,
    "slices": 2,
    "parameter_widths": [12, 10, 8],
    "context_widths": [9, 8, 7],
    "residual_widths": [8, 7, 6],
}


def random_model(arch, **changes):
    torch.manual_seed(0)
    return build_model(arch, WIDTHS | changes)


def close(found, expected, tolerance):
    assert found.shape == expected.shape
    assert (found - expected).abs().max().item() <= tolerance


@each_arch
@each_dtype
def test_transforms_are_the_reference(arch, dtype):
    model, expected = small_model(arch, dtype), reference(arch)
    features = []
    for network in (model.entropy.hyper_mean, model.entropy.hyper_scale):
        network.register_forward_hook(lambda module, inputs, output: features.append(output))
    coder = Recorder(model)
    with torch.inference_mode():
        x = pictures(arch).to(dtype)
        latents = model.analyse(x, QUALITY)
        decoded = model.walk(coder, latents, QUALITY, x.shape[1:3])
        shown = model.reconstruct(decoded)
        theirs = model.reconstruct(expected["fwd_y_hat"])
    close(latents.y, expected["y"], FEATURES)
    close(latents.z, expected["z"], FEATURES)
    assert torch.equal(coder.z.int(), expected["z_symbols"].int())
    for found, name in zip(features, ("hyper_means", "hyper_scales"), strict=True):
        close(torch.cat(found.permute(0, 2, 3, 1).chunk(2, -1)), expected[name], FEATURES)
    close(shown[:, :32, :32], expected["dec_x_hat_crop32"], FEATURES)
    close(theirs[:, ::5, ::5], expected["fwd_x_hat_every5"], FEATURES)


@each_arch
@each_dtype
@pytest.mark.parametrize(("whole", "prefix"), [("rounded", "fwd"), (None, "dec")])
def test_walks_are_the_reference(arch, dtype, whole, prefix):
    """As the authors evaluate, from rounded latents that no decoder has, and as files are coded."""
    model, expected = small_model(arch, dtype), reference(arch)
    coder = Recorder(model, whole)
    with torch.inference_mode():
        x = pictures(arch).to(dtype)
        decoded = model.walk(coder, model.analyse(x, QUALITY), QUALITY, x.shape[1:3])
        height, width = decoded.shape[1:3]
        means, scales, symbols = (
            coder.recorded(name, arch, height, width, whole=whole is not None)
            for name in ("means", "scales", "symbols")
        )
    close(means, expected[f"{prefix}_means"], PARAMETERS)
    close(scales, expected[f"{prefix}_scales"].clamp(min=float(np.float32(0.11))), PARAMETERS)
    assert torch.equal(symbols.int(), expected[f"{prefix}_symbols"].int())
    close(decoded, expected[f"{prefix}_y_hat"], PARAMETERS)
    close(coder.bits.double(), expected[f"{prefix}_bits"], 0.1)
    # Steps of both views in each slice: the fewest there can be.
    steps = {"bisic": 1 if whole else width + 3 * height - 3, "bisic-fast": 2}[arch]
    assert len(coder.calls) == 2 * steps * model.config.slices


@each_arch
@pytest.mark.parametrize("whole", ["rounded", None])
def test_several_pairs_at_once_are_each_coded_alone(arch, whole):
    model = random_model(arch)
    left, right = (torch.from_numpy(view.copy()).float() / 255 for view in sample_crop(128, 128))
    x = torch.stack([left[:64], left[64:], right[:64], right[64:]])

    def walked(x):
        coder = RateEstimator(model.prior, model.laplace_share, noise=False, whole_slices=whole)
        quality = torch.zeros(len(x))
        with torch.inference_mode():
            return model.walk(coder, model.analyse(x, quality), quality, (64, 128)), coder.bits

    (together, bits), *alone = walked(x), walked(x[::2]), walked(x[1::2])
    for pair, (decoded, pair_bits) in enumerate(alone):
        close(together[pair::2], decoded, PARAMETERS)
        close(bits[pair::2], pair_bits, 0.01)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def codec(request, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("releases") / request.param, small_model(request.param)
    save_untrained(folder, request.param, request.param, model, precision=torch.float32)
    return StereoCodec.from_pretrained(folder, device="cpu")


def test_files_decode_to_the_encoders_latents(codec):
    """A size that the networks cannot take, and a decoder whose parameters are off by up to half of epsilon."""
    pair = sample_crop(70, 90)
    data, written = traced_encode(codec, pair)
    pictures = codec.decompress(data, output="numpy")
    assert [view.shape for view in pictures] == [(70, 90, 3)] * 2
    for disturbance in (noise(0), noise(Lattice().epsilon / 2)):
        read = traced_decode(codec, data, disturbance)
        assert read.digest() == written.digest()


def test_files_take_the_bits_that_the_model_estimates(codec):
    pair = np.stack(sample_crop(128, 192))
    model = small_model(codec.name)
    with torch.inference_mode():
        bpp, _ = estimate(model, torch.from_numpy(pair).float() / 255, QUALITY, "rounded")
    estimated = bpp.sum().item() * 128 * 192 / 8
    # Random networks give latents far out in the tails, where the estimate ends at 30 bits and a table's escape does
    # not; trained ones hardly do.
    assert estimated - 8 < len(codec.compress(*pair)) < 1.02 * estimated + 128


@each_arch
def test_training_reaches_every_weight(arch):
    model = random_model(arch, channels=32)  # with 16 a head has one channel, over which the softmax is constant
    model.prior.quantiles.data += 0.3  # a new network's z rounds to zero, which teaches no weight
    views = np.stack(sample_crop(64, 64))
    x = torch.from_numpy(views).float() / 255
    loss, bpp, decoded = PairRateDistortion(model, "mse")(x, QUALITY)
    (loss + model.auxiliary_loss()).backward()
    assert torch.isfinite(loss)
    assert bpp.shape == (2,)
    assert decoded.shape == x.shape
    unreached = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    # The softmax of keys over positions takes no notice of what all positions share.
    assert {name for name in unreached if not name.endswith("key.bias")} == set()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@each_arch
def test_training_minimises_the_published_loss(arch):
    """lambda * squared error of pixels in 0 to 1, in the mean over the views, against bits per view pixel."""
    model = random_model(arch, lambda_=512.0)
    assert torch.allclose(model.trade_off(QUALITY) * 65025, torch.tensor(512.0))
    assert torch.equal(model.loss_weight(QUALITY), torch.ones(2))
    assert not model.has_qualities
    assert not model.either_first


@each_arch
def test_the_settings_have_the_published_defaults(arch):
    with torch.device("meta"):
        model = build_model(arch, {})
    parameters = sum(p.numel() for p in model.parameters())
    # The published count, which takes in the masked taps.
    assert parameters == {"bisic": 78_210_787, "bisic-fast": 85_895_075}[arch]
    assert model.config.slices == {"bisic": 12, "bisic-fast": 6}[arch]
    assert dataclasses.replace(model.config, parameter_widths=[384, 192, 96]) == model.config


@pytest.mark.parametrize(
    "setting",
    [
        {"channels": 24},
        {"channels": 272},
        {"channels": 0},
        {"channels": 192.0},
        {"slices": 1},
        {"slices": 5},
        {"slices": 16},
        {"parameter_widths": [8, 8]},
        {"context_widths": [8, 0, 8]},
        {"residual_widths": "888"},
        {"residual_widths": [8, 8, 2**20]},
        {"lambda_": 0},
        {"lambda_": float("inf")},
        {"lambda_": "2048"},
        {"depth": 3},
    ],
)
@each_arch
def test_impossible_settings_are_refused(arch, setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        build_model(arch, WIDTHS | setting)
