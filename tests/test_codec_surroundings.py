"""`StereoCodec` among threads, settings of the caller and imports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import sample_crop

import stereocodec
from stereocodec.codec import StereoCodec
from stereocodec.models import StereoModel


@pytest.mark.slow
def test_one_codec_in_many_threads(tiny_codec):
    pairs = [sample_crop(48 + 16 * (i % 3), 64 + 8 * i, top=30 * i) for i in range(8)]
    qualities = [10 * i for i in range(8)]
    expected = [tiny_codec.compress(*pair, quality=q) for pair, q in zip(pairs, qualities, strict=True)]
    decoded = [tiny_codec.decompress(data, output="numpy") for data in expected]

    def work(i):
        data = tiny_codec.compress(*pairs[i], quality=qualities[i])
        return data, tiny_codec.decompress(data, output="numpy")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, [*range(8), *range(8)]))
    for i, (data, views) in enumerate(results):
        assert data == expected[i % 8]
        np.testing.assert_array_equal(np.stack(views), np.stack(decoded[i % 8]))


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default float64": lambda: default_dtype(torch.float64),
    "default bfloat16": lambda: default_dtype(torch.bfloat16),
    "grad": torch.enable_grad,
    "no grad": torch.no_grad,
    "inference": torch.inference_mode,
    "default device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_settings_of_the_caller_do_not_matter(tiny_codec, tiny_release, pair, file, name):
    expected = tiny_codec.decompress(file, output="numpy")
    refined = tiny_codec.compress(*pair, quality=70, effort=6)
    with SURROUNDINGS[name]():
        assert tiny_codec.compress(*pair, quality=70) == file
        assert tiny_codec.compress(*pair, quality=70, effort=6) == refined
        loaded = StereoCodec.from_pretrained(tiny_release, device="cpu")
        assert loaded.compress(*pair, quality=70) == file
        assert loaded.compress(*pair, quality=70, effort=6) == refined
        for codec in (tiny_codec, loaded):
            np.testing.assert_array_equal(np.stack(codec.decompress(file, output="numpy")), np.stack(expected))
    assert loaded.compress(*pair, quality=70) == file


def test_coding_leaves_the_random_state_alone(tiny_codec, tiny_release, pair):
    before = torch.get_rng_state()
    StereoCodec.from_pretrained(tiny_release, device="cpu")
    tiny_codec.decompress(tiny_codec.compress(*pair))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_imported(tmp_path, tiny_release):
    (tmp_path / "compressai.py").touch()  # so that an import would succeed, and show
    script = """
import sys
import stereocodec
print([name for name in ("torch", "numpy", "PIL") if name in sys.modules])
import numpy as np
codec = stereocodec.StereoCodec.from_pretrained(sys.argv[1], device="cpu")
codec.decompress(codec.compress(*np.zeros((2, 5, 5, 3), np.uint8)))
heavy = ("compressai", "stereocodec.training", "huggingface_hub", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-c", script, tiny_release]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:2] == ["[]", "[]"]


def test_public_names():
    assert stereocodec.StereoCodec is StereoCodec
    assert issubclass(StereoModel, torch.nn.Module)
    assert Path(stereocodec.__file__).with_name("py.typed").exists()
    with pytest.raises(AttributeError):
        _ = stereocodec.Codec
