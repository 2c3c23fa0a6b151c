"""The `bisic` command: usage, exit statuses, and that every failure is one line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from commands import HEIGHT, WIDTH, bisic_process, error_line, names, run
from PIL import Image
from stereocodec_cli import main as cli_main
from stereocodec_cli.main import COMMANDS, bisic

import stereocodec
from stereocodec.errors import InvalidInput


@pytest.mark.parametrize("arguments", [["--help"], ["encode", "--help"], ["decode", "-h"], ["info", "-h"]])
def test_help_imports_nothing_heavy(arguments):
    script = (
        "import sys\n"
        "from stereocodec_cli.main import main\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print('heavy:', sorted({'torch', 'numpy', 'PIL', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Usage: bisic")
    assert result.stdout.endswith("heavy: []\n")


def test_the_table_of_commands_says_what_the_commands_say():
    assert {"encode", "decode", "info"} <= set(COMMANDS)
    listing = run("--help").output
    for name, entry in COMMANDS.items():
        command = bisic.get_command(None, name)
        assert command.name == name
        assert command.help.startswith(entry.help + "\n")
        assert entry.help in listing


def test_version():
    assert run("--version").output == f"bisic, version {stereocodec.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["encode", "left.png", "right.png", "--layout", "sbs", "-o", "x.bsc"], "leave RIGHT out"),
        (["encode", "left.png", "--layout", "diagonal", "-o", "x.bsc"], "'diagonal' is not one of 'sbs', 'sbs-cross'"),
        (["encode", "left.png", "right.png"], "Missing option '-o'"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "101"], "101.0 is not in the range"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "-1"], "-1.0 is not in the range"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "high"], "not a valid float"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--target-size", "lots"], "no number of bytes"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--target-size", "0k"], "it must be above 0"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--target-size", "9" * 400, "-q", "3"], "different things"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--target-bpp", "nan"], "it must be above 0"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--target-psnr", "-3"], "it must be above 0"),
        (
            ["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "3", "--target-size", "9k"],
            "--quality and --target-size say different things",
        ),
        (["encode", "left.png", "--depth", "right.png", "-o", "x.bsc", "--swap"], "about two views"),
        (["encode", "left.png", "--depth", "right.png", "-o", "x.bsc", "--layout", "sbs"], "about two views"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--effort", "10"], "10 is not in the range 1<=x<=9"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--effort", "best"], "not a valid integer"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--device", "tpu"], "unknown device 'tpu'"),
        (["encode", "-", "-", "-o", "x.bsc"], "Only one of the two views"),
        (["encode", "left.png", "right.png", "-fo", "left.png"], "The output is one of the inputs"),
        (["encode", "left.png", "right.png", "-fo", "./right.png"], "The output is one of the inputs"),
        (["decode", "-"], "Standard input has no name"),
        (["decode", "x.bsc", "--json"], "--json is about many files"),
        (["decode", "x.bsc", "-o", ".", "--left", "a.png"], "not both"),
        (["decode", "x.bsc", "-o", "y.png", "--right", "a.png"], "not both"),
        (["decode", "x.bsc", "--left", "a.png", "--layout", "sbs"], "leave --layout out"),
        (["decode", "x.bsc", "-o", "x.heic"], "x.heic cannot be written: use .png"),
        (["decode", "x.bsc", "-o", "y.png", "--layout", "mpo"], "give it the suffix .mpo"),
        (["decode", "x.bsc", "-o", "y.mpo", "--layout", "sbs"], "y.mpo holds both views as mpo, not sbs"),
        (["decode", "x.bsc", "-o", "y.jps", "--layout", "anaglyph"], "y.jps holds both views as jps, not anaglyph"),
        (["decode", "x.bsc", "-o", "y.pns", "--layout", "tb"], "y.pns holds both views as jps, not tb"),
        (["decode", "x.bsc", "-o", "y.webp", "--layout", "jps"], "stereo JPEG has the suffix .jps"),
        (["decode", "x.bsc", "--layout", "mpo", "--format", "png"], "MPO holds JPEG pictures, not PNG"),
        (["decode", "x.bsc", "--layout", "jps", "--format", "webp"], "is JPEG or PNG, not WebP"),
        (["decode", "x.bsc", "-o", "y.png", "--format", "jpeg"], "y.png is PNG by its name, not JPEG"),
        (["decode", "x.bsc", "-o", "-", "--layout", "two"], "a stream holds one picture"),
        (["decode", "x.bsc", "-o", "y.png", "--output-quality", "90"], "PNG loses nothing: leave it out"),
        (["decode", "x.bsc", "--output-quality", "90"], "PNG loses nothing: leave it out"),
        (["decode", "x.bsc", "-o", "y.jpg", "--output-quality", "101"], "101 is not in the range"),
        (["decode", "left.png", "-o", "left.png", "-f"], "--output is the file to decode"),
        (["decode", "x.bsc", "--left", "a.png", "--right", "./a.png"], "each view needs its own"),
        (["decode", "x.bsc", "--left", "-", "--right", "-"], "each view needs its own"),
        (["decode", "x.bsc", "--left", "a.xyz"], "the extension .xyz stands for no known"),
        (["decode", "x.bsc", "--left", "a"], r"the extension (none) stands for no known"),
        (["decode", "left.png", "--left", "left.png", "-f"], "--left is the file to decode"),
    ],
)
def test_wrong_usage_exits_with_2(folder, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert names(folder) == ["left.png", "right.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "missing.png", "right.png", "-o", "x.bsc"], "missing.png: no such file"),
        (["encode", "left.png", "text.png", "-o", "x.bsc"], "text.png is not a picture"),
        (["encode", "left.png", "alpha.png", "-o", "x.bsc"], "alpha.png has an alpha channel"),
        (["encode", "left.png", "large.png", "-o", "x.bsc"], "left is 8x6, right is 9x6"),
        (["encode", "left.png", "right.png", "-o", "text.png"], "text.png exists already"),
        (["encode", "left.png", "right.png", "-o", "no/x.bsc"], "does not exist"),
        (["decode", "missing.bsc"], "missing.bsc: no such file"),
        (["decode", "left.png"], "not a .bsc file"),
        (["decode", "left.png", "--left", "text.png"], "text.png exists already"),
        (["info", "missing.bsc"], "missing.bsc: no such file"),
        (["info", "."], "is a folder"),
        (["info", "text.png"], "not a .bsc file"),
        (["info", "empty.bsc"], "the file is empty"),
    ],
)
def test_bad_data_is_one_line_before_any_model_is_loaded(folder, monkeypatch, arguments, message):
    monkeypatch.setitem(sys.modules, "stereocodec.codec", None)  # importing it would fail
    (folder / "text.png").write_text("text")
    (folder / "empty.bsc").touch()
    Image.new("RGBA", (WIDTH, HEIGHT)).save(folder / "alpha.png")
    Image.new("RGB", (WIDTH + 1, HEIGHT)).save(folder / "large.png")
    before = names(folder)
    assert message in error_line(run(*arguments))
    assert names(folder) == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InvalidInput("line one\nline two"), r"bisic: error: line one\nline two"),
        (MemoryError(), "bisic: error: not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "bisic: error: not enough memory"),
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
            "bisic: error: not enough memory",
        ),
        (
            RuntimeError("a\nb"),
            "bisic: error: unexpected RuntimeError: a b (the traceback is shown by: bisic --debug",
        ),
    ],
)
def test_any_exception_is_one_line_and_a_traceback_on_demand(folder, raw_codec, monkeypatch, error, message):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr(raw_codec, "encode", failing)
    arguments = ["encode", "left.png", "right.png", "-o", "x.bsc"]
    assert error_line(run(*arguments)).startswith(message)
    result = run("--debug", *arguments)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.output
    assert result.output.splitlines()[-1].startswith(message)
    assert names(folder) == ["left.png", "right.png"]


def test_the_installed_command_is_this_one():
    (script,) = entry_points(group="console_scripts", name="bisic")
    assert script.load() is cli_main.main
    version = bisic_process("--version").stdout.decode()
    assert version.split() == ["bisic,", "version", stereocodec.__version__]
