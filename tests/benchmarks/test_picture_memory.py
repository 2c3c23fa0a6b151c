"""The script that measures what pictures take: `bisic` goes its whole way, with nothing in the place of networks."""

from __future__ import annotations

import numpy as np
import picture_memory
import pytest
from conftest import sample_crop
from PIL import Image

from stereocodec.container import Container

pytestmark = [pytest.mark.slow, pytest.mark.skipif("sys.platform != 'linux'", reason="reads /proc")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    picture_memory.save_views(sample_crop(400, 96), folder)
    return folder


def test_commands_do_all_but_coding(folder):
    assert picture_memory.peak("encode left.png right.png -o pair.bsc --target-psnr 50", folder) > 2**26
    container = Container.from_bytes((folder / "pair.bsc").read_bytes())
    assert len(container.bands) == 3
    assert all(band.payload_bytes == 0 for band in container.bands)
    assert container.quality == 0  # as every quality is perfect
    picture_memory.peak("decode pair.bsc -o views/", folder)
    for name, view in zip(("left", "right"), sample_crop(400, 96), strict=True):
        with Image.open(folder / "views" / f"pair_{name}.png") as decoded:
            np.testing.assert_array_equal(decoded, view)


def test_large_pictures_take_more(tmp_path, folder):
    command = "encode left.png right.png -o pair.bsc"
    wide = [np.tile(view, (4, 40, 1)) for view in sample_crop(400, 96)]
    picture_memory.save_views((wide[0], wide[1]), tmp_path)
    more = picture_memory.peak(command, tmp_path) - picture_memory.peak(command, folder)
    assert 0.5 < more / (2 * wide[0].nbytes) < 4


def test_a_command_that_fails_is_told(folder, capfd):
    with pytest.raises(picture_memory.subprocess.CalledProcessError):
        picture_memory.peak("encode left.png -o x.bsc", folder)
    capfd.readouterr()
