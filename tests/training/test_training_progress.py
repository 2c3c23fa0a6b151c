"""What a run says of its speed and of the time left, and runs in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from stereocodec_cli.main import bisic

from stereocodec.training import background, progress
from stereocodec.training.background import yield_to_other_work
from stereocodec.training.progress import Pace, hours


class Clock:
    """A time that passes when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)

    def make_step(self, pace, seconds):
        with pace.step():
            self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_the_time_left_counts_validation_and_the_speed_does_not(clock):
    pace = Pace(100, None)
    for _ in range(10):
        clock.make_step(pace, 2)
    clock.now += 30  # of validation
    assert pace.lap() == 0.5
    assert pace.seconds == 50
    assert pace.seconds_left() == 90 * 5
    clock.make_step(pace, 4)
    assert pace.lap() == 0.25  # of the last step alone
    assert pace.seconds_left() == pytest.approx(89 * 54 / 11)
    assert not pace.is_over()


def test_a_time_limit_is_the_time_left(clock):
    pace = Pace(100, 1)
    clock.make_step(pace, 20)
    assert (pace.seconds_left(), pace.is_over()) == (40, False)
    clock.make_step(pace, 41)
    assert (pace.seconds_left(), pace.is_over()) == (0, True)


def test_hours_are_told_in_whole_minutes():
    assert [hours(s) for s in (0, 1, 60, 61, 3600, 4980, 360000)] == [
        "0:00 h", "0:01 h", "0:01 h", "0:02 h", "1:00 h", "1:23 h", "100:00 h"
    ]  # fmt: skip


PROGRAM = """
import os
from pathlib import Path
from stereocodec.training.background import yield_to_other_work

yield_to_other_work()
group = Path("/proc/self/autogroup")
print(os.nice(0) if hasattr(os, "nice") else "", group.read_text().split()[-1] if group.exists() else "")
"""


def test_a_run_in_the_background_has_the_lowest_priority():
    # In a session of its own, whose priority is not that of the tests.
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, start_new_session=True
    )
    switch = Path("/proc/sys/kernel/sched_autogroup_enabled")
    is_shared_by_session = switch.exists() and switch.read_text().strip() == "1"
    expected = ["19"] * (hasattr(os, "nice") + is_shared_by_session)
    assert result.stdout.split()[: len(expected)] == expected


def test_systems_without_priorities_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "nice", raising=False)
    monkeypatch.setattr(background, "_AUTOGROUPS", tmp_path / "missing")
    monkeypatch.setattr(background, "_OWN_AUTOGROUP", tmp_path / "group")
    yield_to_other_work()
    (tmp_path / "missing").write_text("0\n")
    yield_to_other_work()
    assert not (tmp_path / "group").exists()
    (tmp_path / "missing").write_text("1\n")
    yield_to_other_work()
    assert (tmp_path / "group").read_text() == "19"
    monkeypatch.setattr(background, "_OWN_AUTOGROUP", tmp_path)  # which cannot be written to
    yield_to_other_work()


@pytest.mark.parametrize(("options", "calls"), [([], 0), (["--background"], 1)])
def test_background_is_an_option_of_the_command(monkeypatch, tmp_path, options, calls):
    made = []
    monkeypatch.setattr(background, "yield_to_other_work", lambda: made.append(1))
    arguments = ["train", str(tmp_path / "none.toml"), "--data", str(tmp_path), "-o", str(tmp_path / "run")]
    result = CliRunner().invoke(bisic, arguments + options)
    assert (result.exit_code, len(made)) == (1, calls)
    assert "none.toml cannot be read" in result.stderr
