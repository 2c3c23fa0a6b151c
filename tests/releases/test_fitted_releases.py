"""Releases with tables for families of symbols: stored, refused when damaged, coded with, and fitted."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import pictures, sample_crop, save_tiny, tiny_model, written_and_read
from tracing import noise, traced_decode, traced_encode

from stereocodec import StereoCodec
from stereocodec.entropy.coders import FAMILIES, Group
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import InvalidRelease
from stereocodec.releases.fitting import fitted_tables
from stereocodec.releases.folders import model_id_of
from stereocodec.releases.release import coding_tables, load_release
from stereocodec.training.measure import coded_and_estimated_bytes


@functools.cache
def common_tables():
    return coding_tables(tiny_model(), Lattice())


def own_tables():
    """For each family tables that no other one has."""
    factors = zip(FAMILIES, (0.8, 0.9, 1.1, 1.2), strict=True)
    return {name: residual_tables(Lattice().scales * factor, halves=True) for name, factor in factors}


def with_families(folder, families):
    return save_tiny(folder, tables=replace(common_tables(), families=families))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return with_families(tmp_path_factory.mktemp("releases") / "families", own_tables())


@pytest.fixture(scope="module")
def codec(folder):
    return StereoCodec.from_pretrained(folder, device="cpu")


def config_of(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def test_families_are_stored_and_loaded(folder, tiny_release, tmp_path):
    loaded = load_release(folder).tables.families
    assert loaded.keys() == set(FAMILIES)
    for name, tables in own_tables().items():
        for key, array in tables.to_arrays().items():
            np.testing.assert_array_equal(loaded[name].to_arrays()[key], array)
    assert load_release(tiny_release).tables.families == {}


def test_a_release_states_the_lowest_version_that_describes_it(tiny_release, tmp_path):
    one_each = residual_tables(Lattice().scales, laplace_share=0.5)
    tables = replace(common_tables(), scales=one_each, adaptive_disparities=False, dependence=None)
    older = save_tiny(tmp_path / "older", tables=tables)
    fitted = save_tiny(tmp_path / "fitted", tables=replace(tables, families={"first": one_each}))
    assert [config_of(path)["format_version"] for path in (older, fitted, tiny_release)] == [2, 3, 4]
    assert [load_release(path).tables.dependence is None for path in (older, fitted, tiny_release)] == [1, 1, 0]
    for path in (older, tiny_release):
        release = load_release(path)
        assert release.model.dependence == release.tables.dependence


def test_the_model_id_depends_on_families(folder, tiny_release, tmp_path):
    exchanged = own_tables()
    exchanged["first"], exchanged["second"] = exchanged["second"], exchanged["first"]
    ids = {model_id_of(path) for path in (folder, tiny_release, with_families(tmp_path / "exchanged", exchanged))}
    assert len(ids) == 3


@pytest.mark.parametrize("quality", [10, 100])
def test_what_is_written_with_families_is_read(codec, quality):
    data, written = traced_encode(codec, sample_crop(77, 133), quality=quality)
    read = traced_decode(codec, data)
    assert read.checksum == written.checksum
    assert read.digest() == written.digest()
    disturbed = traced_decode(codec, data, noise(2.0**-25))
    assert disturbed.digest() == written.digest()


def coded(y, families, *, weight=None, plain=False, **kind):
    """What a writer chose for latents of mean 1/4 and scale 1, and its first stream of y, which a reader reads."""
    y = torch.tensor(y, dtype=torch.float64)[None, None, None]
    mean, mask = torch.full_like(y, 0.25), torch.ones_like(y[0], dtype=torch.bool)
    weights = None if weight is None else torch.full((1, y.shape[-1]), weight, dtype=torch.float64)
    group = Group(mean=mean, log_scale=torch.zeros_like(y), mask=mask, weight=weights, **{"view": 0} | kind)
    tables = replace(common_tables(), families=families)
    if plain:
        tables = replace(tables, dependence=None)
    decoded, seen, streams = written_and_read(y, group, tables)
    assert decoded.reshape(-1).tolist() == [symbol + 0.25 for symbol in seen.symbols.tolist()]
    return seen, streams


@pytest.mark.parametrize(
    ("family", "kind"),
    [("first", {}), ("second", {"view": 1}), ("hyper", {"view": 1, "hyper": True}), ("residual", {"layer": True})],
)
def test_each_family_is_coded_with_its_own_tables(family, kind):
    y = [0.3, 1.2, -0.8, 2.3, 7.0]
    seen, streams = coded(y, {}, **kind)
    assert (seen.family, seen.symbols.tolist()) == (family, [0, 1, -1, 2, 7])
    others = {name: tables for name, tables in own_tables().items() if name != family}
    assert coded(y, others, **kind)[1] == streams
    assert coded(y, own_tables(), **kind)[1] != streams


def test_the_encoder_weighs_errors_against_bits_of_the_family():
    level = coded([1.0], {})[0].tables[0]
    narrow = residual_tables(np.maximum(Lattice().scales / 4, 0.11), halves=True)

    def bits(tables):
        one, nothing = tables.bits(np.array([1, 0], dtype=np.int32), np.array([level] * 2))
        return one - nothing

    # 0.75 above the mean, 0 instead of 1 costs 0.5 more squared error.
    weight = (bits(narrow) + bits(common_tables().scales)) / 2 / 0.5
    for families, chosen in (({}, 1), ({"first": narrow}, 0)):
        assert coded([1.0], families, weight=weight, plain=True)[0].symbols.tolist() == [chosen]


def test_a_family_of_the_common_tables_changes_no_bit(tiny_codec, tmp_path):
    common = dict.fromkeys(FAMILIES, common_tables().scales)
    codec = StereoCodec.from_pretrained(with_families(tmp_path / "common", common), device="cpu")
    pair = sample_crop(64, 128)
    one, other = (c.compress(*pair, quality=100).replace(c.model_id, b"") for c in (codec, tiny_codec))
    assert one[:-4] == other[:-4]  # but for the checksum of the bytes, which covers the id


@pytest.mark.parametrize(
    ("family", "changes", "match"),
    [
        ("first", {"frequencies": np.ones(128 * 5, np.uint32)}, "lengths"),
        ("second", {"frequencies": np.ones(4, np.int64)}, "frequencies"),
        ("residual", {"offsets": np.zeros(3, np.int32)}, "offsets"),
        ("residual", {"lengths": -residual_tables(Lattice().scales, halves=True).to_arrays()["lengths"]}, "lengths"),
        ("hyper", residual_tables(Lattice().scales[1:], halves=True).to_arrays(), "one table per scale"),
        ("hyper", residual_tables(Lattice().scales).to_arrays(), "one table per scale"),
        ("third", {}, "'third'"),
        ("first/frequencies", {}, "missing"),
    ],
)
def test_hostile_families(tmp_path, family, changes, match):
    arrays = residual_tables(Lattice().scales, halves=True).to_arrays() | changes
    folder = with_families(tmp_path / "release", {family: SimpleNamespace(to_arrays=lambda: arrays)})
    with pytest.raises(InvalidRelease, match=match) as error:
        load_release(folder)
    assert "\n" not in str(error.value)


def test_a_fit_makes_files_smaller_and_leaves_the_common_tables(tiny_release):
    release = load_release(tiny_release)
    state = torch.get_rng_state()
    tables = fitted_tables(release, [pictures(64, 128)])
    assert torch.equal(torch.get_rng_state(), state)
    assert {"first", "second"} <= tables.families.keys() <= {"first", "second", "residual"}
    assert tables.scales is release.tables.scales
    fitted = replace(release, tables=tables)
    for quality in (25, 75):
        sizes = [coded_and_estimated_bytes(r, pictures(64, 128), quality)[0] for r in (release, fitted)]
        assert sizes[1] < 0.99 * sizes[0]
