"""The tool that makes spatial photos: its files are those that libheif calls a stereo pair."""

from __future__ import annotations

import io
import sys

import pytest
import spatial_photo
from heif_files import alike, view
from PIL import Image

import stereocodec

pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra stereocodec[heif]")


def test_the_command_makes_a_spatial_photo(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    for name, number in (("left.png", 0), ("right.png", 1)):
        view(number).save(tmp_path / name, exif=exif)
    paths = [str(tmp_path / name) for name in ("left.png", "right.png", "photo.heic")]
    options = ["--baseline", "64", "--fov", "63.4", "--disparity-adjustment", "0.02"]
    monkeypatch.setattr(sys, "argv", ["spatial_photo.py", *paths, *options])
    spatial_photo.main()
    pair = stereocodec.open_pair(tmp_path / "photo.heic")
    assert alike(pair.left.pixels, view(0))
    assert alike(pair.right.pixels, view(1))
    calibration = pair.metadata.calibration
    assert calibration["baseline"] == 0.064
    assert calibration["field_of_view"] == pytest.approx(63.4, abs=1e-5)
    assert calibration["disparity_adjustment"] == 0.02


def test_libheif_finds_the_group_and_both_pictures():
    data = spatial_photo.spatial_photo(view(0), view(1), baseline=0.06, field_of_view=60)
    heif = pillow_heif.open_heif(io.BytesIO(data))
    if "entity_groups" not in heif.info:
        pytest.skip("this pillow-heif tells no groups")
    (group,) = heif.info["entity_groups"]
    assert group["type"] == "ster"
    assert group["images"] == [0, 1]
    assert heif[0].info["heif"]["camera_intrinsic_matrix"]["principal_point_x"] == pytest.approx(32)
