"""`benchmarks/gpu.py`, on the processor where there is no GPU."""

import sys

import gpu
import pytest
from conftest import sample_crop
from PIL import Image

pytestmark = pytest.mark.slow
SIDES = ("left", "right")


@pytest.fixture
def pairs(tmp_path):
    for number in range(2):
        for side, view in zip(SIDES, sample_crop(160, 400, top=100 * number), strict=True):
            Image.fromarray(view).save(tmp_path / f"scene{number}_{side}.png")
    return tmp_path


def test_the_report(pairs, tiny_release, capsys, monkeypatch):
    options = [
        "--data",
        str(pairs),
        "--model",
        str(tiny_release),
        "--device",
        "cpu",
        "--batch",
        "1",
        "--seconds",
        "0.01",
    ]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *options])
    monkeypatch.setitem(gpu.SIZES, gpu.LARGE, (256, 128))
    gpu.main()
    report = capsys.readouterr().out
    assert "| 4 files of pairs, half of them from either device, decoded | all latents equal" in report
    assert "| encoding, a megapixel of a view |" in report
    for way in ("encoding", "decoding"):
        assert report.count(f"| {way} 3840x2160, at most 1 bands together |") == 2  # on a GPU others come first
    assert "batch 1: " in report


def test_other_latents_and_levels_are_told(tiny_codec, file):
    assert gpu.apart(tiny_codec, tiny_codec, file) == 0
    assert gpu.apart(tiny_codec, tiny_codec, file[:-1]) is None
    assert gpu.verdict([0, None, 1]) == "latents of 1 differ"
    assert gpu.verdict([0, 1]) == "all latents equal, pictures by at most 1 grey levels"


def test_a_device_that_is_not_there(pairs, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--data", str(pairs)])
    with pytest.raises(SystemExit, match="cuda"):
        gpu.main()
