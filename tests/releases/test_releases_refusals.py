"""Every kind of damage to a release folder is named in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import edit_config, save_tiny, tiny_model

from stereocodec.container.limits import MODEL_ID_BYTES
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import InvalidRelease, UnknownModel
from stereocodec.releases import release as releases
from stereocodec.releases.release import coding_tables, load_release


@pytest.fixture
def folder(tiny_release, tmp_path):
    """A copy of the tiny release that a test may damage."""
    return shutil.copytree(tiny_release, tmp_path / "release")


def assert_refused(folder, match="."):
    with pytest.raises(InvalidRelease, match=match) as error:
        load_release(folder)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 2000
    return text


def test_a_folder_without_config_is_no_release(folder):
    (folder / "config.json").unlink()
    with pytest.raises(UnknownModel, match=r"config\.json"):
        load_release(folder)


def test_missing_tensors_file(folder):
    (folder / "model.safetensors").unlink()
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_altered_byte(folder, position):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert_refused(folder, "sha256|header|tensor")


@pytest.mark.parametrize("length", [0, 7, 5000])
def test_a_truncated_tensors_file(folder, length):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(folder, "is empty|truncated|length|damaged")


@pytest.mark.parametrize("text", ["", "weights", "[]", "3", "null", '{"format_version": 1', "[" * 100_000, "\xff\xfe"])
def test_a_config_that_is_none(folder, text):
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    assert_refused(folder, "config.json")


@pytest.mark.parametrize(
    ("version", "way_out"), [(5, "upgrade"), ("2", "upgrade"), (None, "upgrade"), (1, "it is from")]
)
def test_another_format_version(folder, version, way_out):
    edit_config(folder, format_version=version)
    assert_refused(folder, f"format .*{way_out}")


@pytest.mark.parametrize(
    "key", ["name", "architecture", "arguments", "lattice", "training", "files", "model_id", "format_version"]
)
@pytest.mark.parametrize("value", [None, 7, [], "?", {"?": []}])
def test_a_wrong_field(folder, key, value):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in config.items() if k != key}))
    assert_refused(folder)
    # Words about the model may be any text.
    if (key, value) not in [("name", "?"), ("training", {"?": []}), ("training", [])]:
        path.write_text(json.dumps(config | {key: value}))
        assert_refused(folder)


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 256, "\x1b[2J"])
def test_a_name_that_no_file_can_carry(folder, name):
    edit_config(folder, name=name)
    assert_refused(folder, "name")


def test_an_altered_architecture_or_lattice_does_not_belong_to_its_tensors(folder, tiny_release):
    config = json.loads((tiny_release / "config.json").read_text())
    for changes in (
        {"arguments": config["arguments"] | {"lambda_max": 0.5}},
        {"lattice": config["lattice"] | {"epsilon": 1e-3}},
        {"model_id": "00" * MODEL_ID_BYTES},
    ):
        (folder / "config.json").write_text(json.dumps(config | changes))
        assert_refused(folder, "does not belong to its tensors")


def resealed(folder, **changes):
    """The release with another config, its model id made to fit again: what a faulty exporter could write."""
    config = json.loads((folder / "config.json").read_text()) | changes
    tensors = releases.load((folder / "model.safetensors").read_bytes())
    edit_config(folder, **changes, model_id=releases._model_id(config, tensors).hex())


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "bisic-xl"},
        {"arguments": {"channels8": 24}},
        {"arguments": {"colour": "red"}},
        {"arguments": {"channels8": "24"}},
        {"arguments": {"channels8": -24}},
        {"arguments": [24]},
        {"lattice": {"epsilon": 0.3}},
        {"lattice": {"mean_steps": 0.5}},
        {"lattice": {"spacing": 1}},
        {"lattice": {"scale_levels": 32}},
    ],
)
def test_a_config_that_the_tensors_contradict(folder, change):
    resealed(folder, **change)
    assert_refused(folder)


def test_missing_extra_and_misshapen_tensors(tmp_path):
    missing, extra, misshapen = tiny_model(), tiny_model(), tiny_model()
    del missing.analysis.head.bias
    extra.register_buffer("surplus", torch.zeros(3))
    misshapen.analysis.head.bias = torch.nn.Parameter(torch.zeros(7))
    for model, name in ((missing, "analysis.head.bias"), (extra, "surplus"), (misshapen, "analysis.head.bias")):
        assert name in assert_refused(save_tiny(tmp_path / str(id(model)), model=model))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_values_that_are_not_numbers(tmp_path, value):
    model = tiny_model()
    with torch.no_grad():
        model.entropy.outputs.weight[3, 4] = value  # 1e6 overflows half precision
    assert_refused(save_tiny(tmp_path / "release", model=model), "not numbers")


def test_another_coding_of_fields(tmp_path):
    folder = save_tiny(tmp_path / "release")
    edit_config(folder, field_coding=None)
    assert_refused(folder, "does not belong")
    with mock.patch.object(releases, "_ADAPTIVE", "newer"):
        newer = save_tiny(tmp_path / "newer")
    assert_refused(newer, "update stereocodec")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"first_level": 4},
        {"first_level": -1, "plain_channels": []},
        {"first_level": 4.0, "plain_channels": []},
        {"first_level": True, "plain_channels": []},
        {"first_level": 4, "plain_channels": 3},
        {"first_level": 4, "plain_channels": ["0"]},
        {"first_level": 4, "plain_channels": [0], "states": 8},
    ],
)
def test_dependent_quantisation_that_no_release_has(folder, value):
    edit_config(folder, dependent_quantisation=value)
    assert_refused(folder)


def test_half_steps_that_are_no_whole_steps_of_the_lattice(tmp_path):
    assert_refused(save_tiny(tmp_path / "release", lattice=Lattice(mean_steps=5)), "half steps")


def altered_tables(kind, alter):
    """Stands in for tables that `TableSet` would refuse to hold."""
    tables = coding_tables(tiny_model(), Lattice())
    arrays = getattr(tables, kind).to_arrays()
    altered = SimpleNamespace(to_arrays=lambda: alter(arrays))
    return SimpleNamespace(**vars(tables) | {kind: altered})


@pytest.mark.parametrize("kind", ["scales", "prior"])
@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda a: a | {"frequencies": a["frequencies"] + np.uint32(1)}, id="wrong sum"),
        pytest.param(lambda a: a | {"frequencies": a["frequencies"][:-1]}, id="one too few"),
        pytest.param(lambda a: a | {"frequencies": a["frequencies"].astype(np.int64)}, id="other type"),
        pytest.param(lambda a: a | {"lengths": a["lengths"][::-1].copy() * 0}, id="no lengths"),
        pytest.param(lambda a: a | {"offsets": a["offsets"] + np.int32(2**23)}, id="offsets too large"),
        pytest.param(lambda a: a | {"offsets": a["offsets"][1:]}, id="an offset too few"),
        pytest.param(lambda a: {k: v for k, v in a.items() if k != "offsets"}, id="no offsets"),
        pytest.param(lambda a: {}, id="nothing"),
    ],
)
def test_inconsistent_tables(tmp_path, kind, alter):
    folder = save_tiny(tmp_path / "release", tables=altered_tables(kind, alter))
    assert_refused(folder)


@pytest.mark.parametrize("kind", ["scales", "prior"])
@pytest.mark.parametrize("count", [1, 7, 100])
def test_another_number_of_tables(tmp_path, kind, count):
    tables = coding_tables(tiny_model(), Lattice())
    other = residual_tables(np.geomspace(0.1, 10, count))
    assert_refused(save_tiny(tmp_path / "release", tables=replace(tables, **{kind: other})), "one table per")
