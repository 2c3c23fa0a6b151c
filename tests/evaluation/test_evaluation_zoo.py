"""The networks of CompressAI's zoo as codecs of an evaluation: a stand-in of the package, and the package itself."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run
from conftest import sample_crop
from PIL import Image

from stereocodec.evaluation.codecs import zoo as zoo_codecs
from stereocodec.evaluation.codecs.base import Scale
from stereocodec.evaluation.datasets import EvaluationPair, content_hash
from stereocodec.evaluation.measure import Failure, Task, measure
from stereocodec.evaluation.metrics import psnr
from stereocodec.evaluation.runner import LEARNED_ANCHORS, find_anchor

# What the zoo's networks have in common, with a mean over blocks in the place of transforms.
STAND_IN = """
import torch

class Blocks:
    def __init__(self, weights):
        self.side = int(weights["side"])
    @classmethod
    def from_state_dict(cls, weights):
        return cls(weights)
    def eval(self):
        return self
    def compress(self, x):
        assert x.shape[2] % 64 == x.shape[3] % 64 == 0 and torch.get_num_threads() == 1
        means = torch.nn.functional.avg_pool2d(x, self.side)
        coded = means.mul(255).round().to(torch.uint8)
        strings = [[coded[:, :2].numpy().tobytes()], [coded[:, 2:].numpy().tobytes()]]
        return {"strings": strings, "shape": coded.shape[2:]}
    def decompress(self, strings, shape):
        assert torch.get_num_threads() == 1
        planes = torch.frombuffer(bytearray(strings[0][0] + strings[1][0]), dtype=torch.uint8).view(1, 3, *shape)
        return {"x_hat": torch.nn.functional.interpolate(planes.float() / 254, scale_factor=self.side)}

model_architectures = {"mbt2018-mean": Blocks}
"""
SIDES = {1: 32, 2: 16, 3: 8, 4: 4}


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """The folder of the weights that the stand-in of compressai.zoo names, four qualities of mbt2018-mean."""
    package, weights = tmp_path / "packages" / "compressai", tmp_path / "server"
    (package / "zoo").mkdir(parents=True)
    weights.mkdir()
    urls = {}
    for quality, side in SIDES.items():
        torch.save({"side": torch.tensor(side)}, weights / "new")
        digest = hashlib.sha256((weights / "new").read_bytes()).hexdigest()
        path = (weights / "new").rename(weights / f"mean-{quality}-{digest[:8]}.pth.tar")
        urls[quality] = path.as_uri()
    (package / "__init__.py").touch()
    (package / "zoo" / "__init__.py").write_text("from . import image\nload_state_dict = dict\n")
    (package / "zoo" / "image.py").write_text(STAND_IN + f"model_urls = {{'mbt2018-mean': {{'mse': {urls}}}}}\n")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    four = replace(find_anchor("mbt2018-mean"), scale=Scale("q", tuple(SIDES), 1, 4))
    monkeypatch.setitem(LEARNED_ANCHORS, "mbt2018-mean", four)
    yield weights
    zoo_codecs._load.cache_clear()
    zoo_codecs._digest.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "compressai"]:
        del sys.modules[name]


def pair_of(folder, views):
    for side, view in zip(("left", "right"), views, strict=True):
        Image.fromarray(view).save(folder / f"scene_{side}.png")
    return EvaluationPair("scene", folder / "scene_left.png", folder / "scene_right.png", "group")


def test_views_are_padded_and_coded_to_files_that_hold_what_decoding_needs(tmp_path, zoo):
    codec = find_anchor("mbt2018-mean")
    assert codec.missing() is None
    views = sample_crop(50, 81)
    quality = []
    for setting in SIDES:
        files = codec.encode(views, setting, tmp_path / f"q{setting}")
        assert len(files) == 2
        samples = 3 * (64 // SIDES[setting]) * (128 // SIDES[setting])
        assert all(samples < path.stat().st_size < samples + 20 for path in files)
        # Quality and size are in the files: another codec object and another process know as much as this one.
        decoded = replace(codec, scale=Scale("q", (), 1, 1)).decode(files, ())
        assert all(view.shape == (50, 81, 3) and view.dtype == np.uint8 for view in decoded)
        quality.append([psnr(a, b) for a, b in zip(views, decoded, strict=True)])
    assert np.all(np.diff(quality, axis=0) > 0)
    assert np.min(quality[-1]) > 18


def test_the_edge_is_repeated_where_sides_are_padded(tmp_path, zoo):
    codec = find_anchor("mbt2018-mean")
    assert codec.missing() is None
    flat = np.full((40, 72, 3), 200, np.uint8)
    decoded = codec.decode(codec.encode((flat, flat), 1, tmp_path / "flat"), flat.shape)
    assert all(np.abs(view.astype(int) - 200).max() <= 1 for view in decoded)  # black below would darken the blocks


def test_weights_are_fetched_once_checked_and_part_of_a_points_identity(tmp_path, zoo):
    codec = find_anchor("mbt2018-mean")
    assert codec.missing() is None
    fetched = sorted((tmp_path / "cache" / "hub" / "checkpoints").iterdir())
    assert [path.read_bytes() for path in fetched] == [path.read_bytes() for path in sorted(zoo.iterdir())]
    before = codec.identity()
    for path in zoo.iterdir():
        path.unlink()
    assert codec.missing() is None  # none is fetched again
    torch.save({"side": torch.tensor(2)}, fetched[0])
    zoo_codecs._digest.cache_clear()
    assert codec.identity() != before


def test_weights_that_cannot_be_had_are_told_with_their_place(tmp_path, zoo):
    codec = find_anchor("mbt2018-mean")
    second = sorted(zoo.iterdir())[1]
    content = second.read_bytes()
    second.unlink()
    told = codec.missing()
    assert told.startswith(f"no weights: {second.as_uri()} cannot be fetched (URLError: ")
    assert told.endswith(f"put the file at {tmp_path / 'cache' / 'hub' / 'checkpoints' / second.name}")
    assert "\n" not in told
    second.write_bytes(content[:-1])
    assert "invalid hash value" in codec.missing()
    assert len(list((tmp_path / "cache" / "hub" / "checkpoints").iterdir())) == 1
    second.write_bytes(content)
    assert codec.missing() is None


def test_weights_that_are_more_than_tensors_fail_their_points(tmp_path, zoo):
    codec = find_anchor("mbt2018-mean")
    assert codec.missing() is None
    pair = pair_of(tmp_path, sample_crop(48, 80))
    torch.save(Path("harmless"), next((tmp_path / "cache" / "hub" / "checkpoints").glob("mean-3-*")))
    found = [measure(Task(codec, pair, content_hash(pair.load()), q), tmp_path / "results") for q in SIDES]
    assert [isinstance(point, Failure) for point in found] == [False, False, True, False]
    assert found[2].setting == "q3"
    assert "Weights only load failed" in found[2].reason


def test_a_package_that_cannot_be_imported_is_told(tmp_path, zoo):
    (tmp_path / "packages" / "compressai" / "__init__.py").write_text("raise RuntimeError('no operator nms')\n")
    assert find_anchor("mbt2018-mean").missing() == "compressai cannot be imported: RuntimeError: no operator nms"


@pytest.mark.slow
def test_the_command_measures_a_network_and_skips_one_without_weights(tmp_path, zoo):
    folder = tmp_path / "pairs"
    folder.mkdir()
    pair_of(folder, sample_crop(48, 80))
    anchors = ["--models", "none", "--anchors", "jpeg,mbt2018-mean", "--settings", "jpeg=10,40,80"]
    arguments = ["eval", str(folder), "-o", str(tmp_path / "out"), *anchors]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "1 pairs, 7 points, 0 pairs left out" in result.output
    assert "Mean-scale hyperprior (CompressAI)" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    next((tmp_path / "cache" / "hub" / "checkpoints").glob("mean-2-*")).unlink()
    next(zoo.glob("mean-2-*")).unlink()
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "bisic: skipped mbt2018-mean: no weights: file://" in result.output
    assert "1 pairs, 3 points, 0 pairs left out" in result.output


def test_no_compressai_is_told():
    script = (
        "import sys; sys.modules['compressai'] = None\n"
        "import importlib.util; importlib.util.find_spec = lambda name: None\n"
        "from stereocodec.evaluation.runner import find_anchor\n"
        "print(find_anchor('cheng2020-attn').missing())\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout == "the package compressai is not installed: pip install 'stereocodec[compare]'\n"


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"])
def test_networks_of_the_real_zoo_code_with_weights_in_its_cache(tmp_path, monkeypatch, capfd, name):
    pytest.importorskip("compressai", reason="needs compressai, which needs NumPy 1")
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    architecture = zoo_codecs._zoo().image_models[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = architecture(1)
    network.update(force=True)
    _, path = zoo_codecs._weights(name, 1)
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    codec = replace(find_anchor(name), scale=Scale("q", (1,), 1, 1))
    assert codec.missing() is None
    views = sample_crop(50, 81)
    files = codec.encode(views, 1, tmp_path / "pair")
    decoded = codec.decode(files, ())
    with torch.inference_mode():
        padded = np.pad(views[0], ((0, 14), (0, 47), (0, 0)), mode="edge")
        expected = network.eval()(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)["x_hat"]
    pixels = expected[0, :, :50, :81].clamp(0, 1).mul(255).permute(1, 2, 0).numpy()
    assert np.abs(decoded[0] - pixels).max() <= 0.75
    zoo_codecs._load.cache_clear()
    zoo_codecs._digest.cache_clear()
    assert capfd.readouterr().out == ""
