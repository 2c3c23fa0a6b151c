"""`bisic eval --list`, and how much is said of what is left out."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from commands import run
from stereocodec_cli import evaluate

from stereocodec.evaluation.datasets import Dataset, EvaluationPair, Problem, find_dataset
from stereocodec.evaluation.runner import Run


@pytest.fixture
def folder(tmp_path):
    for path in ("test/left/a.png", "test/right/a.png", "train/b_left.png", "train/b_right.png", "train/b_disp.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def test_the_list_is_one_that_an_evaluation_takes(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    result = run("eval", folder.name, "--list")
    assert result.exit_code == 0
    assert list(csv.DictReader(io.StringIO(result.stdout))) == [
        {
            "left": f"{folder}/{left}",
            "right": f"{folder}/{right}",
            "name": name,
            "group": folder.name,
        }
        for left, right, name in (
            ("test/left/a.png", "test/right/a.png", "test-a"),
            ("train/b_left.png", "train/b_right.png", "b"),
        )
    ]
    assert result.stderr == f"bisic: left out {folder}/train/b_disp.png: fits no layout of pairs\n"
    assert run("eval", folder.name, "--list", "--quiet").stderr == ""
    (folder / "pairs.csv").write_text(result.stdout)
    assert find_dataset(folder / "pairs.csv").pairs == find_dataset(folder).pairs


def test_the_list_keeps_a_split_and_names_every_lone_view(folder):
    for number in range(20):
        (folder / "train" / f"lone{number}_right.png").touch()
    result = run("eval", str(folder), "--list", "--split", "test")
    assert (result.exit_code, len(result.stdout.splitlines()), result.stderr) == (0, 2, "")
    result = run("eval", str(folder), "--list", "--split", "train")
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 2)
    told = result.stderr.splitlines()
    assert len(told) == 21
    lone = f"{folder}/train/lone0_right.png: has no left view beside it; expected lone0_left.png"
    assert f"bisic: left out {lone}" in told


def test_without_a_folder_for_the_report_only_a_list_is_possible(folder):
    result = run("eval", str(folder))
    assert result.exit_code == 2
    assert "Name the folder of the report with -o, or give --list." in result.stderr


@pytest.mark.parametrize("number", [0, 10, 11, 10_000])
def test_of_many_left_out_the_first_ten_are_named(capsys, number):
    problems = tuple(Problem(f"{n}_left.png", "has no right view beside it") for n in range(number))
    unmatched = tuple(Problem(f"{n}_disp.png", "fits no layout of pairs") for n in range(number))
    pair = EvaluationPair("a", Path("a_left.png"), Path("a_right.png"), "group")
    evaluate._tell(Run(Dataset((pair,), problems, unmatched), []), Path("report"), quiet=False)
    told = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("bisic: left out ") and "_left.png: " in line for line in told) == min(number, 10)
    more = f"bisic: left out {number - 10} more, which report/results.json names"
    assert (more in told) == (number > 10)
    other = f"bisic: {number} pictures are in no pair, such as 0_disp.png; report/results.json names all"
    assert (other in told) == (number > 0)
    assert len(told) == min(number, 10) + (number > 10) + (number > 0)
