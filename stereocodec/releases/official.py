"""Release folders from checkpoints of the published codecs' own code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..container import ViewKind
from ..entropy.lattice import Lattice
from ..errors import InvalidInput
from ..models import ARCHITECTURES, OfficialFormat, StereoModel, build_model
from .cards import SUBJECTS
from .fitting import fitted_tables
from .release import Release, coding_tables, save_release

_CARD = """\
---
library_name: stereocodec
tags: [{subject}, image-compression, learned-compression]
---

# {name}

Weights of the `{arch}` architecture for [stereocodec](https://pypi.org/project/stereocodec/), taken from the checkpoint
`{file}` (sha256 {digest}) of the architecture's own training code. Their licence is that of the checkpoint. {tables}

Use: `bisic encode {pictures} -o {output} --model DIR`.
"""


_FITTED = {
    True: "The probability tables were fitted to examples.",
    False: "The probability tables are those of the densities that the networks were trained with.",
}


def formats() -> dict[str, OfficialFormat]:
    """What is known of published code's checkpoints, by the architectures that have some, in alphabetical order."""
    return {name: found.official for name, found in sorted(ARCHITECTURES.items()) if found.official}


def import_checkpoint(checkpoint: Path, folder: Path, *, arch: str, name: str, examples: Sequence[Tensor] = ()) -> None:
    """Makes a release folder of a checkpoint that the official code of an architecture wrote.

    checkpoint: what `torch.save` wrote (read without running anything in it), or safetensors: a state dict, or a
    dictionary with one under `state_dict` or `model`. arch: one of `formats`. Weights keep their precision.
    examples: pairs or frames to fit the tables to, see `fitted_tables`; without them the tables are those of the
    densities that the networks were trained with.

    Raises InvalidInput, which names the first key that does not fit, when this is no checkpoint of that architecture;
    OutputError when `folder` is not empty or cannot be written.
    """
    model = _network(checkpoint, arch)
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    lattice = Lattice()
    tables = coding_tables(model, lattice)
    if examples:
        release = Release(name, b"", model.eval(), tables, lattice, {}, folder)
        tables = fitted_tables(release, examples)
    save_release(
        folder,
        name=name,
        architecture=arch,
        model=model,
        tables=tables,
        lattice=lattice,
        training={"checkpoint": checkpoint.name, "sha256": digest, "examples": len(examples)},
        card=_CARD.format(
            name=name, arch=arch, file=checkpoint.name, digest=digest, tables=_FITTED[bool(examples)], **_use(model)
        ),
        precision=torch.float32,
    )


def _network(checkpoint: Path, arch: str) -> StereoModel:
    """The architecture with the checkpoint's weights; raises InvalidInput."""
    known = formats()
    if arch not in known:
        raise InvalidInput(f"there are no checkpoints of '{arch}' to import; known are those of: {', '.join(known)}")
    tensors = _state_dict(checkpoint)
    try:
        config = known[arch].settings(tensors)
        weights = known[arch].weights(tensors, config)
    except ValueError as error:
        raise InvalidInput(f"{checkpoint} is no checkpoint of {arch}: {error}") from error
    bad = next((key for key, value in weights.items() if not bool(torch.isfinite(value).all())), None)
    if bad is not None:
        raise InvalidInput(f"{checkpoint} holds values in {bad} that are not numbers; use another checkpoint")
    model = build_model(arch, vars(config))
    model.load_state_dict(weights)
    return model


def _use(model: StereoModel) -> dict[str, str]:
    """What a card says of the views, and what its example codes."""
    subject = SUBJECTS[model.view_kind]
    if model.view_kind is ViewKind.RGB8_DEPTH:
        return {"subject": subject, "pictures": "--depth depth.png color.png", "output": "frame.bsc"}
    return {"subject": subject, "pictures": "left.png right.png", "output": "pair.bsc"}


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    # torch.load raises whatever a damaged archive leads it to.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(f"{path} is no checkpoint that holds weights alone: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InvalidInput(f"{path} holds no state dict; name the file that the training code saved")
    return found
