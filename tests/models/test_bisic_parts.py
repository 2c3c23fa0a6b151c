"""The parts of `bisic` and `bisic-fast` against plain forms of the same, their order of coding, and official names."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from bisic_networks import ARCHITECTURES, QUALITY, Recorder, pictures, small_model
from published import official_state

from stereocodec.entropy.coders import Group
from stereocodec.entropy.priors import CumulativePrior
from stereocodec.models import build_model
from stereocodec.models.bisic.entropy import CAUSAL_TAPS, CHECKERBOARD_TAPS, SpatialContext, checkerboard, wavefronts
from stereocodec.models.bisic.keys import official_config, official_weights
from stereocodec.models.bisic.stereo_conv import StereoConv, StereoConvTranspose, stack_views, unstack_views
from stereocodec.nn.exact import SameConv

pytestmark = pytest.mark.usefixtures("one_thread")
each_arch = pytest.mark.parametrize("arch", ARCHITECTURES)
SIZES = [(1, 1), (5, 1), (1, 2), (4, 2), (2, 3), (3, 5), (4, 4)]


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def five_axes(x):
    """(2B, H, W, C) -> (B, C, view, H, W)."""
    return torch.stack(x.chunk(2), 1).permute(0, 4, 1, 2, 3)


def views_first(x):
    """The inverse of `five_axes`."""
    return torch.cat([view.permute(0, 2, 3, 1) for view in x.unbind(2)])


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (5, 2), (5, 1)])
def test_stacked_convolutions_are_those_over_both_views(kernel_size, stride):
    layer, x = StereoConv(3, 5, kernel_size, stride).double(), random(4, 8, 12, 3)
    k = kernel_size // 2
    expected = F.conv3d(five_axes(x), layer.weight, layer.bias, (1, stride, stride), (1, k, k))
    assert torch.allclose(unstack_views(layer(stack_views(x))), views_first(expected), rtol=0, atol=1e-12)


def test_stacked_transposed_convolutions_are_those_over_both_views():
    layer, x = StereoConvTranspose(3, 5).double(), random(4, 4, 6, 3)
    expected = F.conv_transpose3d(
        five_axes(x), layer.weight, layer.bias, (1, 2, 2), padding=(1, 2, 2), output_padding=(0, 1, 1)
    )
    assert torch.allclose(unstack_views(layer(stack_views(x))), views_first(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (5, 3)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_convolutions_in_float64_are_convolutions(size, kernel_size):
    layer, x = SameConv(3, 4, kernel_size).double(), random(2, *size, 3)
    expected = F.conv2d(x.permute(0, 3, 1, 2), layer.weight, layer.bias, padding=kernel_size // 2)
    assert torch.allclose(layer(x), expected.permute(0, 2, 3, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [*SIZES, (48, 120), (52, 64)])
def test_wavefronts_are_the_fewest_steps(height, width):
    part = wavefronts(height, width)
    steps = width + 3 * height - 3 if width >= 3 else width * height
    assert len(part.steps) == steps
    assert sorted(part.positions.tolist()) == list(range(height * width))
    step = torch.empty(height * width, dtype=torch.int64)
    step[part.positions] = torch.arange(steps).repeat_interleave(torch.tensor(part.steps))
    step = step.view(height, width)
    for row, column in CAUSAL_TAPS:
        before = F.pad(step, (2, 2, 2, 0), value=-1)[2 + row :, 2 + column :][:height, :width]
        assert (before < step).all()


def test_checkerboards_see_every_neighbour_of_the_other_colour():
    anchors, others = checkerboard(4, 6)
    assert anchors.anchors
    assert not others.anchors
    assert all(sum(divmod(p, 6)) % 2 for p in anchors.positions.tolist())
    assert sorted([*anchors.positions.tolist(), *others.positions.tolist()]) == list(range(24))
    assert len(CAUSAL_TAPS) == len(CHECKERBOARD_TAPS) == 12
    assert [part.positions.tolist() for part in checkerboard(1, 1)] == [[0]]


class LatticeCoder:
    """Means on a lattice, as in files, so that decoded values of equal parameters are equal bit by bit."""

    def __init__(self):
        self.symbols = 0

    def context(self, y):
        return None

    def code(self, y, group):
        mean = (group.mean * 64).round() / 64
        self.symbols += int((y - mean).round().abs().sum())
        return (y - mean).round() + mean


def masked(context):
    """A context's weight with nothing at the taps that must not be seen."""
    mask = torch.zeros(5, 5, dtype=torch.float64)
    for row, column in context.taps:
        mask[row + 2, column + 2] = 1
    return context.weight * mask


def in_raster_order(entropy, coder, y, mean_features, scale_features):
    """`EntropyModel.walk_slices` of `bisic` by one position after the other, with contexts from 3D convolutions."""
    done, s = [], entropy.config.slice_channels
    for index, networks in enumerate(entropy.slices):
        channel = []
        if index:
            channel = [entropy.channel_mixing(networks.channel_context(torch.cat(done, -1)))]
        decoded = torch.zeros_like(y[..., :s])
        for row in range(y.shape[1]):
            for column in range(y.shape[2]):
                context = F.conv3d(
                    five_axes(decoded), masked(networks.context), networks.context.bias, padding=(1, 2, 2)
                )
                here = [views_first(context), *channel]
                mean, scale = (
                    network.rest(network.first(torch.cat([features, *here], -1)))[:, row : row + 1, column : column + 1]
                    for network, features in ((networks.mean, mean_features), (networks.scale, scale_features))
                )
                source = y[:, row : row + 1, column : column + 1, index * s : (index + 1) * s]
                mask = torch.ones((1, 1, s), dtype=torch.bool)
                for view in (0, 1):
                    group = Group(view, mean[view, None], scale[view, None], mask)
                    decoded[view, row, column] = coder.code(source[view, None], group)[0, 0, 0]
        change = networks.residual(torch.cat([mean_features, *channel, decoded], -1))
        done.append(decoded + 0.5 * torch.tanh(change))
    return torch.cat(done, -1)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_wavefronts_decode_what_raster_order_does(height, width):
    entropy = small_model("bisic", torch.float64).entropy
    y, *features = (4 * random(2, height, width, c, seed=c) for c in (16, 32, 32))
    by_wavefront, by_raster = LatticeCoder(), LatticeCoder()
    with torch.inference_mode():
        found = entropy.walk_slices(by_wavefront, y, *features)
        expected = in_raster_order(entropy, by_raster, y, *features)
    assert by_wavefront.symbols == by_raster.symbols > 0
    # A symbol or mean that differed would move a value by 1/64 at least.
    assert torch.allclose(found, expected, rtol=0, atol=1e-9)


@each_arch
@pytest.mark.parametrize("whole", ["rounded", None])
def test_taps_that_must_not_be_seen_do_not_matter(arch, whole):
    model = small_model(arch)

    def walked():
        coder, x = Recorder(model, whole), pictures(arch)[:, :64, :64]
        with torch.inference_mode():
            return model.walk(coder, model.analyse(x, QUALITY), QUALITY, (64, 64))

    before = walked()
    contexts = [module for module in model.modules() if isinstance(module, SpatialContext)]
    assert len(contexts) == model.config.slices
    for context in contexts:
        context.weight.data = context.weight + 5.0 * (masked(context) == 0)
    assert torch.equal(walked(), before)
    for context in contexts:
        context.weight.data = context.weight + 0.05 * (masked(context) != 0)
    assert not torch.equal(walked(), before)


@each_arch
def test_official_state_dicts_in_all_their_forms(arch):
    tensors = official_state(arch)
    config = official_config(tensors, arch)
    weights = official_weights(tensors, config)
    newer = {"_matrix": "matrices.", "_bias": "biases.", "_factor": "factors."}

    def renamed(key):
        for old, new in newer.items():
            key = key.replace(f"entropy_bottleneck.{old}", f"entropy_bottleneck.{new}")
        return key

    others = {f"module.{renamed(key)}": tensor for key, tensor in tensors.items()}
    assert any("matrices.4" in key for key in others)
    assert official_config(others, arch) == config
    again = official_weights(others, config)
    assert weights.keys() == again.keys() == build_model(arch, vars(config)).state_dict().keys()
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    contexts = [tensor for name, tensor in weights.items() if ".context.weight" in name]
    assert all((context != 0).any((0, 1, 2)).sum() == 12 for context in contexts)


@each_arch
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("En_Transfer_A.rb1.conv1.weight"), r"En_Transfer_A\.rb1\.conv1\.weight is missing"),
        (lambda t: t.pop("Conv3DEncoder_A.0.weight"), r"Conv3DEncoder_A\.0\.weight is missing"),
        (lambda t: t.update({"chan_SAM.extra": torch.zeros(1)}), r"chan_SAM\.extra is unknown"),
        (
            lambda t: t.update({"Conv3DEncoder_B.2.bias": torch.zeros(15)}),
            r"Conv3DEncoder_B\.2\.bias is 15 but 16 here",
        ),
        (
            lambda t: t.update({"De_Transfer_A.rb1.conv1.bias": torch.zeros(16, dtype=torch.int64)}),
            r"De_Transfer_A\.rb1\.conv1\.bias is of torch\.int64 but 16 here",
        ),
        (lambda t: t.update({"LRP_Transform_zero.2.weight": torch.zeros(())}), r"LRP_Transform_zero\.2\.weight is a"),
        (lambda t: t.update({"Conv3DEncoder_A.0.weight": [1.0]}), r"Conv3DEncoder_A\.0\.weight is not a tensor"),
    ],
)
def test_what_does_not_fit_is_named(arch, change, message):
    tensors = official_state(arch)
    change(tensors)
    with pytest.raises(ValueError, match=message):
        official_weights(tensors, official_config(tensors, arch))


def test_the_wrong_architecture_or_width_is_named():
    tensors = official_state("bisic")
    with pytest.raises(ValueError, match=r"context_prediction_CKBD_list\.0\.weight is missing"):
        official_config(tensors, "bisic-fast")
    fast = official_config(official_state("bisic-fast"), "bisic-fast")
    with pytest.raises(ValueError, match=r"chan_SAM\.rb1\.conv1\.weight is 16x16x3x3 but 32x32x3x3 here"):
        official_weights(tensors, fast)


def test_tables_of_the_prior_cost_its_bits():
    prior = small_model("bisic").prior
    tables = prior.tables()
    symbols = torch.arange(-3, 4)
    bits = prior.bits(symbols.float()[:, None].expand(-1, 16).reshape(1, 7, 1, 16))[0, :, 0]
    for channel in range(16):
        expected = tables.bits(symbols.int().numpy(), torch.full((7,), channel, dtype=torch.uint8).numpy())
        assert torch.allclose(bits[:, channel].double(), torch.from_numpy(expected), atol=2e-3, rtol=2e-3)


def test_tables_of_a_wide_prior_stay_small():
    prior = CumulativePrior(1)
    prior.matrices[0].data -= 12.0
    (frequencies,) = prior.tables().frequencies
    assert frequencies.size == 2 * 4096 + 2


def test_the_auxiliary_loss_moves_the_medians_and_nothing_else():
    torch.manual_seed(0)
    prior = CumulativePrior(3)
    prior.quantiles.data += torch.tensor([4.0, -3.0, 6.0])
    optimiser = torch.optim.Adam([prior.quantiles], 0.2)
    for _ in range(80):
        optimiser.zero_grad()
        prior.auxiliary_loss().backward()
        optimiser.step()
    assert all(p.grad is None for p in (*prior.matrices, *prior.biases, *prior.factors))
    # Left and right of the median lies as much.
    offsets = torch.arange(0.5, 200.0)[:, None].expand(-1, 3)
    above, below = (torch.exp2(-prior.bits(side[None, :, None])).sum(1) for side in (offsets, -offsets))
    assert torch.allclose(above, below, atol=0.05)
