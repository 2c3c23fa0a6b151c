"""What the tests of `bisic` and `bisic-fast` share: small networks of the authors' code, and recorded walks.

The reference tensors are what the authors' code gave with a formula's weights: `fwd_*` in its own evaluation, `dec_*`
with the same networks conditioned on decoded values alone; `*_bits` per view, with those of z.
"""

from __future__ import annotations

import functools

import torch
from published import official_state, reference_tensors

from stereocodec.entropy.coders import RateEstimator
from stereocodec.models import build_model
from stereocodec.models.bisic.keys import official_config, official_weights

ARCHITECTURES = ["bisic", "bisic-fast"]
QUALITY = torch.zeros(2)


@functools.cache
def reference(arch):
    """Tensors in our layout: the views' axis first, channels last."""
    tensors = reference_tensors(arch)
    return {name: tensor.movedim(1, -1) if tensor.ndim == 4 else tensor for name, tensor in tensors.items()}


def pictures(arch):
    return reference(arch)["x_u8"].float() / 255


def small_model(arch, dtype=torch.float32):
    tensors = official_state(arch)
    config = official_config(tensors, arch)
    model = build_model(arch, vars(config))
    model.load_state_dict(official_weights(tensors, config))
    return model.to(dtype).eval()


def order_of_coding(arch, height, width, *, whole):
    """The positions of a slice, counted row by row, in the order in which they are asked for."""
    positions = range(height * width)
    if arch == "bisic-fast":
        return sorted(positions, key=lambda p: (1 - (p // width + p % width) % 2, p))
    return list(positions) if whole else sorted(positions, key=lambda p: (p % width + 3 * (p // width), p))


class Recorder(RateEstimator):
    """The rate of rounded values, and every call's arguments."""

    def __init__(self, model, whole_slices=None):
        super().__init__(model.prior, model.laplace_share, noise=False, whole_slices=whole_slices)
        self.calls = []

    def code_prior(self, z, shape, *, views=2):
        self.z = super().code_prior(z, shape, views=views)
        return self.z

    def code(self, y, group):
        assert group.mask.all()
        decoded = super().code(y, group)
        symbols = (decoded - group.mean).round()
        self.calls.append((group.view, {"means": group.mean, "scales": group.log_scale.exp(), "symbols": symbols}))
        return decoded

    def recorded(self, name, arch, height, width, *, whole):
        """One kind of parameter of one pair, (2, H, W, C), put where the order of coding says."""
        order = order_of_coding(arch, height, width, whole=whole)
        views = []
        for number in (0, 1):
            coded = torch.cat([found[name][0, :, 0] for view, found in self.calls if view == number])
            slices = coded.unflatten(0, (-1, height * width))
            placed = torch.empty_like(slices)
            placed[:, order] = slices
            views.append(placed.unflatten(1, (height, width)).permute(1, 2, 0, 3).flatten(2))
        return torch.stack(views)
