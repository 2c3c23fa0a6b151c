"""Checkpoints that hold more than weights, claim more than they hold, or are something else; nothing in them is run."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import pickle
import random
import shutil
import zipfile

import numpy as np
import pytest
import torch
from conftest import one_line
from published import official_state
from safetensors.torch import save_file

from stereocodec.errors import InvalidInput, TrainingError
from stereocodec.models import build_model
from stereocodec.models.official_keys import bottleneck_name
from stereocodec.releases.checkpoints import read_state_dict
from stereocodec.releases.official import import_checkpoint
from stereocodec.training.checkpoint import load_checkpoint, load_run
from stereocodec.training.config import TrainingConfig
from stereocodec.training.initialise import initialise

SMALL = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2, dtype=torch.float16)}


def saved(path, content, **settings):
    torch.save(content, path, **settings)
    return path


def refusal(path, match="."):
    with pytest.raises(InvalidInput, match=match) as error:
        read_state_dict(path)
    text = one_line(error)
    assert str(path) in text
    assert len(text) < 700
    for advice in ("weights_only", "allowlist", "add_safe_globals", "trust"):
        assert advice not in text
    return text


def assert_small(found):
    assert found.keys() == SMALL.keys()
    assert all(torch.equal(found[key], SMALL[key]) for key in SMALL)


class Net(torch.nn.Linear):
    """A network that was saved as a whole."""


class Runs:
    """What a pickle would run."""

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path("executed"),)


BESIDE = {
    "numpy scalar": np.float64(0.5),
    "numpy integer": np.int64(3),
    "array": np.arange(4),
    "arguments": argparse.Namespace(lr=1e-4, out=pathlib.Path("x"), best=np.float32(1)),
    "path": pathlib.PurePosixPath("/a/b"),
    "windows": pathlib.PureWindowsPath("c:/b"),
    "random": random.getstate(),
    "random object": random.Random(1),
    "numpy state": np.random.RandomState(1).get_state(),
    "numpy generator": np.random.default_rng(1),
    "old numpy generator": np.random.RandomState(1),
    "torch": torch.get_rng_state(),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_what_training_code_stores_beside_weights_is_passed_over(kind, tmp_path):
    state = {"epoch": np.int64(3), "state_dict": SMALL, "x": BESIDE[kind]}
    found, digest = read_state_dict(saved(tmp_path / "ckpt.pt", state))
    assert_small(found)
    assert len(digest) == 64


def test_the_allowed_names_are_allowed_for_the_call_alone(tmp_path):
    path = saved(tmp_path / "ckpt.pt", {"state_dict": SMALL, "x": np.float64(0.5)})
    before = torch.serialization.get_safe_globals()
    read_state_dict(path)
    assert set(torch.serialization.get_safe_globals()) == set(before)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Net(2, 3), "test_checkpoints.Net"),
        ({"model": Net(2, 3)}, "test_checkpoints.Net"),
        (Runs(), "Path.touch|getattr"),
    ],
)
def test_other_objects_are_named_with_the_way_out(content, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = refusal(saved(tmp_path / "ckpt.pt", content), name)
    assert "torch.save(model.state_dict()" in text
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_wrappers_are_opened_also_within_each_other(wrapper, tmp_path):
    assert_small(read_state_dict(saved(tmp_path / "one.pt", {wrapper: SMALL, "epoch": 1}))[0])
    assert_small(read_state_dict(saved(tmp_path / "two.pt", {"model": {wrapper: SMALL}}))[0])


def test_checkpoints_of_the_oldest_form_are_read(tmp_path):
    assert_small(read_state_dict(saved(tmp_path / "x.pth", SMALL, _use_new_zipfile_serialization=False))[0])


def test_safetensors_are_read_whatever_their_name(tmp_path):
    save_file(SMALL, tmp_path / "x.ckpt")
    assert_small(read_state_dict(tmp_path / "x.ckpt")[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "Git LFS pointer.*git lfs pull"),
        (b"<html><body>Sign in</body></html>", "web page"),
        (b"", "is empty"),
        (b"no archive", "damaged, or of another kind"),
        (b"PK\x03\x04" + b"x" * 100, "damaged, or of another kind"),
        (b"\x80\x02" + b"x" * 100, "damaged, or of another kind"),
    ],
)
@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_other_files_are_named(content, message, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name, message if name == "x.pt" or "damaged" not in message else "cannot be read")


@pytest.mark.parametrize("content", [{1: torch.ones(2)}, {"state_dict": {b"a": torch.ones(2)}}, {}, [1], {"a": 1}])
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    refusal(saved(tmp_path / "x.pt", content), "holds no state dict")


def test_tensors_without_plain_values_are_refused(tmp_path):
    refusal(saved(tmp_path / "sparse.pt", {"a": torch.eye(3).to_sparse()}), "plain values")
    refusal(saved(tmp_path / "meta.pt", {"a": torch.empty(3, device="meta")}), "plain values")


def test_an_archive_that_inflates_is_refused_before_it_is(tmp_path):
    saved(tmp_path / "plain.pt", {"a": torch.zeros(2**22)})
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in plain.infolist():
            bomb.writestr(entry.filename, plain.read(entry))
    assert (tmp_path / "bomb.pt").stat().st_size < 2**16
    refusal(tmp_path / "bomb.pt", "inflates to 16,7")


def test_tensors_that_repeat_one_value_are_refused(tmp_path):
    """A kilobyte that claims a terabyte."""
    refusal(saved(tmp_path / "x.pt", {"a": torch.zeros(1).expand(2**20, 2**18)}), "claims more values")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are files of Unix")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_checkpoints_are_regular_files(make, tmp_path):
    make(tmp_path / "x.pt")
    refusal(tmp_path / "x.pt", "cannot be read")


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_a_sparse_file_of_30_gb_is_refused_by_its_size(name, tmp_path):
    (tmp_path / name).touch()
    os.truncate(tmp_path / name, 30 * 10**9)
    refusal(tmp_path / name, "30,000,000,000 bytes")


def imported(tensors, arch, tmp_path, name="x.pt"):
    import_checkpoint(saved(tmp_path / name, tensors), tmp_path / f"{name}-release", arch=arch, name="x")
    return (tmp_path / f"{name}-release" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def ecsic():
    return {name: tensor.float() for name, tensor in official_state("ecsic").items()}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "net.", "module._orig_mod.net."])
def test_prefixes_of_wrapped_networks_are_left_out(prefix, ecsic, tmp_path):
    plain = imported(ecsic, "ecsic", tmp_path, "plain.pt")
    assert imported({prefix + name: tensor for name, tensor in ecsic.items()}, "ecsic", tmp_path) == plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {3: torch.ones(2)}, "holds no state dict"),
        (lambda t: {"module.zl_loc": t["zl_loc"]}, "twice"),
        (lambda t: {"zl_loc": t["zl_loc"].long()}, "torch.int64"),
        (lambda t: {"zl_loc": t["zl_loc"] + np.inf}, "not numbers"),
    ],
)
def test_weights_that_none_can_be_are_refused(change, message, ecsic, tmp_path):
    with pytest.raises(InvalidInput, match=message) as error:
        imported(ecsic | change(ecsic), "ecsic", tmp_path)
    one_line(error)
    assert not (tmp_path / "x.pt-release").exists()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("hyperprior.entropy_bottleneck._matrices.0", "hyperprior.entropy_bottleneck._matrix0"),
        ("entropy_bottleneck._biases.4", "entropy_bottleneck._bias4"),
        ("rgb_entropy_bottleneck._factors.3", "rgb_entropy_bottleneck._factor3"),
        ("rgb_entropy_bottleneck.matrices.2", "rgb_entropy_bottleneck._matrix2"),
        ("entropy_bottleneck._matrix1", "entropy_bottleneck._matrix1"),
        ("x.matrices.0", "x.matrices.0"),
    ],
)
def test_all_names_of_the_factorised_prior_are_known(key, name):
    assert bottleneck_name(key) == name


def test_a_file_is_no_start_of_a_run(tmp_path):
    path = saved(tmp_path / "x.pt", SMALL)
    with pytest.raises(TrainingError, match="bisic import"):
        initialise(build_model("ecsic", {"channels": 4, "latent_channels": 1}), path)


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run's folder."""
    return shutil.copytree(finished.folder, tmp_path / "run")


def run_refusals(run):
    """What is said of a run's checkpoint when it is loaded and when the run is resumed."""
    config = TrainingConfig.from_dict({"arch": "bisic-rt", "model": finished_model(run)})
    for load in (lambda: load_run(run), lambda: resume(run, config)):
        with pytest.raises(TrainingError) as error:
            load()
        yield one_line(error)


def finished_model(run):
    return json.loads((run / "config.json").read_text())["model"]


def resume(run, config):
    load_checkpoint(run / "checkpoint.safetensors", build_model(config.arch, config.model), {}, [])


@pytest.mark.slow
def test_a_run_whose_checkpoint_is_none_is_refused_without_reading_it(run):
    path = run / "checkpoint.safetensors"
    good = path.read_bytes()
    os.truncate(path, 30 * 10**9)
    assert all("bytes" in text for text in run_refusals(run))
    path.unlink()
    os.mkfifo(path)
    assert all("regular file" in text for text in run_refusals(run))
    path.unlink()
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert all("Git LFS" in text for text in run_refusals(run))
    path.write_bytes(good)
    load_run(run)
    edited = (run / "config.json").read_text().replace('"latent_channels": 16', '"latent_channels": 4096')
    (run / "config.json").write_text(edited)
    assert all("4096" in text for text in run_refusals(run))


def test_a_checkpoint_of_more_than_the_networks_take_is_not_read(tmp_path):
    model, path = torch.nn.Linear(4, 4), tmp_path / "checkpoint.safetensors"
    header = json.dumps({"model/weight": {"dtype": "U8", "shape": [2**27], "data_offsets": [0, 2**27]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + 2**27)
    with pytest.raises(TrainingError, match="holds 134,217,728 bytes of tensors, and these networks take 80"):
        load_checkpoint(path, model, {}, [])
