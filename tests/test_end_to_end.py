"""The installed `bisic` with the built-in release on a photographed pair."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import image_size, sample_crop
from PIL import Image

from stereocodec.codec import StereoCodec
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import psnr
from stereocodec.releases.folders import DEFAULT_MODEL, find_release, model_id_of

pytestmark = pytest.mark.slow

BISIC = Path(sysconfig.get_path("scripts")) / ("bisic.exe" if sys.platform == "win32" else "bisic")


def bisic(*arguments, cwd):
    command = [str(BISIC), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)


def succeed(*arguments, cwd):
    result = bisic(*arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def pixels(path):
    return np.asarray(load_image(path).convert("RGB"))


def jpeg_psnr(views, size):
    """Mean PSNR of the best JPEG 4:2:0 files of both views that together have at most `size` bytes."""
    best = 0.0
    for quality in range(1, 96):
        files = [io.BytesIO() for _ in views]
        for view, file in zip(views, files, strict=True):
            Image.fromarray(view).save(file, "JPEG", quality=quality, optimize=True)
        if sum(len(file.getvalue()) for file in files) > size:
            break
        best = np.mean([psnr(view, np.asarray(load_image(file))) for view, file in zip(views, files, strict=True)])
    return best


@pytest.fixture(scope="module")
def coded(photographs, tmp_path_factory):
    """pair.bsc of the photographed pair, in a folder of its own, and what was printed."""
    folder = tmp_path_factory.mktemp("end-to-end")
    return folder, succeed("encode", *photographs, "-o", "pair.bsc", cwd=folder)


def test_encode_and_decode(coded, photographs):
    folder, printed = coded
    views = [pixels(path) for path in photographs]
    height, width = views[0].shape[:2]
    size = (folder / "pair.bsc").stat().st_size
    assert printed.startswith(f"pair.bsc: {size:,} bytes, {8 * size / (2 * width * height):.4f} bpp, {width}x{height}")

    assert "pair_left.png" in succeed("decode", "pair.bsc", cwd=folder)
    assert sorted(path.name for path in folder.iterdir()) == ["pair.bsc", "pair_left.png", "pair_right.png"]
    decoded = [pixels(folder / f"pair_{view}.png") for view in ("left", "right")]
    levels = [psnr(view, shown) for view, shown in zip(views, decoded, strict=True)]
    promised = [float(number) for number in re.findall(r"([0-9.]+) dB", printed)]
    assert promised == pytest.approx([*levels, np.mean(levels)], abs=0.011)
    assert min(levels) > 28
    assert np.mean(levels) > jpeg_psnr(views, size) + 0.5  # dB


def test_info(coded, photographs):
    folder, _ = coded
    fields = json.loads(succeed("info", "pair.bsc", "--json", cwd=folder))
    size = (folder / "pair.bsc").stat().st_size
    streams = sum(size for view in fields["streams"].values() for size in view.values())
    assert (fields["width"], fields["height"]) == image_size(photographs[0])
    assert (fields["bytes"], fields["quality"]) == (size, 50)
    model_id = model_id_of(find_release(DEFAULT_MODEL)).hex()
    assert fields["model"] == {"id": model_id, "name": DEFAULT_MODEL, "origin": None}
    assert size - streams - fields["guard"]["bytes"] == fields["overhead"]
    assert size - streams <= 48


def test_a_damaged_file_leaves_nothing_behind(coded, tmp_path):
    folder, _ = coded
    data = bytearray((folder / "pair.bsc").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "pair.bsc").write_bytes(data)
    result = bisic("decode", "pair.bsc", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"bisic: error: .*damaged.*\n", result.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["pair.bsc"]


def test_bytes_and_psnr_rise_with_quality():
    codec = StereoCodec.from_pretrained(device="cpu")
    pair = sample_crop(192, 256)
    points = []
    for quality in range(0, 101, 20):
        data = codec.compress(*pair, quality=quality)
        decoded = codec.decompress(data, output="numpy")
        points.append((len(data), np.mean([psnr(a, b) for a, b in zip(pair, decoded, strict=True)])))
    for smaller, larger in pairwise(points):
        assert larger[0] > smaller[0]
        assert larger[1] > smaller[1] + 0.3
