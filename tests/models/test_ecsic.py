"""ECSIC against tensors that its authors' code gave for seeded random weights, and as a codec of files.

The reference's origin is in the metadata of its files. Tolerances are a few times what the reference itself moves by
between convolution back ends, batch sizes and precisions.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import sample_crop, save_untrained
from ecsic_networks import QUALITY, SIZE, pictures, reference, reference_model, stream_of
from tracing import noise, traced_decode, traced_encode

from stereocodec import StereoCodec
from stereocodec.container import Container
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import UnlikelyPair
from stereocodec.models.ecsic import stereo_cross_attention
from stereocodec.models.ecsic.stereo_cross_attention import Conv3x3, StereoCrossAttention


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
        return symbols + group.mean

    def _keep(self, name, tensor):
        self.tensors[name] = tensor.permute(0, 3, 1, 2)


@pytest.fixture(scope="module", params=["float32", "exact"])
def evaluation(request):
    """Everything that an evaluation of the reference's model gives, in the reference's names and layout."""
    model = reference_model()
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
        latents = model.analyse(pictures(), QUALITY)
        decoded = model.walk(coder, latents, QUALITY, SIZE)
        shown = model.reconstruct(decoded)
    found["HD_l"], found["HD_r"] = found.pop("HD")
    tensors = {"y_{}": latents.y, "z_{}": latents.z, "y_{}_hat": decoded, "x_{}_hat": shown}
    for name, tensor in tensors.items():
        for view, part in zip("lr", tensor.permute(0, 3, 1, 2).chunk(2), strict=True):
            found[name.format(view)] = part
    assert decoded.dtype == (torch.float64 if request.param == "exact" else torch.float32)
    assert shown.dtype == torch.float32
    return found | coder.tensors


@pytest.mark.parametrize("stream", ["z_l", "z_r", "y_l", "y_r"])
def test_symbols_are_the_references(evaluation, stream):
    assert torch.equal(evaluation[f"sym_{stream}"].int(), reference()[f"eval/sym_{stream}"].int())


@pytest.mark.parametrize("name", ["y_l", "y_r", "z_l", "z_r", "mu_z_r", "mu_y_l", "mu_y_r"])
def test_latents_and_means_are_the_references(evaluation, name):
    torch.testing.assert_close(evaluation[name].float(), reference()[f"eval/{name}"], atol=5e-5, rtol=0)


@pytest.mark.parametrize("view", ["l", "r"])
def test_decoded_latents_and_pictures_are_the_references(evaluation, view):
    latents = reference()[f"eval/sym_y_{view}"] + reference()[f"eval/mu_y_{view}"]
    torch.testing.assert_close(evaluation[f"y_{view}_hat"].float(), latents, atol=5e-5, rtol=0)
    picture, expected = evaluation[f"x_{view}_hat"], reference()[f"eval/x_{view}_hat_every5"]
    torch.testing.assert_close(picture[..., ::5, ::5], expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("stream", ["z_r", "y_l", "y_r"])
def test_scales_are_the_references(evaluation, stream):
    raw = reference()[f"eval/b_raw_{stream}"]
    assert (raw < 0.1).any()
    torch.testing.assert_close(evaluation[f"b_{stream}"].float(), raw.clamp(min=0.1), atol=5e-5, rtol=0)


@pytest.mark.parametrize(("name", "rows"), [("HD_l", 3), ("HD_r", 3), ("phi_yr", 3), ("zC_out", 1)])
def test_features_are_the_references(evaluation, name, rows):
    """The reference has every third row of the large ones."""
    found = evaluation[name][:, :, ::rows].float()
    torch.testing.assert_close(found, reference()[f"eval/{name}"], atol=1e-4, rtol=0)


def test_the_left_prior_is_the_references():
    model = reference_model()
    assert torch.equal(model.entropy.prior_mean, reference()["eval/mu_z_l"])
    assert torch.equal(model.prior.scale, reference()["eval/b_raw_z_l"])


@pytest.mark.parametrize(
    ("attention", "names"), [("HE", ("eval/HE_sca.", "unit/he_sca_small_")), ("cy", ("eval/cy_sca.",))]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_attention_is_the_references(attention, names, dtype):
    model = reference_model()
    module = {"HE": model.hyper_analysis.attention, "cy": model.entropy.right_context.attention}[attention].to(dtype)
    for name in names:
        with torch.inference_mode():
            outputs = module(tuple(reference()[f"{name}in_{view}"].to(dtype) for view in "lr"))
        for view, output in zip("lr", outputs, strict=True):
            torch.testing.assert_close(output.float(), reference()[f"{name}out_{view}"], atol=1e-4, rtol=0)


def test_estimated_bits_are_the_references():
    model = reference_model()
    coder = RateEstimator(model.prior, model.laplace_share, noise=False)
    with torch.inference_mode():
        model.walk(coder, model.analyse(pictures(), QUALITY), QUALITY, SIZE)
    expected = torch.cat([reference()[f"eval/bits64_y_{view}"] + reference()[f"eval/bits64_z_{view}"] for view in "lr"])
    torch.testing.assert_close(coder.bits.double(), expected, rtol=5e-3, atol=0)


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


def test_exact_convolution_is_a_convolution():
    torch.manual_seed(0)
    layer = Conv3x3(5, 7).double()
    x = torch.randn(2, 5, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias, padding=1), atol=1e-13, rtol=0)


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    folder = save_untrained(tmp_path_factory.mktemp("releases") / "ecsic", "ecsic-small", "ecsic", reference_model())
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
    file = codec.compress(left, right)
    with pytest.warns(UnlikelyPair, match="left and right look exchanged"):
        assert codec.compress(right, left) != file
    mirrored = codec.compress(right[:, ::-1], left[:, ::-1])
    assert mirrored != codec.compress(left, right)


def test_files_cost_what_the_model_estimates(codec):
    model = reference_model()
    x = pictures()[[0, 2]]
    coder = RateEstimator(model.prior, model.laplace_share, noise=False)
    with torch.inference_mode():
        model.walk(coder, model.analyse(x, QUALITY[:2]), QUALITY[:2], SIZE)
    left, right = (x * 255).round().to(torch.uint8).numpy()
    assert len(codec.compress(left, right)) == pytest.approx(float(coder.bits.sum()) / 8, rel=0.03, abs=128)


def test_each_latent_has_its_stream_and_costs_the_references_bits(codec):
    left, right = (pictures()[[1, 3]] * 255).round().to(torch.uint8).numpy()
    streams = Container.from_bytes(codec.compress(left, right)).bands[0].streams
    for name in ("z_left", "z_right", "y_left", "y_right"):
        bits = reference()[f"eval/bits64_{name[:3]}"][1]
        assert len(getattr(streams, name)) == pytest.approx(float(bits) / 8, rel=0.02, abs=8), name
