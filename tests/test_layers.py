"""Imports point one way: from the command line down to the errors, without circles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter

import pytest
from conftest import REPOSITORY

# From the lowest to the highest: a module imports from its own layer and from lower ones alone.
LAYERS = (
    ("_version", "effort", "strict_json", "text"),
    ("callers", "errors"),
    ("noted",),
    ("container",),
    ("temporary_files", "uninterrupted", "depth_settings", "device_names", "processor", "spawned"),
    ("files", "regular_files", "json_files", "tensor_files", "toml_files", "devices", "pixel_limit"),
    ("calibration", "pictures", "depth_images"),
    ("datasets", "viewer"),
    ("nn",),
    ("entropy",),
    ("depth_coding",),
    ("models",),
    ("releases",),
    ("targets",),
    ("choices", "region", "depth_promise", "depth_range", "own_files"),
    ("band_work", "release_networks"),
    ("walked_bands",),
    ("band_reader", "band_writer"),
    ("coding",),
    ("release_codec",),
    ("view_coding",),
    ("codec", "rgbd_codec"),
    ("codec_for_file",),
    ("pillow", "batch"),
    ("data",),
    ("training", "evaluation"),
)
PACKAGE = REPOSITORY / "stereocodec"
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules():
    return {".".join(path.relative_to(REPOSITORY).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}


def name_of(module):
    return module.removesuffix(".__init__")


def imported(module, path):
    """The modules of the package that a module imports anywhere, with the line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {name_of(name) for name in modules()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            source = ".".join(package + (node.module.split(".") if node.module else []))
            for alias in node.names:
                found = f"{source}.{alias.name}"
                target = found if found in known else source
                if target.startswith("stereocodec"):
                    yield target, node.lineno


def rank_of(module):
    """Of a module's layer; the package itself gives lazily what is at the top."""
    part = module.split(".")[1] if "." in module else "_version"
    return RANKS[part]


@pytest.mark.parametrize("module", sorted(modules()))
def test_nothing_is_imported_from_above(module):
    if module == "stereocodec.__init__":
        return
    upward = [
        f"{module} line {line}: {target}"
        for target, line in imported(module, modules()[module])
        if rank_of(name_of(target)) > rank_of(name_of(module))
    ]
    assert upward == []


def test_there_are_no_circles():
    graph = {
        name_of(module): {target for target, _ in imported(module, path)} - {name_of(module)}
        for module, path in modules().items()
        if module != "stereocodec.__init__"
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


def test_the_command_line_is_used_by_nothing():
    names = [name for name, path in modules().items() if "stereocodec_cli" in path.read_text(encoding="utf-8")]
    assert names == []
