"""From a run to a release, and the commands around both."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from runs import TINY, rows_of
from stereocodec_cli.main import bisic

from stereocodec import StereoCodec
from stereocodec.entropy.coders import RateEstimator
from stereocodec.entropy.streams import StreamWriter
from stereocodec.errors import OutputError, TrainingError
from stereocodec.releases import load_release
from stereocodec.training.export import export_run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("quality", [0.3, 0.9])
def test_real_bytes_agree_with_the_estimated_rate(release, pairs, quality):
    exported = load_release(release)
    x = pairs[1].stacked()[:, :192, :256].float() / 255
    qualities, size = torch.full((2,), quality), (192, 256)
    with torch.no_grad():
        y, z = exported.model.latents(x, qualities)
        estimator = RateEstimator(exported.model.entropy.prior, noise=False)
        exported.model.walk(estimator, y, z, qualities, size)
        exported.model.make_exact()
        writer = StreamWriter(exported.lattice, exported.tables)
        exported.model.walk(writer, y.double(), z, qualities.double(), size)
    streams, _ = writer.finish()
    left, right = (8 * (len(streams.z_left) + len(streams.y_left)), 8 * (len(streams.z_right) + len(streams.y_right)))
    assert left > 10_000
    assert [left, right] == pytest.approx(estimator.bits.tolist(), rel=0.02)


def test_a_release_holds_the_averaged_weights(release, finished):
    weights = load_release(release).model.state_dict()
    for name, value in finished.ema.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-5)


def test_the_model_card_says_what_was_done(release, finished):
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "44 of 2 pairs of 64x64 crops (88 crop pairs)" in card
    assert "Cut out of a rendered pair." in card
    last = rows_of(finished.folder / "validation.csv")[-5:]
    lines = [
        f"| {100 * float(row['quality']):.0f} | {float(row['bpp']):.4f} | {float(row['psnr']):.2f} |" for row in last
    ]
    assert "\n".join(lines) in card
    assert load_release(release).training["crop_pairs"] == 88


def test_a_step_that_was_validated_twice_is_one_in_the_card(finished, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for path in finished.folder.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    header, *rows = (run / "validation.csv").read_bytes().splitlines(keepends=True)
    (run / "validation.csv").write_bytes(b"".join([header, *rows, *rows[-5:]]))
    export_run(run, tmp_path / "release", name="a", data="b")
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert card.count("| 25 |") == 1


def test_only_runs_are_exported_and_only_to_new_folders(release, finished, tmp_path):
    with pytest.raises(TrainingError, match="holds no complete training run"):
        export_run(tmp_path, tmp_path / "release", name="a", data="b")
    assert not (tmp_path / "release").exists()
    with pytest.raises(OutputError, match="not an empty folder"):
        export_run(finished.folder, release, name="a", data="b")


@pytest.fixture
def command():
    """Runs the command in this process; what `train` sets for its own is taken back."""
    runner = CliRunner()

    def run(*arguments):
        return runner.invoke(bisic, [str(a) for a in arguments])

    yield run
    torch.set_flush_denormal(False)


def test_train_export_encode_and_decode(command, pictures, tmp_path):
    settings = tmp_path / "settings.toml"
    numbers = "".join(f"{name} = {value}\n" for name, value in TINY.items())
    settings.write_text(f"crop_height = 64\ncrop_width = 64\nbatch_size = 1\nsteps = 20\n[model]\n{numbers}")
    train = ("train", settings, "--data", pictures, "-o", tmp_path / "run", "--device", "cpu", "--threads", "1")
    result = command(*train)
    assert result.exit_code == 0, result.output
    assert result.output == ""  # progress is for terminals; the run's logs have it all
    again = command(*train)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already holds a run; add --resume" in again.stderr
    resumed = command(*train, "--resume", "--quiet")
    assert (resumed.exit_code, resumed.output) == (0, "")

    release = tmp_path / "mine"
    result = command("export", tmp_path / "run", "-o", release, "--trained-on", "a rendered pair")
    assert result.exit_code == 0, result.output
    size = sum(path.stat().st_size for path in release.iterdir())
    assert result.stdout == f"{release}: {size:,} bytes\n"

    views = [pictures / f"validation_{view}.png" for view in ("left", "right")]
    result = command("encode", *views, "-o", tmp_path / "pair.bsc", "--model", release, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "quality 50, mine" in result.stdout
    result = command("decode", tmp_path / "pair.bsc", "--model", release, "--device", "cpu")
    assert result.exit_code == 0, result.output
    codec = StereoCodec.from_pretrained(release, device="cpu")
    decoded = codec.decompress((tmp_path / "pair.bsc").read_bytes(), output="numpy")
    for view, pixels in zip(("left", "right"), decoded, strict=True):
        with Image.open(tmp_path / f"pair_{view}.png") as image:
            assert np.array_equal(np.asarray(image), pixels)


def test_wrong_settings_are_one_line(command, pictures, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text("steps = 0\n")
    result = command("train", settings, "--data", pictures, "-o", tmp_path / "run")
    assert (result.exit_code, result.output) == (1, "bisic: error: steps must be at least 1\n")
    assert not (tmp_path / "run").exists()


def test_training_needs_neither_constriction_nor_compressai():
    code = (
        "import sys\n"
        "sys.modules['constriction'] = sys.modules['compressai'] = None\n"
        "import stereocodec.training.export, stereocodec.training.loop, stereocodec_cli.export, stereocodec_cli.train\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
