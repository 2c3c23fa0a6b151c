"""Release folders from checkpoints of the published codecs' own code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..container import ViewKind
from ..entropy.lattice import Lattice
from ..errors import InvalidInput
from ..models import ARCHITECTURES, OfficialFormat, StereoModel
from ..models.skeleton import Skeleton
from .cards import SUBJECTS
from .checkpoints import read_state_dict
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

    checkpoint: see `read_state_dict`. arch: one of `formats`. Weights keep their precision.
    examples: pairs or frames to fit the tables to, see `fitted_tables`; without them the tables are those of the
    densities that the networks were trained with.

    Raises InvalidInput, which names the first key that does not fit, when this is no checkpoint of that architecture;
    OutputError when `folder` is not empty or cannot be written.
    """
    model, digest = _network(checkpoint, arch)
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


def _network(checkpoint: Path, arch: str) -> tuple[StereoModel, str]:
    """The architecture with the checkpoint's weights, and the file's sha256; raises InvalidInput."""
    known = formats()
    if arch not in known:
        raise InvalidInput(f"there are no checkpoints of '{arch}' to import; known are those of: {', '.join(known)}")
    tensors, digest = read_state_dict(checkpoint)
    try:
        config = known[arch].settings(tensors)
        weights = known[arch].weights(tensors, config)
    except ValueError as error:
        raise InvalidInput(f"{checkpoint} is no checkpoint of {arch}: {error}") from error
    bad = next((key for key, value in weights.items() if not bool(torch.isfinite(value).all())), None)
    if bad is not None:
        raise InvalidInput(f"{checkpoint} holds values in {bad} that are not numbers; use another checkpoint")
    return Skeleton(arch, vars(config)).filled(weights), digest


def _use(model: StereoModel) -> dict[str, str]:
    """What a card says of the views, and what its example codes."""
    subject = SUBJECTS[model.view_kind]
    if model.view_kind is ViewKind.RGB8_DEPTH:
        return {"subject": subject, "pictures": "--depth depth.png color.png", "output": "frame.bsc"}
    return {"subject": subject, "pictures": "left.png right.png", "output": "pair.bsc"}
