"""Architectures register themselves: one that is all in CONTRIBUTING.md, and settings that had other names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import printed_by_python, run
from conftest import sample_crop
from runs import tiny

from stereocodec.codec import StereoCodec
from stereocodec.errors import TrainingError
from stereocodec.models import ARCHITECTURES, OfficialFormat, build_model, register
from stereocodec.releases.release import load_release
from stereocodec.training.config import TrainingConfig
from stereocodec.training.export import export_run
from stereocodec.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def blocks():
    """The names that the example defines; it is unknown again afterwards."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8"), re.M | re.S)
    assert len(code.splitlines()) < 60
    names = {}
    try:
        exec(compile(code, "CONTRIBUTING.md", "exec"), names)
        yield names
    finally:
        ARCHITECTURES.pop("blocks", None)


def test_an_architecture_of_other_code_is_trained_exported_and_used(blocks, pairs, tmp_path):
    settings = tiny(arch="blocks", model={"channels": 24}, steps=2, validation_scenes=("validation",))
    trainer = Trainer(settings, pairs, tmp_path / "run", report=lambda line: None)
    before = trainer.model.analysis.weight.detach().clone()
    trainer.run()
    assert not torch.equal(trainer.model.analysis.weight, before)
    export_run(tmp_path / "run", tmp_path / "release", name="mine", data="Cut out of a rendered pair.", examples=pairs)
    codec = StereoCodec.from_pretrained(tmp_path / "release", device="cpu")
    pair = sample_crop(64, 96)
    decoded = codec.decompress(codec.compress(*pair), output="numpy")
    model = load_release(tmp_path / "release").model
    assert isinstance(model, blocks["Blocks"])
    with torch.no_grad():
        latents = model.analyse(torch.from_numpy(np.stack(pair)).float() / 255, torch.zeros(2)).round()
        expected = model.reconstruct(latents).clamp(0, 1) * 255
    assert latents.any()
    for picture, wanted in zip(decoded, expected.numpy(), strict=True):
        np.testing.assert_allclose(picture, wanted, atol=0.51)


def test_what_other_code_does_not_register_is_not_offered(blocks, tmp_path):
    with pytest.raises(TrainingError, match="there is no recipe for 'blocks'"):
        TrainingConfig.recipe("blocks")
    (tmp_path / "ckpt.pt").touch()
    result = run("import", str(tmp_path / "ckpt.pt"), "--arch", "blocks", "-o", str(tmp_path / "release"))
    assert (result.exit_code, "'blocks' is not one of bisic, bisic-fast, ecsic, rgbd." in result.stderr) == (2, True)


def test_a_registered_reader_imports_checkpoints(blocks, tmp_path):
    config = blocks["BlocksConfig"](channels=5)
    torch.save(blocks["Blocks"](config).state_dict(), tmp_path / "ckpt.pt")
    official = OfficialFormat(lambda tensors: config, lambda tensors, config: dict(tensors))
    del ARCHITECTURES["blocks"]
    register("blocks", blocks["Blocks"], blocks["BlocksConfig"], official=official)
    result = run("import", str(tmp_path / "ckpt.pt"), "--arch", "blocks", "-o", str(tmp_path / "release"))
    assert result.exit_code == 0, result.output
    assert load_release(tmp_path / "release").model.prior_channels == 5


def test_a_name_is_taken_once_but_the_same_code_may_run_again(blocks):
    register("blocks", blocks["Blocks"], blocks["BlocksConfig"])
    taken = ARCHITECTURES["ecsic"]
    register("ecsic", taken.model, taken.config, official=taken.official, recipe=taken.recipe)
    assert ARCHITECTURES["ecsic"] == taken
    with pytest.raises(ValueError, match="there is an architecture 'ecsic' already"):
        register("ecsic", blocks["Blocks"], blocks["BlocksConfig"])


def test_help_lists_nothing_that_takes_torch_to_know():
    code = (
        "import sys\n"
        "from stereocodec_cli.main import bisic\n"
        "bisic(['import', '--help'], standalone_mode=False)\n"
        "print('torch' in sys.modules)\n"
    )
    lines = printed_by_python(code)
    assert any("--arch NAME" in line for line in lines)
    assert lines[-1] == "False"


@pytest.mark.parametrize(
    ("arch", "former", "present"),
    [
        ("bisic", {"lmbda": 512}, {"lambda_": 512}),
        ("bisic-fast", {"lmbda": 512}, {"lambda_": 512}),
        ("ecsic", {"lmbda": 0.02}, {"lambda_": 0.02}),
        ("rgbd", {"color_lmbda": 0.02, "depth_lmbda": 0.1}, {"color_lambda": 0.02, "depth_lambda": 0.1}),
    ],
)
def test_settings_of_earlier_versions_are_read(arch, former, present):
    assert TrainingConfig.from_dict({"arch": arch, "model": former}).model == present
    with torch.device("meta"):
        model = build_model(arch, former)
    assert vars(model.config) | present == vars(model.config)
    with pytest.raises(ValueError, match="lmbda is the former name of"):
        build_model(arch, former | present)


def test_the_built_in_release_of_earlier_names_keeps_its_id():
    release = load_release("rgbd-rooms")
    assert release.model_id.hex() == "8df31f955ea1"
    assert (release.model.config.color_lambda, release.model.config.depth_lambda) == (0.02, 0.15)
