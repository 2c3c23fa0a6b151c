"""What a run writes for TensorBoard, and that it needs none."""

from __future__ import annotations

import sys

import pytest
from runs import rows_of, tiny
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stereocodec.training.loop import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
SETTINGS = {"steps": 40, "validate_every": 20, "checkpoint_every": 20, "validation_scenes": ("validation",)}


def events_in(folder):
    return sorted(folder.glob("events.out.tfevents.*"))


def test_tensorboard_shows_what_the_logs_hold(pairs, tmp_path):
    Trainer(tiny(**SETTINGS), pairs, tmp_path, report=lambda line: None).run()
    events = EventAccumulator(str(tmp_path)).Reload()

    def scalars(tag):
        return {event.step: event.value for event in events.Scalars(tag)}

    rows = rows_of(tmp_path / "train.csv")
    for key in set(rows[0]) - {"step", "share_of_peak"}:
        expected = {int(row["step"]): pytest.approx(float(row[key]), rel=1e-5, abs=1e-4) for row in rows}
        assert scalars(f"train/{key}") == expected
    for row in rows_of(tmp_path / "validation.csv"):
        for key in ("bpp", "psnr", "ms_ssim"):
            values = scalars(f"validation/{key}/quality{100 * float(row['quality']):.0f}")
            assert values[int(row["step"])] == pytest.approx(float(row[key]), abs=1e-4)


def test_steps_that_are_made_again_are_shown_once(pairs, tmp_path):
    trainer = Trainer(tiny(**SETTINGS | {"checkpoint_every": 15}), pairs, tmp_path, report=lambda line: None)
    with trainer.logs.tensorboard(0):  # logs step 20 and is killed before the checkpoint of step 30
        for step in range(1, 21):
            measured = trainer.train_step()
            if step == 15:
                trainer.save()
        trainer._log([measured], speed=1.0, left="")
    Trainer(tiny(**SETTINGS), pairs, tmp_path, resume=True, report=lambda line: None).run()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [20, 40]
    assert [row["step"] for row in rows_of(tmp_path / "train.csv")] == ["20", "40"]


def test_a_run_needs_no_tensorboard_and_leaves_none_of_its_files_behind(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    (tmp_path / "events.out.tfevents.1").touch()  # of a run that was killed before its first checkpoint
    Trainer(tiny(**SETTINGS), pairs, tmp_path, report=lambda line: None).run()
    assert len(rows_of(tmp_path / "train.csv")) == 2
    assert events_in(tmp_path) == []
