"""The `bisic` command among closed streams, full disks, stopping signals, and names that a terminal would obey."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import torch
from commands import error_line, names, posix_only, printed_by_python, run
from PIL import Image

from stereocodec.batch import engine
from stereocodec.batch.jobs import DecodeJob
from stereocodec.devices import torch_device
from stereocodec.errors import InvalidInput, InvalidRelease, StereoCodecError
from stereocodec.evaluation import runner
from stereocodec.pictures.rgb import to_rgb8
from stereocodec.releases.folders import read_config
from stereocodec.text import one_line, reason_of

SCRIPT = (
    "import signal, sys, stereocodec_cli.main as cli\n"
    "sys.argv[1:] = ['info', '-']\n"
    "class Input:\n"
    "    def read(self, size): signal.raise_signal(signal.{name}); return b''\n"
    "class Stdin: buffer = Input()\n"
    "sys.stdin = Stdin()\n"
    "{ignore}\n"
    "cli.main()\n"
)


def shell(command, **settings):
    """What a shell makes of a command line; `bisic` in it is this one."""
    line = command.replace("bisic", f"'{sys.executable}' -m stereocodec_cli")
    return subprocess.run(["sh", "-c", line], capture_output=True, timeout=60, check=False, **settings)


@posix_only
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_stops_like_ctrl_c_unless_it_is_ignored(name):
    script = SCRIPT.format(name=name, ignore="")
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert result.returncode == 128 + getattr(signal, name)
    assert result.stderr == f"bisic: stopped by {name}\n".encode()
    script = SCRIPT.format(name=name, ignore=f"signal.signal(signal.{name}, signal.SIG_IGN)")  # as nohup does
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert result.returncode == 1
    assert b"the file is empty" in result.stderr


def test_the_library_installs_no_handlers():
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            assert signal.getsignal(getattr(signal, name)) == signal.SIG_DFL
    run("--version")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # neither does the command used from Python


@posix_only
@pytest.mark.slow
def test_closed_streams_and_full_disks(pair_file):
    text = shell("bisic info pair.bsc").stdout
    for command, status, stdout, stderr in [
        ("bisic info pair.bsc 2>&-", 0, text, b""),
        ("bisic info left.png 2>&-", 1, b"", b""),
        ("bisic info pair.bsc >&-", 0, b"", b""),
        (
            "bisic info - <&-",
            1,
            b"",
            b"bisic: error: standard input is closed: name a file, or redirect one to it with <",
        ),
        ("bisic decode pair.bsc --left - >&-", 2, b"", b"Error: Standard output is closed"),
        ("bisic info pair.bsc | head -1", 0, text.splitlines(keepends=True)[0], b""),
    ]:
        result = shell(command)
        assert (result.returncode, result.stdout) == (status, stdout), command
        assert stderr in result.stderr, command
        assert bool(stderr) == bool(result.stderr), command
    if os.path.exists("/dev/full"):
        for command in ("bisic info pair.bsc > /dev/full", "bisic --help > /dev/full"):
            result = shell(command)
            assert result.returncode == 1
            assert result.stderr.startswith(b"bisic: error: standard output cannot be written: No space left on device")
            assert result.stderr.count(b"\n") == 1


@posix_only
def test_the_systems_names_of_standard_streams(pair_file):
    data = pair_file.read_bytes()
    result = run("encode", "left.png", "right.png", "-o", "/dev/stdout", "--no-verify")
    assert result.stdout_bytes == data
    assert run("info", "/dev/stdin", stdin=data).output.startswith("standard input: ")
    assert run("decode", "pair.bsc", "--left", "/dev/stdout").stdout_bytes.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "left.png", "right.png", "-o", ""],
        ["encode", "", "right.png", "-o", "x.bsc"],
        ["encode", "left.png", "--depth", "", "-o", "x.bsc"],
        ["decode", "", "-o", "x"],
        ["decode", "x.bsc", "-o", ""],
        ["decode", "x.bsc", "--left", ""],
        ["info", ""],
        ["export", "", "-o", "x", "--trained-on", "x"],
        ["export", "x", "-o", "", "--trained-on", "x"],
        ["eval", "", "-o", "x"],
        ["eval", "x", "-o", ""],
        ["train", "--arch", "ecsic", "--data", "x", "-o", ""],
        ["push", "", "org/name"],
    ],
)
def test_empty_names_are_wrong_usage(folder, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "the name is empty" in result.output
    assert names(folder) == ["left.png", "right.png"]


def test_decode_makes_its_folder(pair_file):
    assert run("decode", "pair.bsc", "-o", "new/deep").exit_code == 0
    assert names(pair_file.parent / "new" / "deep") == ["pair_left.png", "pair_right.png"]
    assert run("decode", "pair.bsc", "-o", "view.png/").exit_code == 0
    assert names(pair_file.parent / "view.png") == ["pair_left.png", "pair_right.png"]
    assert run("decode", "pair.bsc", "--left", "a/l.png", "--right", "b/c/r.png").exit_code == 0
    assert (names(pair_file.parent / "a"), names(pair_file.parent / "b" / "c")) == (["l.png"], ["r.png"])
    (pair_file.parent / "file").touch()
    assert "cannot write file/below" in error_line(run("decode", "pair.bsc", "-o", "file/below"))


def test_a_folder_is_taken_back_when_nothing_could_be_written(pair_file, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "no space is left" in error_line(run("decode", "pair.bsc", "-o", "new/deep"))
    assert names(pair_file.parent) == ["left.png", "pair.bsc", "right.png"]


def test_what_is_wrong_with_a_file_names_it(pair_file, monkeypatch, raw_codec):
    damaged = pair_file.parent / "damaged.bsc"
    damaged.write_bytes(pair_file.read_bytes()[:-1])
    for arguments in (["info", "damaged.bsc"], ["decode", "damaged.bsc", "-o", "."]):
        assert error_line(run(*arguments)).startswith("bisic: error: damaged.bsc: ")
    line = error_line(run("decode", "pair.bsc", "--model", "other"))
    assert line == "bisic: error: pair.bsc: the file was not written with other"

    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr(raw_codec, "decompress", exhausted)
    assert error_line(run("decode", "pair.bsc")).startswith("bisic: error: pair.bsc: not enough memory")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é name.png", "plain é name.png"),
        ("two\nlines\r\t", r"two\nlines\r\t"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("not \udcff text", r"not \xff text"),
        ("turned \u202e round", r"turned \u202e round"),
        ("a\u2028b \U000e0001", r"a\u2028b \U000e0001"),
        ("wide\u3000and\u00a0hard  spaces", "wide\u3000and\u00a0hard  spaces"),
    ],
)
def test_text_is_one_line_that_does_nothing_to_a_terminal(text, shown):
    assert one_line(text) == shown
    assert str(StereoCodecError(f"{text}: no such file")) == f"{shown}: no such file"


def test_messages_of_libraries_are_one_line():
    assert reason_of(ValueError("a\n  b\x1b")) == r"a b\x1b"
    assert reason_of(ValueError()) == "ValueError"
    assert reason_of(PermissionError(13, "Permission denied", "a.png")) == "Permission denied"
    assert reason_of(OSError("no\nnumber")) == "no number"


@posix_only
def test_names_of_files_are_one_line_everywhere(folder, raw_codec):
    name, shown = "a\n\x1b[1mb\udcff", r"a\n\x1b[1mb\xff"
    for arguments in (
        ["info", name],
        ["decode", name],
        ["encode", name, "right.png", "-o", "x.bsc"],
        ["encode", "left.png", "right.png", "-o", f"{name}/x.bsc"],
    ):
        assert shown in error_line(run(*arguments))
    result = run("encode", "left.png", "right.png", "-o", name)
    assert result.output.splitlines()[0].startswith(f"{shown}: ")
    assert len(result.output.splitlines()) == 2
    assert run("info", name).output.startswith(f"{shown}: .bsc version")
    assert run("decode", name, "-o", ".").output.count("\n") == 1
    assert run("info", "x", name).output.splitlines()[-1].endswith(f"({shown})")
    assert run(name).output.splitlines()[-1].startswith(r"Error: No such command 'a\n\x1b[1mb")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--anchors", "jpg"], "unknown codec 'jpg'; known are jpeg, "),
        (["--anchors", "jpeg", "--qualities", "high"], "'high' is no quality: they are whole numbers from 0 to 100"),
        (["--anchors", "jpeg", "--settings", "webp=1"], "'webp' is none of the anchors: jpeg420"),
        (["--anchors", "jpeg", "--settings", "jpeg"], "not of the form NAME=NUMBER"),
        (["--anchors", "jpeg", "--settings", "jpeg=1000"], "those of jpeg420 are whole numbers from "),
    ],
)
def test_wrong_names_of_an_evaluation_are_wrong_usage(folder, arguments, message):
    pytest.importorskip("jinja2")
    result = run("eval", ".", "-o", "report", "--models", "none", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_an_unknown_architecture_is_wrong_usage(folder):
    result = run("train", "--arch", "nonsense", "--data", ".", "-o", "run")
    assert result.exit_code == 2
    assert "known are: bisic" in " ".join(result.output.split())
    assert names(folder) == ["left.png", "right.png"]


def test_devices_are_named_and_given_as_pytorch_does():
    assert torch_device(torch.device("cpu")) == torch_device("cpu") == torch.device("cpu")
    for device, message in [
        ("cuda:99", "not available here"),
        (torch.device("cuda:99"), "not available here"),
        ("tpu", "use auto, cpu, cuda, cuda:N or mps"),
        (torch.device("meta"), "use auto, cpu, cuda, cuda:N or mps"),
        (7, "torch.device or a text"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            torch_device(device)


def test_numbered_devices_are_taken_on_the_command_line(pair_file, monkeypatch, raw_codec):
    found = []
    monkeypatch.setattr(raw_codec, "__init__", lambda self, device: found.append(device))
    assert run("decode", "pair.bsc", "--device", "cuda:1", "-o", ".").exit_code == 0
    assert found == ["cuda:1"]
    assert run("decode", "pair.bsc", "--device", "cuda:x").exit_code == 2


def test_the_folder_of_a_run_says_how_to_make_a_release(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoint.safetensors").touch()
    with pytest.raises(InvalidRelease, match=r"training run: make a release of it first, bisic export .* -o DIR"):
        read_config(tmp_path)


def test_without_semaphores_measuring_and_many_pairs_say_what_to_do(monkeypatch, tmp_path):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stereocodec.spawned.ProcessPoolExecutor", refused)
    job = DecodeJob("a", tmp_path / "a.bsc", None)
    message = r"Permission denied.*/dev/shm: mount it writable.*--tmpfs /dev/shm"
    with pytest.raises(StereoCodecError, match=message):
        list(engine.run_local([job], list, 2))
    pool = runner._Pool(tmp_path, 2, lambda *_: None)
    with pytest.raises(StereoCodecError, match=message):
        pool._measure([], [0], [])


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "gif"])
@pytest.mark.parametrize("loaded", [False, True])
def test_a_closed_picture_is_called_closed(tmp_path, extension, loaded):
    path = tmp_path / f"a.{extension}"
    Image.new("RGB", (8, 8)).save(path)
    with Image.open(path) as image:
        if loaded:
            copy = image.convert("RGB")
    image.close()
    with pytest.raises(InvalidInput, match="left is a picture that was closed: pass it while it is open"):
        to_rgb8(image, "left")
    if loaded:
        assert to_rgb8(copy, "left").shape == (8, 8, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1000 4"),
        ({"GOMP_SPINCOUNT": "7", "OPENBLAS_THREAD_TIMEOUT": "9"}, "7 9"),
        ({"OMP_WAIT_POLICY": "active"}, "None 4"),
    ],
)
def test_threads_that_wait_let_others_work_unless_told_otherwise(given, expected):
    names = ("GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT")
    script = (
        "import os, sys, stereocodec_cli.main as cli\n"
        "sys.argv[1:] = ['--version']\n"
        "try: cli.main()\n"
        f"finally: print(*map(os.environ.get, {names}), 'torch' in sys.modules, 'numpy' in sys.modules)\n"
    )
    plain = {name: value for name, value in os.environ.items() if name not in (*names, "OMP_WAIT_POLICY")}
    # The libraries read it when they are loaded.
    assert printed_by_python(script, env=plain | given)[-1] == f"{expected} False False"
