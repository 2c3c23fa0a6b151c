"""Weights of `bisic` and `bisic-fast` from a formula: full-size networks with lively latents, where none are trained.

Each weight is a hash of its index and of its official name, scaled so that features keep their size from layer to
layer. Compression means nothing with them; speed, memory, exactness and the agreement of files with estimates do.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereocodec.models import StereoModel
from stereocodec.models.bisic.keys import official_names

_SALTS = {"bisic": 0x1B15, "bisic-fast": 0x2FA5}
# What a name matches first: gain of weights, amplitude and offset of biases.
_SCALES = (
    (r"^Conv3DEncoder_A\.0\.", 3.0, 0.30, 0.0),
    (r"^Conv3DEncoder_A\.", 1.4, 0.20, 0.0),
    (r"^Conv3DEncoder_B\.", 1.3, 0.20, 0.0),
    (r"^Conv3DDecoder_B\.2\.", 0.25, 0.10, 0.4),
    (r"^Conv3DDecoder_[AB]\.", 1.0, 0.20, 0.0),
    (r"\.conv_[qk]\.", 1.2, 0.50, 0.0),
    (r"\.conv_v\.", 1.5, 0.50, 0.0),
    (r"\.projection_o\.", 1.5, 0.30, 0.0),
    (r"\.refine\.\d\.skip\.", 0.6, 0.10, 0.0),
    (r"\.refine\.\d\.conv[12]\.", 0.7, 0.10, 0.0),
    (r"\.rb[12]\.conv[12]\.", 0.7, 0.10, 0.0),
    (r"^hyperprior\.hyper_encoder\.", 1.2, 0.20, 0.0),
    (r"^hyperprior\.hyper_decoder_", 1.3, 0.20, 0.0),
    (r"^context_prediction", 0.8, 0.20, 0.0),
    (r"^channel_context_prediction_list\.", 0.9, 0.20, 0.0),
    (r"scales(\.\d+)?\.6\.", 1.2, 0.40, 0.8),
    (r"means(\.\d+)?\.6\.", 1.2, 0.40, 0.0),
    (r"^(entropy_param|LRP_Transform)", 1.1, 0.20, 0.0),
)
_TRANSPOSED = re.compile(r"Conv3DDecoder_[AB]\.[02]|hyperprior\.hyper_decoder_(means|scales)\.[02]\.")
_PRIOR = "hyperprior.entropy_bottleneck."


@torch.no_grad()
def fill(model: StereoModel, arch: str) -> None:
    """Gives `bisic` and `bisic-fast` their formula's weights; other networks keep those that they started with."""
    if arch not in _SALTS:
        return
    names = official_names(model.config)
    for name, tensor in model.state_dict().items():
        tensor.copy_(formula(arch, names[name], tensor.shape))


def formula(arch: str, key: str, shape: Sequence[int]) -> Tensor:
    """The float32 tensor of an official name of "bisic" or "bisic-fast"."""
    v = _noise(math.prod(shape), zlib.crc32(key.encode()) ^ _SALTS[arch]).reshape(shape)
    if key.startswith(_PRIOR):
        return torch.from_numpy(_prior_values(key[len(_PRIOR) :], v).astype(np.float32))
    gain, amplitude, offset = next(row[1:] for row in _SCALES if re.search(row[0], key))
    if key.endswith(".bias"):
        return torch.from_numpy((offset + amplitude * v).astype(np.float32))
    fan = shape[0] * 75 / 4 if _TRANSPOSED.match(key) else v.size / shape[0]
    return torch.from_numpy((v * gain * math.sqrt(3 / fan)).astype(np.float32))


def _noise(count: int, seed: int) -> NDArray[np.float64]:
    """-1 to 1, from the hash of each index."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    for factor in (0x85EBCA6B, 0xC2B2AE35):
        x ^= x >> np.uint32(16 if factor == 0x85EBCA6B else 13)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    values: NDArray[np.float64] = x / 2.0**31 - 1
    return values


def _prior_values(name: str, v: NDArray[np.float64]) -> NDArray[np.float64]:
    if name == "quantiles":
        median = 0.6 * v[..., 1]
        return np.stack([median - 7 - 2 * v[..., 0], median, median + 7 + 2 * v[..., 2]], -1)
    if name.startswith("_matrix"):
        default = np.float32(math.log(math.expm1(1 / (10 ** (1 / 5) * v.shape[1]))))
        shifted: NDArray[np.float64] = float(default) + 0.4 * v
        return shifted
    halved: NDArray[np.float64] = 0.5 * v
    return halved
