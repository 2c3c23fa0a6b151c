"""The same batch on a cluster of two workers of this machine, one of which is killed in the middle."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import dying_work
import pytest
from batches import outputs

from stereocodec.batch.run import encode_all
from stereocodec.errors import StereoCodecError

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'stereocodec[ray]'")
pytestmark = pytest.mark.slow


def test_a_worker_that_is_killed_loses_no_pair_and_doubles_none(tmp_path, jobs, settings, monkeypatch):
    from stereocodec.batch.ray_engine import run_ray

    encode_all(jobs, tmp_path / "out", settings)
    expected = outputs(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "local")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    mark, reports = tmp_path / "died", []

    def two_workers(jobs, make, processes):
        return run_ray(jobs, partial(dying_work.DyingOnce, make, "a/two", mark), 2)

    counts = encode_all(jobs, tmp_path / "out", settings, tell=reports.append, engine=two_workers)
    assert [report.error for report in reports if report.error] == []
    assert counts == {"done": len(jobs)}
    assert mark.exists()
    assert sorted(report.name for report in reports) == sorted(job.name for job in jobs)
    assert outputs(tmp_path / "out") == expected


def test_without_ray(monkeypatch):
    from stereocodec.batch.ray_engine import run_ray

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StereoCodecError, match=r"pip install 'stereocodec\[ray\]'"):
        list(run_ray([], partial(dying_work.make, "")))
