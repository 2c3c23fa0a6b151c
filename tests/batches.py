"""Three pairs to encode with a small model, for tests of batches."""

from __future__ import annotations

import pytest
from conftest import sample_crop
from PIL import Image

from stereocodec.batch.encoding import EncodeSettings
from stereocodec.batch.jobs import EncodeJob

NAMES = ("a/one", "a/two", "three")


@pytest.fixture
def jobs(tmp_path):
    """Three pairs of different pictures, each of two files; two of them lie in a folder."""
    made = []
    for number, name in enumerate(NAMES):
        views = sample_crop(32, 48, top=8 * number)
        paths = [tmp_path / "in" / f"{name}_{side}.png" for side in ("left", "right")]
        for path, view in zip(paths, views, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(view).save(path)
        made.append(EncodeJob(name, *paths, tmp_path / "out" / f"{name}.bsc"))
    return made


@pytest.fixture
def settings(tiny_release):
    return EncodeSettings(model=str(tiny_release), device="cpu", quality=60)


def outputs(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.bsc")}
