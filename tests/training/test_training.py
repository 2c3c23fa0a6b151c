"""The training loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from runs import TINY, checkpoint_of, rows_of, same, state_of, tiny, trained

from stereocodec.errors import TrainingError
from stereocodec.models import build_model
from stereocodec.training import losses
from stereocodec.training.examples import Photo
from stereocodec.training.loop import Trainer
from stereocodec.training.losses import as_shown, estimate, rate_distortion_loss, squared_error
from stereocodec.training.ms_ssim import ms_ssim
from stereocodec.training.pairs.data import Pair
from stereocodec.training.pairs.losses import PairRateDistortion
from stereocodec.training.speed import peak_flops, step_flops

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_loss_falls(finished, pairs):
    def loss(model):
        """Over a fixed crop of a scene that was not trained on, at two qualities, without noise."""
        x = pairs[2].stacked()[:, :128, :192].float() / 255
        model.usual_loss = 0.0
        with torch.no_grad():
            qualities = [torch.full((2,), value) for value in (0.2, 0.8)]
            points = [estimate(model, x, quality, "rounded") for quality in qualities]
            losses = [
                rate_distortion_loss(model, bpp, squared_error(as_shown(decoded), x), quality)
                for (bpp, decoded), quality in zip(points, qualities, strict=True)
            ]
        return torch.stack(losses).mean().item()

    torch.manual_seed(0)
    start = build_model("bisic-rt", TINY)
    start.calibrate(torch.cat([pair.stacked()[:, :192, :256].float() / 255 for pair in pairs[:2]]))
    assert loss(finished.averaged()) < 0.9 * loss(start)


def test_a_hopeless_picture_does_not_rule_a_step():
    model = build_model("bisic-rt", TINY)
    model.usual_loss = 0.0
    quality = torch.full((2,), 0.5)
    worth = model.trade_off(quality) * model.loss_weight(quality)
    for errors in ([10.0, 20.0], [10.0, 60000.0]):
        distortion = torch.tensor(errors, requires_grad=True)
        loss = rate_distortion_loss(model, torch.zeros(2), distortion, quality)
        (gradient,) = torch.autograd.grad(loss, distortion)
        each = worth * torch.tensor(errors)
        torch.testing.assert_close(loss, each.clamp(max=model.loss_limit).mean())
        torch.testing.assert_close(gradient, worth / 2 * (model.loss_limit / each).clamp(max=1))


def test_calm_pairs_count_beside_busy_ones():
    model = build_model("bisic-rt", TINY)
    quality = torch.full((6,), 0.5)
    bpp = torch.tensor([0.5, 0.05, 0.0, 0.5, 0.15, 0.0]) / model.loss_weight(quality)
    bpp[:3] *= 4  # first views lose more than second ones, and weigh the same
    bpp.requires_grad_()
    loss = rate_distortion_loss(model, bpp, torch.zeros(6), quality)
    (gradient,) = torch.autograd.grad(loss, bpp)
    pairs = (bpp * model.loss_weight(quality)).detach().view(2, 3).mean(0)
    expected = (1.2 / (pairs / model.usual_loss + 0.2)).sqrt()
    torch.testing.assert_close(gradient / model.loss_weight(quality) * 6, expected.repeat(2))
    assert expected[0] < 1 < expected[1] < expected[2] < 2.5


def test_a_run_logs_its_progress(finished):
    logged = rows_of(finished.folder / "train.csv")
    assert [(row["step"], row["crop_pairs"]) for row in logged] == [("20", "40"), ("40", "80")]
    for row in logged:
        assert row.pop("share_of_peak") == ""  # which is that of a GPU
        assert all(np.isfinite(float(value)) for value in row.values())
        assert float(row["crop_pairs_per_second"]) > 0
        assert 0 < float(row["ms_ssim"]) < 1
    validated = rows_of(finished.folder / "validation.csv")
    assert [row["step"] for row in validated] == ["22"] * 5 + ["44"] * 5
    for rows in (validated[:5], validated[5:]):
        assert [float(row["quality"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
        rates = [float(row["bpp"]) for row in rows]
        assert rates == sorted(set(rates))
        assert all(10 < float(row["psnr"]) < 60 for row in rows)
        assert all(0.1 < float(row["ms_ssim"]) < 1 for row in rows)
    progress, _ = checkpoint_of(finished.folder)
    assert progress["step"] == 44


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_changes_nothing(pairs, tmp_path, monkeypatch, value):
    trainer = trained(pairs, tmp_path, 2)
    before = state_of(trainer)
    with monkeypatch.context() as patch:
        patch.setattr(losses, "rate_distortion_loss", lambda *args: value * rate_distortion_loss(*args))
        trainer.train_step()
    assert trainer.step == 3
    assert same(state_of(trainer), before)
    trainer.train_step()  # and the next one is as good as ever
    assert not same(state_of(trainer), before)
    assert all(bool(tensor.isfinite().all()) for tensor in state_of(trainer))


def test_the_average_follows_the_weights_faster_at_the_beginning(pairs, tmp_path):
    trainer = Trainer(tiny(ema_decay=0.2), pairs, tmp_path, report=lambda line: None)
    expected = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    for decay in (2 / 11, 0.2):  # min(0.2, (1 + step) / (10 + step)) of the steps 1 and 2
        trainer.train_step()
        expected = {n: decay * expected[n] + (1 - decay) * v for n, v in trainer.model.state_dict().items()}
    for name, value in trainer.averaged().state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert not same(list(trainer.averaged().parameters()), list(trainer.model.parameters()))


def test_bfloat16_trains_too(pairs, tmp_path):
    trainer = Trainer(tiny(precision="bfloat16"), pairs, tmp_path)
    assert all(bool(value.isfinite()) for value in trainer.train_step().values())
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}


def test_a_time_limit_leaves_a_checkpoint(pairs, tmp_path):
    Trainer(tiny(steps=1000), pairs, tmp_path, report=lambda line: None).run(max_minutes=1e-9)
    progress, _ = checkpoint_of(tmp_path)
    assert progress["step"] == 1


@pytest.mark.parametrize("changes", [{"arch": "bisic-xl"}, {"model": {"channels": 8}}, {"model": {"channels8": "8"}}])
def test_networks_that_cannot_be_built_are_refused(pairs, tmp_path, changes):
    with pytest.raises(TrainingError):
        Trainer(tiny(**changes), pairs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_ms_ssim_loss_weighs_what_is_missing_to_one(pairs, tmp_path):
    trainer = Trainer(tiny(loss="ms-ssim"), pairs, tmp_path)
    trainer.model.usual_loss = 0.0
    x, quality = trainer.sampler.batch(2), torch.tensor([0.3, 0.6, 0.3, 0.6])
    torch.manual_seed(1)
    loss, bpp, decoded = PairRateDistortion(trainer.model, "ms-ssim")(x, quality)
    config = trainer.model.config
    trade = config.lambda_min * (config.lambda_max / config.lambda_min) ** quality
    expected = (bpp + trade * 1280 * (1 - ms_ssim(decoded, x))) / (trade / 0.01).sqrt()
    torch.testing.assert_close(loss, expected.mean())
    before = state_of(trainer)
    trainer.train_step()
    assert not same(state_of(trainer), before)


def test_the_two_losses_are_of_one_magnitude(finished, pairs):
    x = pairs[2].stacked()[:, :128, :192].float() / 255
    with torch.no_grad():
        torch.manual_seed(0)
        points = [
            PairRateDistortion(finished.averaged(), loss)(x, torch.full((2,), 0.5))[0].item()
            for loss in ("mse", "ms-ssim")
        ]
    assert 1 / 3 < points[0] / points[1] < 3


def test_crops_come_from_photographs_in_their_share(pairs, tmp_path):
    photos = [Photo("red", torch.tensor([255, 0, 0], dtype=torch.uint8).expand(256, 256, 3).contiguous())]
    trainer = Trainer(tiny(photo_share=1.0), pairs, tmp_path / "all", photos=photos)
    assert trainer.sampler.batch(4)[..., 1:].max() < 0.3
    with pytest.raises(TrainingError, match="photo_share is 0, so that no photographs would be used"):
        Trainer(tiny(), pairs, tmp_path / "none", photos=photos)
    with pytest.raises(TrainingError, match="there are no photographs"):
        Trainer(tiny(photo_share=0.5), pairs, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_share_of_crops_is_drawn_patterns(pairs, tmp_path):
    black = [Pair("black", torch.zeros(64, 64, 6, dtype=torch.uint8))]
    drawn = Trainer(tiny(pattern_share=1.0), black, tmp_path).sampler.batch(8)
    assert drawn.any((1, 2, 3)).sum() > 8  # some are flat, and black


def test_the_work_of_a_step_is_counted_and_leaves_no_trace():
    step = PairRateDistortion(torch.nn.Identity(), "mse")
    step.weight = torch.nn.Parameter(torch.ones(3, 5))
    step.forward = lambda x, quality: ((x.reshape(-1, 3) @ step.weight).sum() + torch.rand(()), x, x)
    before = torch.get_rng_state()
    # Forwards and the gradient of the weights: two products of 2 * 128 * 3 * 5 operations.
    assert step_flops(step, torch.ones(2, 8, 8, 3), torch.ones(2)) == 2 * 2 * 128 * 3 * 5
    assert torch.equal(torch.get_rng_state(), before)
    assert step.weight.grad is None
    assert peak_flops(torch.device("cpu"), size=64, repeats=2) > 0
