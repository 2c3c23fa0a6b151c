"""`tools/fuzz.py`: a short run of it finds nothing, and what it should find is found."""

from __future__ import annotations

import json
from collections import Counter

import fuzz
import pytest
from fuzz_mutations import MUTATIONS

from stereocodec.errors import CorruptFile

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fuzzer():
    return fuzz.Fuzzer()


def test_a_few_hundred_cases(fuzzer):
    summary = fuzzer.run(range(300))
    assert summary.failures == []
    assert {name for name, _ in summary.outcomes} == set(MUTATIONS)
    assert summary.outcomes.total() == 300
    assert {outcome for _, outcome in summary.outcomes} == {"refused", "same"}
    assert summary.outcomes["unseen", "refused"] == 0


def test_cases_are_the_same_each_time(fuzzer):
    first, again = ([fuzzer.case(number)[2] for number in range(500, 600)] for _ in range(2))
    assert first == again
    assert len(set(first)) == 100


@pytest.mark.parametrize(
    ("decode", "expected"),
    [
        (lambda seed: (seed.pictures[0] ^ 1, seed.pictures[1]), "other"),
        (lambda seed: (seed.pictures[0], seed.pictures[1] ^ 1), "other"),
        (lambda seed: tuple(view[:30, :40] for view in seed.pictures), "same"),
        (lambda seed: 1 // 0, "crash"),
        (lambda seed: fuzz._too_long(0, None), "hang"),
        (lambda seed: exec("raise CorruptFile('damaged')", {"CorruptFile": CorruptFile}), "refused"),
    ],
)
def test_outcomes(fuzzer, monkeypatch, decode, expected):
    seed = fuzzer.seeds[0]
    monkeypatch.setattr(fuzzer, "_decoded", lambda container: decode(seed))
    assert fuzzer.outcome(seed.data, seed)[0] == expected


def test_failures_are_saved(fuzzer, monkeypatch, tmp_path, capsys):
    failure = (7, "flipped: crash", b"data", "a traceback")
    summary = fuzz.Summary(Counter({("flipped", "crash"): 1, ("cut", "refused"): 2}), [failure], 1.5, 7, 100)
    monkeypatch.setattr(fuzz, "fuzz", lambda cases, start, jobs: summary)
    assert fuzz.main(["--cases", "3", "--start", "5", "--folder", str(tmp_path / "failures")]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["outcomes"] == {"cut": {"refused": 2}, "flipped": {"crash": 1}}
    assert (report["failures"], report["slowest"]) == (1, {"case": 7, "seconds": 1.5})
    assert (tmp_path / "failures" / "7.bsc").read_bytes() == b"data"
    assert "a traceback" in (tmp_path / "failures" / "7.txt").read_text()
