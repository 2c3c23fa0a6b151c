"""Batches that are stopped: what is in work ends at once, and nothing half-written stays."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import dying_work
import pytest
from commands import names

from stereocodec.batch import engine
from stereocodec.batch.engine import run_local
from stereocodec.batch.jobs import EncodeJob


def test_ctrl_c_ends_the_job_of_a_process_and_those_that_wait(monkeypatch):
    monkeypatch.setattr(engine, "_is_stopped", False)
    monkeypatch.setattr(engine, "_work", lambda job: engine._stop())
    with pytest.raises(KeyboardInterrupt):
        engine._do(None)
    engine._stop()  # between two jobs it says nothing
    monkeypatch.setattr(engine, "_work", lambda job: job)
    with pytest.raises(KeyboardInterrupt):
        engine._do(None)


def test_a_job_is_ended_once(monkeypatch):
    """A terminal's Ctrl-C comes twice, from the system and from the process that waits; the second would end what takes
    back."""
    taken_back = []

    def work(job):
        try:
            engine._stop()
        finally:
            engine._stop()
            taken_back.append(job)

    monkeypatch.setattr(engine, "_is_stopped", False)
    monkeypatch.setattr(engine, "_work", work)
    with pytest.raises(KeyboardInterrupt):
        engine._do("job")
    assert taken_back == ["job"]


@pytest.mark.slow
def test_a_process_that_is_stopped_ends_what_others_have_in_work(tmp_path):
    """As SIGTERM does, which comes to this process alone."""
    jobs = [EncodeJob(name, Path(), None, Path()) for name in ("quick", "endless", "waits")]
    reports = run_local(jobs, partial(dying_work.make_endless, tmp_path), 2)
    assert next(reports).name == "quick"
    for _ in range(10**8):
        if (tmp_path / "begun").exists():
            break
    with pytest.raises(KeyboardInterrupt):
        reports.throw(KeyboardInterrupt)
    assert names(tmp_path) == ["begun"]
