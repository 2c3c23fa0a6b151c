"""Release folders that someone made to take memory or time, or to be read wrongly: each is refused in one line."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct

import pytest
import torch
from commands import error_line, run
from conftest import edit_config, one_line

from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import InvalidInput, InvalidRelease, TrainingError, UnknownModel
from stereocodec.models import ARCHITECTURES, build_model
from stereocodec.models.skeleton import Skeleton
from stereocodec.releases.folders import read_checked, read_config, summary
from stereocodec.releases.hub import fetch, locate
from stereocodec.releases.release import load_release
from stereocodec.tensor_files import MAX_TENSORS_BYTES, read_header
from stereocodec.toml_files import read_toml


@pytest.fixture
def folder(tiny_release, tmp_path):
    """A copy of the tiny release that a test may damage."""
    return shutil.copytree(tiny_release, tmp_path / "release")


def refusal(folder, error=InvalidRelease):
    with pytest.raises(error) as raised:
        load_release(folder)
    text = one_line(raised)
    assert len(text) < 1000
    return text


def write_tensors(path, entries, *, length=None, data=0):
    """A safetensors file with this header; its data are a hole."""
    header = json.dumps(entries).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header) if length is None else length) + header)
        file.truncate(file.tell() + data)


HUGE = {
    "bisic-rt": [{"channels16": 20000}, {"blocks8": 10**9}, {"blocks16": 10**9}, {"knots": 10**9}, {"expansion": 1e6}],
    "bisic": [{"slices": 10**9}, {"parameter_widths": [10**9] * 3}, {"channels": 2**20}],
    "bisic-fast": [{"channels": 2**20}],
    "ecsic": [{"channels": 10**6}, {"embedding": 10**9}, {"latent_channels": 10**6}, {"heads": 10**9}],
    "rgbd": [
        {"slices": [1] * 4096, "latent_channels": 4096},
        {"context_widths": [10**9] * 2},
        {"latent_channels": 10**8},
    ],
}


@pytest.mark.parametrize(("arch", "settings"), [(arch, settings) for arch in HUGE for settings in HUGE[arch]])
def test_settings_of_huge_networks_are_refused_before_anything_is_built(arch, settings):
    with pytest.raises(ValueError, match=r"it must be|must divide"):
        Skeleton(arch, settings)


NUMBERS = [True, math.nan, math.inf, -math.inf, 1e-300, 1e300, 10**400, "1", None, []]


def numbers_of(config):
    return [
        name for name, value in vars(config).items() if isinstance(value, int | float) and not isinstance(value, bool)
    ]


@pytest.mark.parametrize("arch", sorted(ARCHITECTURES))
def test_every_number_of_every_architecture_has_bounds(arch):
    config = ARCHITECTURES[arch].config()
    for name in numbers_of(config):
        for value in NUMBERS:
            if (name, value) == ("embedding", None):
                continue
            with pytest.raises(ValueError, match=r"it must be|must divide") as error:
                build_model(arch, {name: value})
            assert len(one_line(error)) < 200


@pytest.mark.parametrize("name", numbers_of(Lattice()))
@pytest.mark.parametrize("value", NUMBERS)
def test_every_number_of_the_lattice_has_bounds(name, value):
    with pytest.raises(InvalidRelease, match="impossible lattice") as error:
        Lattice(**{name: value})
    assert len(one_line(error)) < 300


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 30, "9" * 5000])
@pytest.mark.parametrize("key", ["mean_steps", "parameters"])
def test_numbers_that_json_does_not_have_are_refused_anywhere(folder, key, text):
    path = folder / "config.json"
    path.write_text(path.read_text().replace(f'"{key}":', f'"{key}": {text}, "x":'))
    assert "finite number" in refusal(folder)


@pytest.mark.parametrize("changes", [{"parameters": True}, {"parameters": 10**17}, {"parameters": -1}])
def test_impossible_counts_are_not_listed(folder, changes):
    edit_config(folder, **changes)
    with pytest.raises(InvalidRelease):
        summary(folder)


@pytest.mark.parametrize("row", [{"quality": 1e300}, {"bpp": True}, {"psnr_left": "7"}])
def test_impossible_measurements_are_not_listed(folder, row):
    measured = {"quality": 50, "bpp": 0.5, "psnr_left": 30.0, "psnr_right": 31.0}
    edit_config(folder, training={"metrics": [measured]})
    assert summary(folder).rates == ((50, 0.5, 30.5),)
    edit_config(folder, training={"metrics": [measured | row]})
    with pytest.raises(InvalidRelease):
        summary(folder)


def test_wider_networks_than_the_tensors_are_refused_by_the_header(folder):
    """A config of a gigabyte of networks beside the tensors of small ones."""
    config = json.loads((folder / "config.json").read_text())
    edit_config(folder, arguments=config["arguments"] | {"latent_channels": 4096})
    assert "the tensor" in refusal(folder)


def test_tensors_that_are_not_there_are_refused_before_they_are_read(folder):
    """A sparse file of 4 GB whose header is right but for one tensor."""
    header = json.loads((folder / "model.safetensors").read_bytes()[8:].partition(b"}}")[0] + b"}}")
    last = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    size = 2**32 - 2**23 - last
    header["surplus"] = {"dtype": "U8", "shape": [size], "data_offsets": [last, last + size]}
    write_tensors(folder / "model.safetensors", header, data=last + size)
    assert "the tensor surplus is unknown" in refusal(folder)


def test_endless_tables_are_refused(folder):
    header = json.loads((folder / "model.safetensors").read_bytes()[8:].partition(b"}}")[0] + b"}}")
    last = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    header["tables/more"] = {"dtype": "U8", "shape": [2**29], "data_offsets": [last, last + 2**29]}
    write_tensors(folder / "model.safetensors", header, data=last + 2**29)
    assert "its tables take" in refusal(folder)


def test_weights_that_are_whole_numbers_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"dtype":"F16"', b'"dtype":"I16"', 1))
    assert "is of I16, which no weights are of" in refusal(folder)


def test_a_sparse_file_of_30_gb_is_refused_by_its_size(folder):
    os.truncate(folder / "model.safetensors", 30 * 10**9)
    assert "30,000,000,000 bytes" in refusal(folder)


def test_a_header_of_900000_tensors_is_not_read(folder):
    write_tensors(folder / "model.safetensors", {}, length=900_000 * 60, data=900_000 * 60)
    assert "bytes of header" in refusal(folder)


HEADERS = {
    "negative": {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
    "true": {"a": {"dtype": "F32", "shape": [True, 4], "data_offsets": [0, 16]}},
    "huge": {"a": {"dtype": "F32", "shape": [2**60, 2**60], "data_offsets": [0, 16]}},
    "axes": {"a": {"dtype": "F32", "shape": [1] * 1000 + [4], "data_offsets": [0, 16]}},
    "kind": {"a": {"dtype": "X9", "shape": [4], "data_offsets": [0, 16]}},
    "kind of kind": {"a": {"dtype": [], "shape": [4], "data_offsets": [0, 16]}},
    "length": {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}},
    "list": [],
    "text": {"a": "b"},
}


@pytest.mark.parametrize("kind", HEADERS)
def test_headers_that_cannot_be_are_refused(kind, tmp_path):
    write_tensors(tmp_path / "x", HEADERS[kind], data=16)
    with pytest.raises(ValueError, match="damaged"):
        read_header(tmp_path / "x")


def test_a_header_that_is_nested_without_end_is_refused(tmp_path):
    text = b"[" * 100_000
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ValueError, match="damaged"):
        read_header(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "Git LFS pointer.*git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "web page"),
        (b"", "is empty"),
    ],
)
def test_what_came_in_place_of_weights_is_named(folder, content, message):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(InvalidRelease, match=message):
        load_release(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are files of Unix")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "README.md"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_neither_waited_for_nor_read_without_end(folder, name, kind):
    if name == "README.md":  # which a release may list, to have it checked
        edit_config(folder, files={**json.loads((folder / "config.json").read_text())["files"], name: "00"})
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    text = refusal(folder, UnknownModel if name == "config.json" else InvalidRelease)
    assert name in text
    if name == "config.json":
        with pytest.raises(InvalidRelease, match="cannot be read"):
            read_config(folder)
    else:
        with pytest.raises(InvalidRelease, match="cannot be read"):
            read_checked(folder, read_config(folder))


def test_long_cards_are_not_read(folder):
    edit_config(folder, parameters=1)
    os.truncate(folder / "README.md", 2**33)
    with pytest.raises(InvalidRelease, match="README"):
        summary(folder)


@pytest.mark.parametrize(
    "revision", ["a" * 5000, "..", "../main", "a/../b", "a b", "a\n", "-x", "/x", "x/", "x.lock", ""]
)
def test_what_can_be_no_revision_is_refused_before_the_hub_is_asked(revision):
    with pytest.raises(InvalidInput, match="can be no revision") as error:
        fetch("org/name", revision=revision)
    assert len(one_line(error)) < 250
    if revision:
        assert "can be no revision" in error_line(run("pull", f"org/name@{revision}"))


@pytest.mark.parametrize("revision", ["main", "v1.2", "refs/pr/1", "0" * 40, "größer", "a.b/c-d_e+f"])
def test_revisions_that_git_has_are_asked_for(revision, tmp_path):
    with pytest.raises(Exception, match="not in the cache"):
        fetch("org/name", revision=revision, cache_dir=tmp_path, local_files_only=True)


@pytest.mark.parametrize("repository", ["../x", "org/..", "../..", "org/../x", "org/a..b", "org/" + "n" * 5000])
def test_names_that_no_repository_has_are_refused(repository, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")  # where these names are no folders either
    with pytest.raises(InvalidInput, match="not the name of a repository") as error:
        fetch(repository)
    assert len(one_line(error)) < 250
    with pytest.raises(UnknownModel, match="no model") as error:
        locate(repository)
    assert len(one_line(error)) < 500


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir])
def test_settings_are_read_from_regular_files(make, tmp_path):
    make(tmp_path / "x.toml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_toml(tmp_path / "x.toml")


def test_settings_that_are_too_long_are_not_read(tmp_path):
    with (tmp_path / "x.toml").open("wb") as file:
        file.truncate(MAX_TENSORS_BYTES)
    with pytest.raises(InvalidInput, match="4,294,967,296 bytes"):
        read_toml(tmp_path / "x.toml")


@pytest.mark.parametrize("value", [10**400, True, math.nan, math.inf, 2**60])
@pytest.mark.parametrize("name", ["steps", "learning_rate", "seed", "crop_width"])
def test_numbers_of_training_have_bounds(name, value):
    from stereocodec.training.config import TrainingConfig

    with pytest.raises(TrainingError, match=name) as error:
        TrainingConfig.from_dict({name: value})
    assert len(one_line(error)) < 200


def test_the_bounds_leave_skeletons_that_are_quick_and_take_no_memory():
    """The largest networks that the settings allow would take terabytes."""
    largest = {"channels": 256, "latent_channels": 4096, "slices": [1] * 63 + [4033], "context_widths": [4096] * 2}
    model = Skeleton("rgbd", largest).model
    assert all(parameter.is_meta for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) > 2**32
    assert torch.get_default_device().type == "cpu"
