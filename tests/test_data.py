"""`PairDataset`: items, workers that are forked and spawned, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import sample_crop
from torch.utils.data import DataLoader

from stereocodec.data import PairDataset
from stereocodec.errors import CorruptFile, InvalidInput, LimitExceeded


@pytest.fixture
def folder(tmp_path, tiny_codec):
    """Three files, one of them deeper."""
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("a", "deep/b", "c")):
        data = tiny_codec.compress(*sample_crop(32, 48, top=8 * number), quality=60)
        (tmp_path / f"{name}.bsc").write_bytes(data)
    return tmp_path


def expected(folder, codec):
    return [codec.decompress(path.read_bytes(), output="torch") for path in sorted(folder.rglob("*.bsc"))]


def test_items_are_what_decompress_gives(folder, tiny_release, tiny_codec):
    pairs = PairDataset(folder, model=tiny_release)
    assert [path.relative_to(folder).as_posix() for path in pairs.files] == ["a.bsc", "c.bsc", "deep/b.bsc"]
    assert len(pairs) == 3
    for item, views in zip((pairs[number] for number in range(3)), expected(folder, tiny_codec), strict=True):
        assert all(torch.equal(*both) for both in zip(item, views, strict=True))
        assert item[0].shape == (3, 32, 48)
        assert item[0].dtype == torch.uint8
    one = PairDataset([folder / "a.bsc"], model=tiny_release, transform=lambda left, right: (right, left))
    assert torch.equal(one[0][0], pairs[0][1])


def test_networks_are_loaded_once_and_do_not_travel(folder, tiny_release, monkeypatch):
    pairs = PairDataset(folder, model=tiny_release)
    loads = []
    for_file = PairDataset._codec_of.__globals__["StereoCodec"].for_file
    monkeypatch.setattr("stereocodec.data.StereoCodec.for_file", lambda *a, **k: loads.append(1) or for_file(*a, **k))
    assert [pairs[number][0].shape for number in (0, 1, 2)] == [(3, 32, 48)] * 3
    assert loads == [1]
    assert pairs.__getstate__()["_codec"] is None
    assert pairs._codec is not None


def test_what_is_refused(folder, tiny_release):
    (folder / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"empty has no \.bsc files"):
        PairDataset(folder / "empty")
    (folder / "c.bsc").write_bytes((folder / "c.bsc").read_bytes()[:-3])
    pairs = PairDataset(folder, model=tiny_release)
    with pytest.raises(CorruptFile):
        pairs[1]
    with pytest.raises(LimitExceeded):
        PairDataset(folder, model=tiny_release, max_pixels=100)[0]
    with pytest.raises(IndexError):
        pairs[3]


@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_of_a_loader_give_the_same(folder, tiny_release, tiny_codec, start):
    loader = DataLoader(
        PairDataset(folder, model=tiny_release), batch_size=3, num_workers=1, multiprocessing_context=start
    )
    (left, right) = next(iter(loader))
    for batch, views in zip((left, right), zip(*expected(folder, tiny_codec), strict=True), strict=True):
        np.testing.assert_array_equal(batch, torch.stack(views))
