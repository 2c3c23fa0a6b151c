"""Small networks of the published codecs: their state dicts in the authors' form, and what the authors' code gave.

`reference/*.io.safetensors` holds outputs of the authors' code, whose version, seeds and settings the metadata names.
Large tensors are thinned out: names in `_every5` hold every fifth row and column, names in `_crop32` the top left
corner. `reference/*.keys.txt` lists the keys of a state dict, their dtypes and shapes.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from formula_weights import formula
from safetensors.torch import load_file

REFERENCE = Path(__file__).parent / "reference"
# Tables, bounds and masks: a checkpoint has them, and nothing may depend on what is in them.
_BUFFER = re.compile(r"gaussian_conditional\.|\.(mask|bound|target|_offset|_quantized_cdf|_cdf_length)$")


def official_keys(arch):
    """Dtype and shape of each key of a state dict of the authors' code, "bisic", "bisic-fast" or "rgbd"."""
    keys = {}
    for line in _path(arch, "keys.txt").read_text(encoding="utf-8").splitlines():
        key, dtype, shape = line.split(" ")
        keys[key] = getattr(torch, dtype), tuple(map(int, shape.split("x")))
    return keys


def official_state(arch):
    """The state dict with which the reference tensors of "bisic", "bisic-fast" or "ecsic" were made.

    The weights of the first two follow from a formula, those of convolutions rounded to float16.
    """
    if arch == "ecsic":
        return load_file(_path(arch, "state_dict.safetensors"))
    return {
        key: torch.zeros(shape, dtype=dtype) if _BUFFER.search(key) else formula(arch, key, shape).to(dtype)
        for key, (dtype, shape) in official_keys(arch).items()
    }


def reference_tensors(arch):
    return load_file(_path(arch, "io.safetensors"))


def _path(arch, suffix):
    return REFERENCE / f"{arch.replace('-', '_')}.{suffix}"
