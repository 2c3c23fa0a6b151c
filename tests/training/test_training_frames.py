"""Training on frames of colour with depth."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch
from PIL import Image
from rgbd_frames import SMALL, frame
from runs import rows_of

from stereocodec import RgbdCodec
from stereocodec.container.depth import DepthMode
from stereocodec.errors import TrainingError
from stereocodec.pictures.depth import DepthMap, depth_errors
from stereocodec.pictures.rgb import psnr
from stereocodec.releases.release import load_release
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import central
from stereocodec.training.export import export_run
from stereocodec.training.frames.data import Frame, load_frames
from stereocodec.training.frames.losses import FrameRateDistortion, depth_error, edge_error, structure_error
from stereocodec.training.frames.sampler import FrameSampler
from stereocodec.training.loop import Trainer
from stereocodec.training.losses import squared_error

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def settings(**changes):
    """The authors' recipe, small; slopes of depth count little, so that few steps show."""
    small = {"model": {**dataclasses.asdict(SMALL), "color_lambda": 0.02, "depth_lambda": 0.02}}
    small |= {"crop_height": 128, "crop_width": 128, "batch_size": 1, "steps": 40, "learning_rate": 3e-3}
    small |= {"validation_scenes": ("held",), "validate_every": 20, "checkpoint_every": 20, "depth_range": ()}
    return dataclasses.replace(TrainingConfig.recipe("rgbd"), **small | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    for name in ("one", "held-out"):
        for kind, picture in zip(("color", "depth"), frame(140, 150), strict=True):
            Image.fromarray(picture).save(folder / f"{name}_{kind}.png")
    return folder


@pytest.fixture(scope="module")
def frames(folder):
    return load_frames([folder], settings())


@pytest.fixture(scope="module")
def reported():
    """The lines that the finished run told."""
    return []


@pytest.fixture(scope="module")
def finished(frames, reported, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "rgbd"
    Trainer(settings(depth_loss="mse"), frames, folder, report=reported.append).run()
    return folder


def test_the_loss_falls(finished):
    first, last = rows_of(finished / "train.csv")
    assert float(last["loss"]) < 0.9 * float(first["loss"])
    assert float(last["depth_psnr"]) > float(first["depth_psnr"])
    assert 0 < float(last["depth_bpp"]) < float(last["bpp"])


def test_the_speed_is_told_in_crops(finished, reported):
    lines = [line for line in reported if "crops/s" in line]
    assert len(lines) == 2
    assert all(re.search(r"  \d+\.\d crops/s  ", line) for line in lines)


def test_validation_tells_errors_in_millimetres(finished):
    rows = rows_of(finished / "validation.csv")
    assert [row["step"] for row in rows] == ["20", "40"]
    for row in rows:
        assert 1 < float(row["depth_rmse_mm"]) < 3000
        assert 0 < float(row["ms_ssim"]) < 1
        # The only frame that is trained on has the same picture.
        assert (row["seen_bpp"], row["seen_psnr"]) == (row["bpp"], row["psnr"])


def test_the_result_codes_a_frame(finished, frames, tmp_path):
    export_run(finished, tmp_path / "release", name="rooms", data="a drawn slope", examples=frames)
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert "40 crops, in the end 1 of 128x128 a step" in card
    assert "squared 8-bit error of colour, and of depth squared error in 255ths of the range" in card
    codec = RgbdCodec.from_pretrained(tmp_path / "release", device="cpu")
    held = central(next(f for f in frames if f.name == "held-out"), 512)
    step = held.depth.metres_per_step
    data = codec.compress(held.color, held.depth.samples, depth_range=(held.near * step, held.far * step))
    color, depth = codec.decode(data)
    release = load_release(tmp_path / "release")
    assert release.tables.families.keys() == {"first", "second"}
    (row,) = release.training["metrics"]
    assert row["bytes"] == len(data)
    assert row["psnr_color"] == pytest.approx(psnr(held.color, color), abs=1e-5)
    assert (row["depth_rmse_mm"], row["depth_largest_mm"]) == pytest.approx(depth_errors(held.depth, depth), abs=1e-5)
    assert f"| 0 | {len(data):,} | {row['mask_bytes']:,.0f} | {row['bpp']:.4f} | {row['psnr_color']:.2f} |" in card


def test_without_data_a_rendered_frame_is_coded(finished, tmp_path):
    export_run(finished, tmp_path / "release", name="rooms", data="a drawn slope")
    assert "not measured" in (tmp_path / "release" / "README.md").read_text(encoding="utf-8")


def test_a_resumed_run_is_the_same_to_the_bit(frames, tmp_path):
    config = settings(steps=4)
    whole = Trainer(config, frames, tmp_path / "whole", report=lambda line: None)
    for _ in range(4):
        whole.train_step()
    stopped = Trainer(config, frames, tmp_path / "parts", report=lambda line: None)
    for _ in range(2):
        stopped.train_step()
    stopped.save()
    resumed = Trainer(config, frames, tmp_path / "parts", resume=True, report=lambda line: None)
    for _ in range(2):
        resumed.train_step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_quantiles_have_a_rate_of_their_own(frames, tmp_path):
    trainer = Trainer(settings(), frames, tmp_path, report=lambda line: None)
    before = trainer.model.auxiliary_loss().item()
    assert [group["lr"] for o in trainer.optimisation.auxiliary for group in o.param_groups] == [1e-3]
    trainer.train_step()
    assert trainer.model.auxiliary_loss().item() < before


def decoded_like(x, error):
    """What a network may give for frames: an error everywhere."""
    generator = torch.Generator().manual_seed(0)
    return x[..., :4] + error * torch.rand(x[..., :4].shape, generator=generator)


@pytest.mark.parametrize("depth_loss", ["mse", "structure"])
def test_errors_in_holes_do_not_count(frames, depth_loss):
    x = torch.from_numpy(central(frames[0], 512).for_training())[None]
    decoded = decoded_like(x, 0.1)
    distortion = FrameRateDistortion(torch.nn.Identity(), "mse", depth_loss).distortion
    before, holes = distortion(decoded, x), x[..., 4] == 0
    assert holes.any()
    decoded[..., 3][holes] = 7.0
    assert torch.equal(distortion(decoded, x), before)
    assert torch.equal(depth_error(decoded, x), depth_error(decoded_like(x, 0.1), x))
    decoded[..., 3][~holes] += 0.1
    assert distortion(decoded, x)[1] > before[1]
    assert distortion(decoded, x)[0] == before[0]


def test_edges_are_compared_by_their_size():
    reference = torch.zeros(1, 4, 4, 1)
    depth = reference.clone()
    depth[:, :, 2:] = 0.5
    assert edge_error(depth, reference).item() == pytest.approx(4 * 0.5 / 16)
    assert edge_error(1 - depth, depth).item() == 0
    same = torch.zeros(1, 192, 192, 1)
    assert structure_error(same, same).item() == pytest.approx(0, abs=1e-6)


def test_crops_are_what_the_codec_shows_its_networks(frames):
    sampler = FrameSampler(frames, settings(augmentation="none"), torch.device("cpu"), 1)
    batch = sampler.batch(2)
    assert batch.shape == (2, 128, 128, 5)
    assert 0 <= batch.min() <= batch.max() <= 1
    color, depth = frame(140, 150)
    limits = depth[depth > 0].min(), depth.max()
    crop = batch[0].numpy()
    measured = crop[..., 4] == 1
    millimetres = np.rint(limits[0] + crop[..., 3] * (int(limits[1]) - int(limits[0])))
    places = [
        (top, left)
        for top in range(13)
        for left in range(23)
        if np.array_equal(color[top : top + 128, left : left + 128], np.rint(crop[..., :3] * 255))
    ]
    assert len(places) == 1
    part = depth[places[0][0] :, places[0][1] :][:128, :128]
    assert np.array_equal(measured, part > 0)
    assert np.array_equal(millimetres[measured], part[measured])


def test_augmentation_mirrors_colour_with_depth(frames):
    ramp = np.arange(128, dtype=np.uint8)[None, :].repeat(128, 0)
    depth = DepthMap(1000 + ramp.astype(np.uint16), 0.001)
    whole = Frame("ramp", np.dstack([ramp] * 3), depth, 1000, 1127, DepthMode.LINEAR)
    batch = FrameSampler([whole], settings(), torch.device("cpu"), 0).batch(20)
    rises = batch[:, 0, -1, 0] > batch[:, 0, 0, 0]
    assert 0 < rises.sum() < 20
    assert torch.equal(rises, batch[:, 0, -1, 3] > batch[:, 0, 0, 3])


def test_what_does_not_fit_is_refused(frames, pairs, tmp_path):
    def refused(examples=frames, **changes):
        with pytest.raises(TrainingError) as error:
            Trainer(settings(**changes), examples, tmp_path / "run", report=lambda line: None)
        assert not (tmp_path / "run").exists()
        return str(error.value)

    assert "'rgbd' cannot learn from pairs of pictures; load frames" in refused(pairs, validation_scenes=())
    assert "no frame is as large as a crop of 256x128" in refused(crop_width=256)
    assert "'rgbd' needs crops of at least 128x128" in refused(crop_width=64)
    assert "leave photographs and patterns out" in refused(pattern_share=0.5)
    assert "leave rescale_share and colour_share at 0" in refused(colour_share=0.5)
    assert "leave rescale_share and colour_share at 0" in refused(rescale_share=0.5)
    assert "validation scene 'no' is not in the data" in refused(validation_scenes=("no",))
    bisic = TrainingConfig(validation_scenes=("held",))
    with pytest.raises(TrainingError, match="'bisic-rt' cannot learn from frames of colour with depth; load pairs"):
        Trainer(bisic, frames, tmp_path / "run", report=lambda line: None)


def test_errors_of_colour_are_squared_8_bit_errors(frames):
    x = torch.from_numpy(central(frames[0], 512).for_training())[None]
    decoded = decoded_like(x, 0.1)
    found = FrameRateDistortion(torch.nn.Identity(), "mse", "mse").distortion(decoded, x)
    assert found[0] == squared_error(decoded[..., :3], x[..., :3])
    measured = x[..., 4] == 1
    error = 65025 * (decoded[..., 3] - x[..., 3])[measured].square()
    assert found[1].item() == pytest.approx(error.sum().item() / measured.numel(), rel=1e-5)
    assert depth_error(decoded, x).item() == pytest.approx(error.mean().item(), rel=1e-4)
