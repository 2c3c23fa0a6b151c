"""The `bisic` command among interrupts, pipes and terminals."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import types

from commands import bisic_process, names, posix_only, run
from stereocodec_cli._shared import progress_bar


def test_an_interrupt_leaves_nothing_and_exits_with_130(folder, raw_codec, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(raw_codec, "encode", interrupted)
    result = run("encode", "left.png", "right.png", "-o", "x.bsc")
    assert result.exit_code == 130
    assert result.output == "bisic: interrupted\n"
    assert names(folder) == ["left.png", "right.png"]


def test_an_interrupt_while_latents_are_refined_leaves_nothing(folder, tiny_release, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("stereocodec.models.bisic_rt.model.refined", interrupted)
    result = run("encode", "left.png", "right.png", "-o", "x.bsc", "--effort", "9", "--model", str(tiny_release))
    assert (result.exit_code, result.output) == (130, "bisic: interrupted\n")
    assert names(folder) == ["left.png", "right.png"]


@posix_only
def test_a_real_interrupt_exits_with_130(tmp_path):
    pipe = tmp_path / "pipe.bsc"
    os.mkfifo(pipe)
    script = (
        "import signal, sys\n"
        "from stereocodec_cli.main import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job may ignore it
        f"sys.argv[1:] = ['info', {str(pipe)!r}]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process, open(pipe, "wb"):  # opens when the command has opened its end and waits for data
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == b""
    assert stderr == b"bisic: interrupted\n"


@posix_only
def test_a_reader_that_has_gone_is_met_with_silence(pair_file):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "stereocodec_cli", "info", str(pair_file)]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert result.returncode == 141  # 128 + SIGPIPE
    assert result.stderr == b""


@posix_only
def test_endless_input_is_refused_at_its_first_bytes():
    with open("/dev/zero", "rb") as endless:
        for command in (
            ["info", "/dev/zero"],
            ["decode", "/dev/zero", "--left", "/nowhere/x.png"],
            ["info", "-"],
        ):
            result = bisic_process(*command, stdin=endless)
            assert result.returncode == 1
            assert result.stderr.startswith(b"bisic: error: ")
            assert result.stderr.count(b"\n") == 1
            assert result.stdout == b""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_alone(monkeypatch):
    for stream, quiet in [(io.StringIO(), False), (Terminal(), True)]:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar(quiet) as progress:
            assert progress is None
        assert stream.getvalue() == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(False) as progress:
        progress(0.25, "analysis")
        progress(1.0, "coding")
    shown = terminal.getvalue()
    assert "analysis" in shown
    assert "25%" in shown
    assert shown.index("analysis") < shown.index("coding")
    assert "100%" in shown


def test_data_is_not_written_to_a_terminal(pair_file, monkeypatch):
    monkeypatch.setattr("stereocodec_cli._shared.sys", types.SimpleNamespace(stdout=Terminal(), stderr=sys.stderr))
    for arguments in (["encode", "left.png", "right.png", "-o", "-"], ["decode", "pair.bsc", "--left", "-"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Standard output is a terminal" in result.output
