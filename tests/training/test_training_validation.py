"""Validation of what training never sees beside some of what it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from runs import rows_of, tiny, trained

from stereocodec.errors import TrainingError
from stereocodec.training.config import TrainingConfig
from stereocodec.training.examples import spread
from stereocodec.training.loop import Trainer
from stereocodec.training.losses import estimate
from stereocodec.training.pairs.data import Pair
from stereocodec.training.validation import SEEN_SIDE, validate, with_seen

pytestmark = pytest.mark.usefixtures("one_thread")


def pair(name, height=64, width=64):
    return Pair(name, torch.zeros(height, width, 6, dtype=torch.uint8))


def test_seen_examples_are_spread_over_all_names_and_large_enough_for_crops():
    examples = [pair(name) for name in "hgfedcba"] + [pair("bb", 32), pair("cc", 64, 32)]
    assert [e.name for e in spread(examples, 2, (64, 64))] == ["c", "g"]
    assert [e.name for e in spread(examples, 3, (64, 64))] == ["b", "e", "g"]
    assert [e.name for e in spread(examples, 99, (64, 64))] == list("abcdefgh")
    assert spread(examples, 2, (128, 64)) == []


def test_a_run_tells_how_well_it_does_on_what_it_has_seen(finished, pairs):
    (seen,) = (p for p in pairs if p.name == "training-b")  # the one in the middle of two is the second
    rows = rows_of(finished.folder / "validation.csv")[-5:]
    for row, expected in zip(rows, validate(finished.kind, finished.averaged(), [seen], SEEN_SIDE), strict=True):
        for key in ("bpp", "psnr"):
            assert float(row[f"seen_{key}"]) == pytest.approx(expected[key], abs=1e-5)
            assert row[f"seen_{key}"] != row[key]


@pytest.mark.parametrize("freeze_encoder", [False, True])
def test_a_run_on_chosen_symbols_tells_how_well_it_does_on_them(finished, pairs, tmp_path, freeze_encoder):
    before = finished.averaged()
    chosen = {"symbols": "chosen", "freeze_encoder": freeze_encoder}
    settings = tiny(steps=4, validation_scenes=("validation",), ema_decay=0.0, **chosen)
    run = Trainer(settings, pairs, tmp_path / "run", init=finished.folder, report=lambda line: None)
    run.run()
    encoder = {id(p) for p in run.model.encoder_parameters()}
    parts = {name for name, p in run.model.named_parameters() if id(p) in encoder}
    assert {name.split(".")[0] for name in parts} == {"analysis", "hyper_analysis", "entropy"}
    changed = {name for name, p in before.named_parameters() if not torch.equal(p, run.model.get_parameter(name))}
    if freeze_encoder:
        assert not changed & parts
    else:
        assert {"analysis.head.weight", "hyper_analysis.layers.0.weight", "entropy.gains.encoder.values"} <= changed
    assert {"synthesis.tail.weight", "entropy.outputs.weight", "entropy.gains.decoder.values"} <= changed
    (held_out,) = (p for p in pairs if p.name == "validation")
    x, quality = held_out.stacked().float() / 255, torch.full((2,), 0.5)
    with torch.no_grad():  # with gradients the bits of z are those of noise
        _, learned_on, _ = run.rate_distortion(x, quality)
        assert torch.equal(learned_on, estimate(run.model, x, quality, "chosen")[0])
    rows = rows_of(tmp_path / "run" / "validation.csv")[-5:]
    chosen, rounded = (validate(run.kind, run.averaged(), [held_out], symbols=s) for s in ("chosen", "rounded"))
    for row, expected, other in zip(rows, chosen, rounded, strict=True):
        assert float(row["bpp"]) == pytest.approx(expected["bpp"], abs=1e-5)
        assert abs(float(row["bpp"]) - other["bpp"]) > 1e-4


@pytest.mark.parametrize("setting", [{"symbols": "chosen"}, {"freeze_encoder": True}])
def test_an_encoder_that_only_rounds_has_no_run_on_chosen_symbols(pairs, tmp_path, setting):
    settings = replace(TrainingConfig.recipe("ecsic"), steps=1, **setting)
    with pytest.raises(TrainingError, match="the encoder of 'ecsic' rounds and chooses no symbols"):
        Trainer(settings, pairs, tmp_path, report=lambda line: None)


def test_without_a_seen_example_rows_are_as_they_are():
    assert with_seen([{"bpp": 1.0}], []) == [{"bpp": 1.0}]


def test_a_log_that_an_earlier_version_began_keeps_its_columns(pairs, tmp_path):
    trained(pairs, tmp_path, 2)
    log = tmp_path / "validation.csv"
    log.write_text("step,quality,bpp,psnr,ms_ssim\n1,0.0,0.5,30.0,0.9\n")
    settings = tiny(steps=3, validation_scenes=("validation",))
    Trainer(settings, pairs, tmp_path, resume=True, report=lambda line: None).run()
    lines = log.read_text().splitlines()
    assert lines[:2] == ["step,quality,bpp,psnr,ms_ssim", "1,0.0,0.5,30.0,0.9"]
    assert [line.count(",") for line in lines] == [4] * 7
    assert [row["step"] for row in rows_of(log)] == ["1"] + ["3"] * 5
