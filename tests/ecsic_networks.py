"""What the tests of `ecsic` share: the network whose outputs the reference tensors are, and a smaller one."""

from __future__ import annotations

import functools

import torch
from published import official_state, reference_tensors

from stereocodec.models import build_model
from stereocodec.models.ecsic.keys import official_config, official_weights
from stereocodec.models.ecsic.model import Ecsic

SIZE = (96, 160)
QUALITY = torch.zeros(4)


@functools.cache
def reference():
    return reference_tensors("ecsic")


def pictures():
    """Two pairs, (4, H, W, 3) float32."""
    return torch.cat([reference()["x_l_u8"], reference()["x_r_u8"]]).permute(0, 2, 3, 1).float() / 255


def reference_model():
    tensors = official_state("ecsic")
    config = official_config(tensors)
    model = Ecsic(config)
    model.load_state_dict(official_weights(tensors, config))
    return model


def small_model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model("ecsic", {"channels": 8, "latent_channels": 3, "heads": 2})


def stream_of(group):
    """The reference's name of the stream that a group is coded to."""
    return f"{'z' if group.hyper else 'y'}_{'lr'[group.view]}"
