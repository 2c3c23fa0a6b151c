"""Stripes of saturated colours, on which products of the transforms once grew until pictures were no numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereocodec.codec import StereoCodec
from stereocodec.pictures.rgb import psnr
from stereocodec.releases.folders import DEFAULT_MODEL
from stereocodec.releases.release import load_release
from stereocodec.training.losses import estimate

pytestmark = pytest.mark.slow

STRIPES = {
    "rows of yellow and white": ((255, 255, 0), (255, 255, 255), 1, (0, 1)),
    "rows of red and white": ((255, 0, 0), (255, 255, 255), 1, (0, 1)),
    "columns of cyan and white": ((0, 255, 255), (255, 255, 255), 2, (1, 0)),
    "columns of magenta and yellow": ((255, 0, 255), (255, 255, 0), 2, (1, 0)),
    "diagonals of magenta and yellow": ((255, 0, 255), (255, 255, 0), 2, (1, -1)),
}


@pytest.fixture(scope="module")
def release():
    return load_release(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def codec(release):
    return StereoCodec(release, device="cpu")


@pytest.fixture(params=STRIPES.values(), ids=STRIPES.keys())
def views(request):
    """Both views of stripes that are 20 pixels apart, (2, 64, 128, 3) uint8."""
    first, second, width, (across, down) = request.param
    y, x = np.ogrid[:64, :148]
    scene = np.array([first, second], np.uint8)[(across * x + down * y) // width % 2]
    return np.stack([scene[:, :128], scene[:, 20:]])


@pytest.mark.parametrize("quality", [0.2, 0.4, 0.6, 0.8])
def test_the_networks_keep_stripes_near_the_range_of_pictures(release, views, quality):
    x = torch.from_numpy(views).float() / 255
    _, decoded = estimate(release.model, x, torch.full((2,), quality), "chosen")
    assert decoded.abs().max() < 32


@pytest.mark.parametrize("quality", [20, 60])
def test_stripes_come_back(codec, views, quality):
    shown = codec.decompress(codec.compress(*views, quality=quality), output="numpy")
    for view, decoded in zip(views, shown, strict=True):
        assert psnr(view, decoded) > 12
