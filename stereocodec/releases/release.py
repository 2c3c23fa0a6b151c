"""Release folders: config.json, model.safetensors (weights and integer tables) and a model card.

`releases/folders.py` finds them and checks their files. Only JSON and safetensors are read, and every file that
config.json lists is checked against its sha256.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..container.limits import MAX_MODEL_NAME_BYTES, MODEL_ID_BYTES
from ..entropy.coders import FAMILIES
from ..entropy.density_tables import residual_tables
from ..entropy.dependent import Dependence
from ..entropy.fields import field_tables
from ..entropy.lattice import Lattice
from ..entropy.streams import CodingTables
from ..entropy.tables import MAX_TABLES, TableSet
from ..errors import InvalidRelease
from ..files import made_folder, write_together
from ..models import StereoModel
from ..models.skeleton import Skeleton
from ..tensor_files import StoredTensor
from .folders import (
    CARD,
    CONFIG,
    FAMILIES_FORMAT,
    NEWEST_FORMAT,
    OLDEST_FORMAT,
    TENSORS,
    find_release,
    model_id_of,
    read_checked,
    read_config,
    refuse_occupied,
    tensors_header,
)

_TABLES = "tables/"
_MAX_TABLE_BYTES = 2**28  # of all tables together, of which the fullest set takes a quarter
_TABLE_PREFIXES = {"scales": "tables/scales/", "prior": "tables/prior/", "fields": "tables/fields/"}
# How disparities are coded, which releases from before 0.3 do not say: by `fields` tables, as all fields.
_FIELD_CODING, _ADAPTIVE = "field_coding", "adaptive"
_DEPENDENCE = "dependent_quantisation"  # which elements of y have it, where some have
_OPTIONAL_PREFIXES = {"second_prior": "tables/second_prior/"}  # of models whose second view has a prior of its own
_FAMILIES = "tables/families/"  # of releases that were fitted to what their encoder chooses


@dataclass(frozen=True)
class Release:
    """A loaded release; `model_id` is what a `.bsc` file names its weights by."""

    name: str
    model_id: bytes
    model: StereoModel
    tables: CodingTables
    lattice: Lattice
    training: Mapping[str, Any]
    folder: Path  # where it was loaded from


def load_release(name_or_path: str | Path) -> Release:
    """Reads and checks a release.

    Raises UnknownModel, or InvalidRelease for a newer format, a file that does not match its sha256, missing or
    superfluous weights, values that are not finite, and inconsistent tables. Weights are read when their names and
    shapes are known to fit.
    """
    folder = find_release(name_or_path)
    config = read_config(folder)
    try:
        skeleton = Skeleton(config["architecture"], config["arguments"])
        _check_header(skeleton, tensors_header(folder).tensors)
        tensors = load(read_checked(folder, config)[TENSORS])
        if model_id_of(folder) != _model_id(config, tensors):
            raise InvalidRelease(f"{folder / CONFIG} does not belong to its tensors; fetch the release again")
        weights = {n: t for n, t in tensors.items() if not n.startswith(_TABLES)}
        model = skeleton.filled(weights)
        lattice = Lattice(**config["lattice"])
        prefixes = dict(_TABLE_PREFIXES)
        if model.prior.per_view:
            prefixes |= _OPTIONAL_PREFIXES
        if config.get(_FIELD_CODING, _ADAPTIVE) != _ADAPTIVE:
            raise InvalidRelease(f"{folder / CONFIG} has a field coding that is not known here; update stereocodec")
        sets = {k: _tables(tensors, p) for k, p in prefixes.items()}
        families = _families(tensors)
        model.dependence = dependence = _dependence(config[_DEPENDENCE]) if _DEPENDENCE in config else None
        adaptive = _FIELD_CODING in config
        tables = CodingTables(**sets, families=families, adaptive_disparities=adaptive, dependence=dependence)
        name, training = config["name"], dict(config["training"])
    except InvalidRelease:
        raise
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 300, placeholder=" ...")
        raise InvalidRelease(f"{folder} is not a usable release: {type(error).__name__}: {reason}") from error
    if not (isinstance(name, str) and name.isprintable() and 0 < len(name.encode()) <= MAX_MODEL_NAME_BYTES):
        raise InvalidRelease(f"{folder / CONFIG} has a name that is not one short line; fetch the release again")
    if not all(bool(torch.isfinite(t).all()) for t in model.state_dict().values()):
        raise InvalidRelease(f"{folder / TENSORS} holds values that are not numbers; fetch the release again")
    if dependence is not None and lattice.mean_steps % 2:
        raise InvalidRelease(f"{folder / CONFIG} has half steps and an odd number of lattice steps; update stereocodec")
    count = lattice.scale_levels if dependence is None else 2 * lattice.scale_levels
    if any(len(of_levels) != count for of_levels in (tables.scales, *families.values())):
        raise InvalidRelease(f"{folder / TENSORS} does not have one table per scale; fetch the release again")
    if any(len(tables.of_prior(view)) != model.prior_channels for view in range(2)):
        raise InvalidRelease(f"{folder / TENSORS} does not have one table per channel of z; fetch the release again")
    return Release(name, model_id_of(folder), model.eval(), tables, lattice, training, folder.absolute())


def _check_header(skeleton: Skeleton, stored: Mapping[str, StoredTensor]) -> None:
    """Raises ValueError unless the tensors are the networks' weights, and tables that are not endless."""
    skeleton.check({name: tensor for name, tensor in stored.items() if not name.startswith(_TABLES)})
    size = sum(tensor.nbytes for name, tensor in stored.items() if name.startswith(_TABLES))
    if size > _MAX_TABLE_BYTES:
        raise ValueError(f"its tables take {size:,} bytes, and those of a release at most {_MAX_TABLE_BYTES:,}")


def save_release(
    folder: Path,
    *,
    name: str,
    architecture: str,
    model: StereoModel,
    tables: CodingTables,
    lattice: Lattice,
    training: Mapping[str, Any],
    card: str,
    precision: torch.dtype = torch.float16,
) -> None:
    """Writes a release folder; matrices are stored in `precision`, vectors in float32.

    Raises OutputError when the folder exists and is not empty, or cannot be written.
    """
    refuse_occupied(folder)
    weights = {n: _stored(t, precision) for n, t in model.state_dict().items()}
    tensors = weights | _table_tensors(tables)
    data = save(tensors)
    config = {
        "format_version": _format(tables),
        "name": name,
        "architecture": architecture,
        "arguments": asdict(model.config),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "lattice": asdict(lattice),
        "training": dict(training),
        "files": {TENSORS: hashlib.sha256(data).hexdigest()},
    }
    if tables.adaptive_disparities:
        config[_FIELD_CODING] = _ADAPTIVE
    if tables.dependence is not None:
        config[_DEPENDENCE] = asdict(tables.dependence)
    config["model_id"] = _model_id(config, tensors).hex()
    text = json.dumps(config, indent=2) + "\n"
    # The config last, because a folder without it is no release.
    contents = {TENSORS: data, CARD: card.encode(), CONFIG: text.encode()}
    with made_folder(folder):
        write_together([(folder / file, content) for file, content in contents.items()], overwrite=False)


def coding_tables(model: StereoModel, lattice: Lattice) -> CodingTables:
    """The integer tables of a model: one per scale level, with dependent quantisation two, one per channel of its
    prior, and those of fields."""
    # As many levels as have tables of both kinds.
    dependence = model.dependence_of_weights() if 2 * lattice.scale_levels <= MAX_TABLES else None
    scales = residual_tables(lattice.scales, laplace_share=model.laplace_share, halves=dependence is not None)
    prior = model.prior
    second = prior.tables(1) if prior.per_view else None
    return CodingTables(
        scales, prior.tables(), field_tables(), second, adaptive_disparities=True, dependence=dependence
    )


def _format(tables: CodingTables) -> int:
    """The lowest version that describes a release, so that older readers can read as many releases as possible."""
    if tables.dependence is not None:
        return NEWEST_FORMAT
    return FAMILIES_FORMAT if tables.families or tables.adaptive_disparities else OLDEST_FORMAT


def _dependence(stored: Mapping[str, Any]) -> Dependence:
    """What a config says of it; raises ValueError, KeyError or TypeError for what no release has."""
    channels = tuple(stored["plain_channels"])
    whole = all(type(value) is int and value >= 0 for value in (stored["first_level"], *channels))
    if not whole or stored.keys() != {"first_level", "plain_channels"}:
        raise ValueError(f"{_DEPENDENCE} names no levels and channels")
    return Dependence(stored["first_level"], channels)


def _table_tensors(tables: CodingTables) -> dict[str, Tensor]:
    """The integer tables of a release by the names under which it stores them."""
    sets = {prefix: getattr(tables, kind) for kind, prefix in (_TABLE_PREFIXES | _OPTIONAL_PREFIXES).items()}
    sets |= {f"{_FAMILIES}{family}/": fitted for family, fitted in tables.families.items()}
    return {
        prefix + key: torch.from_numpy(np.ascontiguousarray(array))
        for prefix, found in sets.items()
        if found is not None
        for key, array in found.to_arrays().items()
    }


def _model_id(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Hash of everything that decides what is decoded: architecture, lattice, coding of fields, quantisation, weights
    and tables."""
    keys = {"architecture", "arguments", "lattice"} | ({_FIELD_CODING, _DEPENDENCE} & config.keys())
    digest = hashlib.sha256(json.dumps({k: config[k] for k in keys}, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.digest()[:MODEL_ID_BYTES]


def _stored(tensor: Tensor, precision: torch.dtype) -> Tensor:
    dtype = precision if tensor.ndim >= 2 else torch.float32
    return tensor.detach().cpu().to(dtype).contiguous()


def _tables(tensors: Mapping[str, Tensor], prefix: str) -> TableSet:
    return TableSet.from_arrays({n[len(prefix) :]: t.numpy() for n, t in tensors.items() if n.startswith(prefix)})


def _families(tensors: Mapping[str, Tensor]) -> dict[str, TableSet]:
    """The tables of families that a release holds; raises InvalidRelease for a family that no walk codes."""
    found = {name[len(_FAMILIES) :].partition("/")[0] for name in tensors if name.startswith(_FAMILIES)}
    unknown = sorted(found - set(FAMILIES))
    if unknown:
        raise InvalidRelease(f"the release has tables of '{unknown[0]}', which this version does not code; upgrade it")
    return {family: _tables(tensors, f"{_FAMILIES}{family}/") for family in sorted(found)}
