"""Release folders: what is written is what is read, what the id of a model depends on, and names of releases."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import edit_config, sample_crop, save_tiny, tiny_model

from stereocodec.codec import StereoCodec
from stereocodec.container import Container
from stereocodec.container.limits import MODEL_ID_BYTES
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import OutputError, UnknownModel
from stereocodec.releases.folders import (
    BUILT_IN,
    DEFAULT_MODEL,
    built_in_names,
    find_release,
    model_id_of,
    summary,
)
from stereocodec.releases.release import coding_tables, load_release

FILES = ["README.md", "config.json", "model.safetensors"]


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


def test_releases_say_how_disparities_are_coded_and_older_ones_do_not(tiny_release, tmp_path):
    release = load_release(tiny_release)
    assert json.loads((tiny_release / "config.json").read_text())["field_coding"] == "adaptive"
    assert release.tables.adaptive_disparities
    older = save_tiny(tmp_path / "older", tables=replace(release.tables, adaptive_disparities=False))
    assert "field_coding" not in json.loads((older / "config.json").read_text())
    assert not load_release(older).tables.adaptive_disparities
    assert load_release(DEFAULT_MODEL).tables.adaptive_disparities


def test_files_of_releases_from_before_the_adaptive_coding_decode(tiny_release, tmp_path):
    release, pair = load_release(tiny_release), sample_crop(128, 192)
    tables = replace(release.tables, adaptive_disparities=False)
    older = StereoCodec.from_pretrained(save_tiny(tmp_path / "older", tables=tables))
    newer = StereoCodec.from_pretrained(tiny_release)
    files = [codec.compress(*pair, quality=30) for codec in (older, newer)]
    views = [codec.decompress(data, output="numpy") for codec, data in zip((older, newer), files, strict=True)]
    np.testing.assert_array_equal(views[0], views[1])
    streams = [Container.from_bytes(data).bands[0].streams for data in files]
    assert replace(streams[0], z_right=b"") == replace(streams[1], z_right=b"")
    assert streams[0].z_right != streams[1].z_right


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
    with pytest.raises(OutputError, match=r"cannot write .*file.below"):
        save_tiny(file / "below")


# The model id


def test_the_model_id_depends_on_every_tensor(tiny_release, tmp_path):
    release = load_release(tiny_release)
    model, tables = release.model, release.tables
    names = sorted({*list(model.state_dict())[::10], "entropy.mean", "entropy.log_deviation"})
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
    save(tables=replace(tables, adaptive_disparities=False))
    assert len(set(ids)) == len(ids) == 1 + len(names) + 3 + 4
    save()
    assert ids[-1] == release.model_id


def test_the_model_id_does_not_depend_on_words(tiny_release, tmp_path):
    folder = shutil.copytree(tiny_release, tmp_path / "release")
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


def test_parameters_are_what_training_changes(tiny_release, tmp_path):
    model = load_release(tiny_release).model
    trained = sum(parameter.numel() for parameter in model.parameters())
    assert summary(tiny_release).parameters == trained
    earlier = shutil.copytree(tiny_release, tmp_path / "earlier")
    edit_config(earlier, parameters=None)  # of before they were recorded: buffers count, tables do not
    assert summary(earlier).parameters == sum(tensor.numel() for tensor in model.state_dict().values())


def test_the_card_of_the_default_model_counts_as_its_summary_does():
    found = summary(find_release("bisic-rt"))
    assert f"| parameters | {found.parameters:,} |" in (BUILT_IN / "bisic-rt" / "README.md").read_text(encoding="utf-8")


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
