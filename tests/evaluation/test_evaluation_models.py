"""Models as codecs to measure: releases with qualities, and curves of releases with a single one each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import sample_crop, save_untrained
from rgbd_frames import save_small

from stereocodec.container import Container
from stereocodec.errors import InvalidInput, UnknownModel
from stereocodec.evaluation.codecs.model import model_codec
from stereocodec.models import build_model

VIEWS = sample_crop(64, 96)


@pytest.fixture(scope="module")
def single_releases(tmp_path_factory):
    """Two releases with a single quality each."""
    folder = tmp_path_factory.mktemp("releases")
    saved = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = build_model("ecsic", {"channels": 8, "latent_channels": 4, "heads": 2, "embedding": 4})
        saved.append(save_untrained(folder / f"r{seed}", f"ecsic-{seed}", "ecsic", model))
    return saved


def check_point(codec, setting, folder):
    """Codes a pair in one place and decodes it in another; returns the id that the file names."""
    files = codec.encode(VIEWS, setting, folder / codec.scale.label(setting))
    decoded = codec.decode(files, VIEWS[0].shape)
    assert all(view.shape == VIEWS[0].shape and view.dtype == np.uint8 for view in decoded)
    return Container.from_bytes(files[0].read_bytes()).model_id.hex()


def test_releases_with_a_single_quality_make_one_curve(single_releases, tmp_path):
    codec = model_codec("ecsic=" + "+".join(map(str, single_releases)))
    assert (codec.name, codec.scale.measured, codec.scale.low, codec.scale.high) == ("ecsic", (1, 2), 1, 2)
    written_by = [check_point(codec, setting, tmp_path) for setting in codec.scale.measured]
    assert tuple(written_by) == codec.model_ids
    assert len(set(codec.model_ids)) == 2
    assert all(model_id in codec.identity() for model_id in codec.model_ids)


def test_a_release_with_a_single_quality_is_one_point(single_releases, tmp_path):
    codec = model_codec(str(single_releases[1]), qualities=(10, 90))
    assert (codec.name, codec.scale.measured) == ("ecsic-1", (1,))
    assert check_point(codec, 1, tmp_path) == codec.model_id


def test_a_release_with_qualities_is_a_curve_by_itself(tiny_release, tmp_path):
    codec = model_codec(f"mine={tiny_release}", qualities=(90, 10))
    assert (codec.name, codec.scale.measured) == ("mine", (10, 90))
    check_point(codec, 90, tmp_path)
    assert Container.from_bytes((tmp_path / "q90.bsc").read_bytes()).quality == 90


def test_releases_that_make_no_curve_are_refused(single_releases, tiny_release, tmp_path):
    with pytest.raises(InvalidInput, match="tiny has qualities, a curve of its own"):
        model_codec(f"both={single_releases[0]}+{tiny_release}")
    with pytest.raises(InvalidInput, match="small-rgbd codes no stereo pairs"):
        model_codec(str(save_small(tmp_path / "rgbd")))
    with pytest.raises(UnknownModel):
        model_codec(f"curve={single_releases[0]}+{tmp_path / 'missing'}")


def test_points_of_one_kind_of_device_are_alike_whatever_its_number(tiny_release, monkeypatch):
    first, second, processor = (model_codec(str(tiny_release), device=name) for name in ("cuda", "cuda:1", "cpu"))
    assert first.identity() == second.identity() != processor.identity()
    loaded = []
    monkeypatch.setattr("stereocodec.evaluation.codecs.model._load", lambda release, device: loaded.append(device))
    second._codec(second.scale.measured[0])
    assert loaded == ["cuda:1"]
