"""Release folders: what is written is what is read, and every kind of damage is named in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import save_tiny, tiny_model

from stereocodec import releases
from stereocodec.codec import StereoCodec
from stereocodec.container_rules import MODEL_ID_BYTES
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import InvalidRelease, OutputError, UnknownModel
from stereocodec.release_folders import BUILT_IN, DEFAULT_MODEL, built_in_names, find_release, model_id_of
from stereocodec.releases import coding_tables, load_release

FILES = ["README.md", "config.json", "model.safetensors"]


@pytest.fixture
def folder(tiny_release, tmp_path):
    """A copy of the tiny release that a test may damage."""
    return shutil.copytree(tiny_release, tmp_path / "release")


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def assert_refused(folder, match="."):
    with pytest.raises(InvalidRelease, match=match) as error:
        load_release(folder)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 2000
    return text


# Round trip


def test_what_is_saved_is_loaded(tiny_release):
    model = tiny_model()
    release = load_release(tiny_release)
    assert (release.name, release.lattice, release.training) == ("tiny", Lattice(), {"steps": 0})
    assert len(release.model_id) == MODEL_ID_BYTES
    assert release.model.config == model.config
    assert not release.model.training
    loaded = release.model.state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert loaded[name].dtype == torch.float32
        expected = tensor.half().float() if tensor.ndim >= 2 else tensor  # matrices are stored in half precision
        assert torch.equal(loaded[name], expected), name
    tables = coding_tables(model, Lattice())
    for kind in ("scales", "prior"):
        for key, array in getattr(tables, kind).to_arrays().items():
            np.testing.assert_array_equal(getattr(release.tables, kind).to_arrays()[key], array)


def test_a_release_is_three_files(tiny_release):
    assert sorted(path.name for path in tiny_release.iterdir()) == FILES
    assert (tiny_release / "README.md").read_text() == "# tiny\n"


def test_saving_a_loaded_release_again_changes_nothing(tiny_release, tmp_path):
    release = load_release(tiny_release)
    again = save_tiny(tmp_path / "again", model=release.model, tables=release.tables)
    for name in FILES:
        assert (again / name).read_bytes() == (tiny_release / name).read_bytes(), name


def test_saving_refuses_a_folder_that_is_not_empty(tiny_release, tmp_path):
    before = {path.name: path.read_bytes() for path in tiny_release.iterdir()}
    with pytest.raises(OutputError, match="not an empty folder"):
        save_tiny(tiny_release, seed=1)
    assert {path.name: path.read_bytes() for path in tiny_release.iterdir()} == before
    empty = tmp_path / "deep" / "empty"
    empty.mkdir(parents=True)
    load_release(save_tiny(empty))
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="not an empty folder"):
        save_tiny(file)
    with pytest.raises(OutputError, match="cannot be written"):
        save_tiny(file / "below")


# The model id


def test_the_model_id_depends_on_every_tensor(tiny_release, tmp_path):
    release = load_release(tiny_release)
    model, tables = release.model, release.tables
    names = [*list(model.state_dict())[::10], "entropy.mean", "entropy.log_deviation"]
    assert len(names) > 10
    ids = [release.model_id]

    def save(**changes):
        settings = {"model": model, "tables": tables} | changes
        ids.append(model_id_of(save_tiny(tmp_path / str(len(ids)), **settings)))

    for name in names:
        last = model.state_dict()[name].reshape(-1)[-1:]
        before = last.clone()
        last += 0.5
        save()
        last.copy_(before)
    for lattice in (Lattice(epsilon=1e-6), Lattice(mean_steps=32), Lattice(scale_max=200.0)):
        save(lattice=lattice)
    save(tables=replace(tables, scales=residual_tables(Lattice().scales * 1.1)))
    save(tables=replace(tables, prior=residual_tables(np.full(len(tables.prior), 2.0))))
    save(tables=replace(tables, fields=residual_tables(np.full(16, 2.0))))
    assert len(set(ids)) == len(ids) == 1 + len(names) + 3 + 3
    save()
    assert ids[-1] == release.model_id


def test_the_model_id_does_not_depend_on_words(folder, tiny_release):
    edit_config(folder, name="renamed", training={"data": "other words"})
    (folder / "README.md").write_text("another card")
    release = load_release(folder)
    assert release.name == "renamed"
    assert release.model_id == model_id_of(tiny_release) == load_release(tiny_release).model_id


# Names


def test_the_default_model_is_built_in():
    assert DEFAULT_MODEL in built_in_names()
    path = find_release(DEFAULT_MODEL)
    assert path.parent == BUILT_IN
    assert sum(file.stat().st_size for file in path.iterdir()) <= 25e6
    release = load_release(DEFAULT_MODEL)
    assert release.name == DEFAULT_MODEL
    assert release.model_id == model_id_of(path)
    assert release.lattice == Lattice()


def test_names_and_paths(tiny_release, monkeypatch):
    assert find_release(tiny_release) == tiny_release
    monkeypatch.chdir(tiny_release.parent)
    for path in ("tiny", "./tiny", "tiny/"):
        assert load_release(path).name == "tiny"
    with pytest.raises(UnknownModel):
        load_release("tin")


@pytest.mark.parametrize("name", ["", "nothing", "../bisic", "x" * 5000, "a\0b", "a\nb", "/dev/null", "https://x.y/z"])
def test_unknown_models(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownModel, match="no model") as error:
        StereoCodec.from_pretrained(name)
    assert DEFAULT_MODEL in str(error.value)


def test_a_folder_without_config_is_no_release(folder):
    (folder / "config.json").unlink()
    with pytest.raises(UnknownModel, match=r"config\.json"):
        load_release(folder)


# Damage


def test_missing_tensors_file(folder):
    (folder / "model.safetensors").unlink()
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_altered_byte(folder, position):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert_refused(folder, "sha256")


@pytest.mark.parametrize("length", [0, 7, 5000])
def test_a_truncated_tensors_file(folder, length):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(folder, "sha256")


@pytest.mark.parametrize("text", ["", "weights", "[]", "3", "null", '{"format_version": 1', "[" * 100_000, "\xff\xfe"])
def test_a_config_that_is_none(folder, text):
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    assert_refused(folder, "config.json")


@pytest.mark.parametrize(
    ("version", "way_out"), [(3, "upgrade"), ("2", "upgrade"), (None, "upgrade"), (1, "it is from")]
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
        {"architecture": "bisic-xl"},
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
