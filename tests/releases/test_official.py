"""Release folders from checkpoints of the published codecs' own code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from commands import error_line
from conftest import sample_crop
from PIL import Image
from published import official_state
from safetensors.torch import save_file
from stereocodec_cli.main import bisic

from stereocodec import StereoCodec
from stereocodec.errors import InvalidInput, OutputError
from stereocodec.releases.official import import_checkpoint
from stereocodec.releases.release import load_release

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE = {"bisic": (70, 66), "bisic-fast": (70, 66), "ecsic": (70, 50)}


def state_dict(arch):
    return {name: tensor.float() for name, tensor in official_state(arch).items()}


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def run(*arguments):
    return CliRunner().invoke(bisic, [str(argument) for argument in arguments])


@pytest.mark.parametrize("arch", SIDE)
def test_a_checkpoint_becomes_a_release_that_codes(arch, tmp_path):
    torch.save({"epoch": 3, "state_dict": state_dict(arch), "loss": 1.0}, tmp_path / "ckpt.pth.tar")
    result = run("import", tmp_path / "ckpt.pth.tar", "--arch", arch, "-o", tmp_path / "release")
    assert result.exit_code == 0, result.output
    codec = StereoCodec.from_pretrained(tmp_path / "release", device="cpu")
    views = [noise(*SIDE[arch], seed) for seed in (0, 1)]
    data = codec.compress(*views)
    decoded = StereoCodec.from_pretrained(tmp_path / "release", device="cpu").decompress(data, output="numpy")
    assert [view.shape for view in decoded] == [view.shape for view in views]
    assert codec.name == "release"
    with pytest.raises(InvalidInput, match="release has a single quality; leave quality 50 out"):
        codec.compress(*views, quality=50)


@pytest.mark.slow
@pytest.mark.parametrize("arch", SIDE)
def test_tables_are_fitted_to_examples(arch, tmp_path):
    torch.save(state_dict(arch), tmp_path / "ckpt.pt")
    views = sample_crop(128, 128)
    for side, view in zip(("left", "right"), views, strict=True):
        Image.fromarray(view).save(tmp_path / f"a_{side}.png")
    run("import", tmp_path / "ckpt.pt", "--arch", arch, "-o", tmp_path / "plain")
    result = run("import", tmp_path / "ckpt.pt", "--arch", arch, "-o", tmp_path / "fitted", "--data", tmp_path)
    assert result.exit_code == 0, result.output
    assert "tables were fitted to examples" in (tmp_path / "fitted" / "README.md").read_text(encoding="utf-8")
    plain, fitted = (StereoCodec.from_pretrained(tmp_path / name, device="cpu") for name in ("plain", "fitted"))
    before, after = plain.compress(*views), fitted.compress(*views)
    assert len(after) < len(before)
    for one, other in zip(plain.decompress(before), fitted.decompress(after), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("arch", SIDE)
def test_all_forms_of_a_checkpoint_give_the_same_release(arch, tmp_path):
    tensors = state_dict(arch)
    torch.save(tensors, tmp_path / "bare.pt")
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}}, tmp_path / "parallel.pt")
    save_file(tensors, tmp_path / "tensors.safetensors")
    identities = set()
    for path in ("bare.pt", "parallel.pt", "tensors.safetensors"):
        folder = tmp_path / "releases" / path
        import_checkpoint(tmp_path / path, folder, arch=arch, name="same")
        release = load_release(folder)
        identities.add(release.model_id)
        assert path in (folder / "README.md").read_text(encoding="utf-8")
    assert len(identities) == 1


@pytest.mark.parametrize(("arch", "other"), [("bisic", "bisic-fast"), ("bisic-fast", "bisic"), ("ecsic", "bisic")])
def test_the_wrong_architecture_is_named(arch, other, tmp_path):
    torch.save(state_dict(arch), tmp_path / "ckpt.pt")
    result = run("import", tmp_path / "ckpt.pt", "--arch", other, "-o", tmp_path / "release")
    assert f"ckpt.pt is no checkpoint of {other}: " in error_line(result)
    assert not (tmp_path / "release").exists()


class Executed:
    """What a pickle would run."""

    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda path: path.write_bytes(b"no archive"), "is no checkpoint that holds weights"),
        (lambda path: torch.save(Executed(), path), "holds weights alone: it also holds .*touch|getattr"),
        (lambda path: torch.save([1, 2], path), "holds no state dict"),
        (lambda path: torch.save({"epoch": 3}, path), "holds no state dict"),
    ],
)
def test_other_files_are_refused_and_nothing_is_run(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content(tmp_path / "ckpt.pt")
    with pytest.raises(InvalidInput, match=message):
        import_checkpoint(tmp_path / "ckpt.pt", tmp_path / "release", arch="ecsic", name="x")
    assert not (tmp_path / "executed").exists()


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    tensors = state_dict("ecsic")
    tensors["zl_loc"] = torch.full_like(tensors["zl_loc"], float("nan"))
    torch.save(tensors, tmp_path / "ckpt.pt")
    with pytest.raises(InvalidInput, match="that are not numbers"):
        import_checkpoint(tmp_path / "ckpt.pt", tmp_path / "release", arch="ecsic", name="x")


def test_nothing_is_overwritten(tmp_path):
    torch.save(state_dict("ecsic"), tmp_path / "ckpt.pt")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "mine.txt").touch()
    with pytest.raises(OutputError, match="not an empty folder"):
        import_checkpoint(tmp_path / "ckpt.pt", tmp_path / "release", arch="ecsic", name="x")
