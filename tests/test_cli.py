"""The `bisic` command: usage, exit statuses, what is printed where, and what is left on disk.

A codec that stores the pixels uncoded stands in for the networks wherever they do not matter.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import types
from importlib.metadata import entry_points

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from stereocodec_cli import main as cli_main
from stereocodec_cli._shared import progress_bar
from stereocodec_cli.decode import FORMATS
from stereocodec_cli.main import COMMANDS, bisic

import stereocodec
from stereocodec.container import Chunk, Container, Streams
from stereocodec.errors import InvalidInput, WrongModel

HEIGHT, WIDTH = 6, 8
MODEL_ID = bytes(range(6))
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes and signals")


class RawCodec:
    """Stores the pixels; the left view comes back one grey level brighter, the right one exact."""

    name = "raw"

    def __init__(self, device="auto"):
        self.device = device

    @classmethod
    def from_pretrained(cls, name, *, device):
        if name == "gone":
            raise stereocodec.errors.UnknownModel("there is no model gone")
        return cls(device)

    @classmethod
    def for_file(cls, data, model, *, device):
        if model is not None:
            raise WrongModel(f"the file was not written with {model}")
        return cls(device)

    def compress(self, left, right, *, quality, progress):
        assert progress is None  # nothing is shown where there is no terminal
        height, width, _ = left.shape
        streams = Streams(b"", b"", left.tobytes(), right.tobytes())
        return Container(width, height, quality, MODEL_ID, b"", streams, 7).to_bytes()

    def decompress(self, data, *, output="pil", progress):
        container = Container.from_bytes(data)
        shape = (container.height, container.width, 3)
        streams = container.streams
        left, right = (np.frombuffer(stream, np.uint8).reshape(shape) for stream in (streams.y_left, streams.y_right))
        views = (left + np.uint8(1), right)
        return views if output == "numpy" else tuple(Image.fromarray(view) for view in views)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with left.png and right.png; darker than 255, so that RawCodec does not wrap."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for view in ("left", "right"):
        pixels = random.integers(0, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{view}.png")
    return tmp_path


@pytest.fixture
def raw_codec(monkeypatch):
    module = types.ModuleType("stereocodec.codec")
    module.StereoCodec = RawCodec
    monkeypatch.setitem(sys.modules, "stereocodec.codec", module)
    return RawCodec


@pytest.fixture
def pair(folder, raw_codec):
    """pair.bsc in the current folder, written by the command."""
    assert run("encode", "left.png", "right.png", "-o", "pair.bsc").exit_code == 0
    return folder / "pair.bsc"


def run(*arguments, stdin=None):
    return CliRunner().invoke(bisic, list(arguments), prog_name="bisic", input=stdin)


def bisic_process(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "stereocodec_cli", *map(str, arguments)],
        capture_output=True,
        timeout=60,
        check=False,
        **settings,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def error_line(result):
    """The one line of a failure with exit status 1."""
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("bisic: error: ")
    return lines[0]


# the group


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
        (["encode", "left.png"], "Missing argument 'RIGHT'"),
        (["encode", "left.png", "right.png"], "Missing option '-o'"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "101"], "101 is not in the range"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "-1"], "-1 is not in the range"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "-q", "5.5"], "not a valid integer"),
        (["encode", "left.png", "right.png", "-o", "x.bsc", "--device", "tpu"], "'tpu' is not one of"),
        (["encode", "-", "-", "-o", "x.bsc"], "Only one of the two views"),
        (["encode", "left.png", "right.png", "-fo", "left.png"], "The output is one of the two pictures"),
        (["encode", "left.png", "right.png", "-fo", "./right.png"], "The output is one of the two pictures"),
        (["decode", "-"], "Standard input has no name"),
        (["decode", "x.bsc", "-o", ".", "--left", "a.png"], "not both"),
        (["decode", "x.bsc", "-o", "left.png"], "-o left.png is not a folder"),
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
        (["encode", ".", "right.png", "-o", "x.bsc"], ". is a folder"),
        (["encode", "left.png", "text.png", "-o", "x.bsc"], "text.png is not a picture"),
        (["encode", "left.png", "alpha.png", "-o", "x.bsc"], "alpha.png has an alpha channel"),
        (["encode", "left.png", "large.png", "-o", "x.bsc"], "left is 8x6, right is 9x6"),
        (["encode", "left.png", "right.png", "-o", "text.png"], "text.png exists already"),
        (["encode", "left.png", "right.png", "-o", "no/x.bsc"], "does not exist"),
        (["encode", "left.png", "right.png", "-o", "."], ". is a folder"),
        (["decode", "missing.bsc"], "missing.bsc: no such file"),
        (["decode", "left.png"], "not a .bsc file"),
        (["decode", "."], "is a folder"),
        (["decode", "left.png", "-o", "no"], "does not exist: create it first"),
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
        (InvalidInput("line one\nline two"), "bisic: error: line one line two"),
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

    monkeypatch.setattr(raw_codec, "compress", failing)
    arguments = ["encode", "left.png", "right.png", "-o", "x.bsc"]
    assert error_line(run(*arguments)).startswith(message)
    result = run("--debug", *arguments)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.output
    assert result.output.splitlines()[-1].startswith(message)
    assert names(folder) == ["left.png", "right.png"]


def test_an_interrupt_leaves_nothing_and_exits_with_130(folder, raw_codec, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(raw_codec, "compress", interrupted)
    result = run("encode", "left.png", "right.png", "-o", "x.bsc")
    assert result.exit_code == 130
    assert result.output == "bisic: interrupted\n"
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
def test_a_reader_that_has_gone_is_met_with_silence(pair):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "stereocodec_cli", "info", str(pair)]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert result.returncode == 1
    assert result.stderr == b""


# encode


def test_encode_prints_size_and_psnr_and_writes_the_file(folder, raw_codec):
    result = run("encode", "left.png", "right.png", "-o", "pair.bsc", "-q", "30")
    assert result.exit_code == 0
    size = (folder / "pair.bsc").stat().st_size
    bpp = 8 * size / (2 * WIDTH * HEIGHT)
    assert result.output == (
        f"pair.bsc: {size} bytes, {bpp:.4f} bpp, 8x6, quality 30, raw\nPSNR: left 48.13 dB, right inf dB, mean inf dB\n"
    )
    assert Container.from_bytes((folder / "pair.bsc").read_bytes()).quality == 30


def test_encode_without_verification_or_words(folder, raw_codec, monkeypatch):
    monkeypatch.setattr(raw_codec, "decompress", None)  # calling it would fail
    result = run("encode", "left.png", "right.png", "-o", "a.bsc", "--no-verify")
    assert result.exit_code == 0
    assert result.output.startswith("a.bsc: ")
    assert "PSNR" not in result.output
    assert run("encode", "left.png", "right.png", "-o", "b.bsc", "--no-verify", "-Q").output == ""
    assert (folder / "a.bsc").read_bytes() == (folder / "b.bsc").read_bytes()


def test_a_result_that_does_not_decode_is_not_written(folder, raw_codec, monkeypatch):
    def mismatch(*_, **__):
        raise stereocodec.errors.DecodingMismatch("the latents differ")

    monkeypatch.setattr(raw_codec, "decompress", mismatch)
    assert "the latents differ" in error_line(run("encode", "left.png", "right.png", "-o", "pair.bsc"))
    assert names(folder) == ["left.png", "right.png"]


def test_encode_overwrites_only_when_forced(pair):
    before = pair.read_bytes()
    arguments = ["encode", "left.png", "right.png", "-o", "pair.bsc", "-q", "99"]
    assert "pair.bsc exists already" in error_line(run(*arguments))
    assert pair.read_bytes() == before
    assert run(*arguments, "--force").exit_code == 0
    assert Container.from_bytes(pair.read_bytes()).quality == 99


def test_encode_in_a_pipe(pair):
    expected = pair.read_bytes()
    left = (pair.parent / "left.png").read_bytes()
    result = run("encode", "-", "right.png", "-o", "-", stdin=left)
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(expected)  # before click 8.2 the messages follow
    assert b"standard output: " not in result.stdout_bytes[: len(expected)]
    assert "standard input is not a picture" in error_line(run("encode", "left.png", "-", "-o", "x.bsc", stdin=b"text"))


def test_encode_passes_model_and_device_on(folder, raw_codec, monkeypatch):
    seen = []
    original = raw_codec.from_pretrained
    monkeypatch.setattr(
        raw_codec,
        "from_pretrained",
        lambda name, *, device: seen.append((name, device)) or original(name, device=device),
    )
    run("encode", "left.png", "right.png", "-o", "a.bsc")
    run("encode", "left.png", "right.png", "-o", "b.bsc", "--model", "other", "--device", "cpu")
    assert seen == [("bisic-rt", "auto"), ("other", "cpu")]
    assert "no model gone" in error_line(run("encode", "left.png", "right.png", "-o", "c.bsc", "--model", "gone"))


# decode


def expected_views(folder):
    left, right = (np.asarray(Image.open(folder / f"{view}.png")) for view in ("left", "right"))
    return left + np.uint8(1), right


def check_views(folder, left, right):
    for path, expected in zip((left, right), expected_views(folder), strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_decode_writes_beside_the_input_by_default(pair):
    result = run("decode", str(pair))
    assert result.exit_code == 0
    assert result.output == f"{pair.parent / 'pair_left.png'}, {pair.parent / 'pair_right.png'}: 8x6\n"
    check_views(pair.parent, "pair_left.png", "pair_right.png")


def test_decode_into_a_folder(pair):
    (pair.parent / "out").mkdir()
    assert run("decode", "pair.bsc", "-o", "out", "-Q").output == ""
    check_views(pair.parent, "out/pair_left.png", "out/pair_right.png")


def test_decode_from_standard_input(pair):
    (pair.parent / "out").mkdir()
    assert run("decode", "-", "-o", "out", stdin=pair.read_bytes()).exit_code == 0
    check_views(pair.parent, "out/left.png", "out/right.png")


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_decode_into_every_format(pair, extension):
    result = run("decode", "pair.bsc", "--left", f"l{extension}", "--right", f"r{extension.upper()}")
    assert result.exit_code == 0, result.output
    if extension in (".jpg", ".jpeg"):
        for path in (f"l{extension}", f"r{extension.upper()}"):
            with Image.open(path) as image:
                assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))
    else:
        check_views(pair.parent, f"l{extension}", f"r{extension.upper()}")


def test_decode_writes_only_the_views_that_are_named(pair):
    assert run("decode", "pair.bsc", "--right", "r.png").exit_code == 0
    assert names(pair.parent) == ["left.png", "pair.bsc", "r.png", "right.png"]
    np.testing.assert_array_equal(np.asarray(Image.open("r.png")), expected_views(pair.parent)[1])


def test_decode_one_view_to_standard_output(pair):
    result = run("decode", "pair.bsc", "--left", "-")
    assert result.exit_code == 0
    png = np.asarray(Image.open(io.BytesIO(result.stdout_bytes)))
    np.testing.assert_array_equal(png, expected_views(pair.parent)[0])
    both = run("decode", "-", "--left", "l.png", "--right", "-", stdin=pair.read_bytes())
    assert both.exit_code == 0
    png = np.asarray(Image.open(io.BytesIO(both.stdout_bytes)))
    np.testing.assert_array_equal(png, expected_views(pair.parent)[1])
    assert names(pair.parent) == ["l.png", "left.png", "pair.bsc", "right.png"]


def test_decode_overwrites_only_when_forced_and_leaves_neither_view_otherwise(pair):
    other = pair.parent / "pair_right.png"
    other.write_bytes(b"old")
    assert "pair_right.png exists already" in error_line(run("decode", "pair.bsc"))
    assert names(pair.parent) == ["left.png", "pair.bsc", "pair_right.png", "right.png"]
    assert other.read_bytes() == b"old"
    assert run("decode", "pair.bsc", "-f").exit_code == 0
    check_views(pair.parent, "pair_left.png", "pair_right.png")


def test_decode_reports_a_format_that_cannot_hold_the_picture(folder, raw_codec):
    streams = Streams(b"", b"", bytes(3 * 20_000), bytes(3 * 20_000))
    wide = Container(20_000, 1, 50, MODEL_ID, b"", streams, 7)
    (folder / "wide.bsc").write_bytes(wide.to_bytes())
    line = error_line(run("decode", "wide.bsc", "--left", "l.png", "--right", "r.webp"))
    assert "r.webp cannot be written as WEBP" in line
    assert names(folder) == ["left.png", "right.png", "wide.bsc"]


def test_decode_with_the_wrong_model(pair):
    assert "not written with other" in error_line(run("decode", "pair.bsc", "--model", "other"))


# info


@pytest.fixture
def described(tmp_path):
    """A file in which every part has its own size."""
    container = Container(
        width=1001,
        height=77,
        quality=63,
        model_id=MODEL_ID,
        guard=b"\x03\x85\x01",  # two varints
        streams=Streams(b"a" * 11, b"b" * 13, b"c" * 1700, b"d" * 1900),
        latent_checksum=0x0012ABCD,
    )
    path = tmp_path / "x.bsc"
    path.write_bytes(container.to_bytes())
    return path, container


def test_info_as_json(described):
    path, _ = described
    data = path.read_bytes()
    for result in (run("info", str(path), "--json"), run("info", "-", "--json", stdin=data)):
        assert result.exit_code == 0
        shown = json.loads(result.output)
        assert shown.pop("overhead") == len(data) - 11 - 13 - 1700 - 1900 - 3
        assert shown == {
            "version": "1.0",
            "width": 1001,
            "height": 77,
            "views": "RGB8",
            "quality": 63,
            "model": {"id": "000102030405", "name": None},
            "bytes": len(data),
            "bpp": 8 * len(data) / (2 * 1001 * 77),
            "streams": {"left": {"z": 11, "y": 1700}, "right": {"z": 13, "y": 1900}},
            "guard": {"bytes": 3, "entries": 2},
            "chunks": [],
            "checksums": {"latents": "0012abcd", "file": f"{int.from_bytes(data[-4:], 'little'):08x}"},
        }


def test_info_as_text(described):
    path, container = described
    path.write_bytes(dataclasses.replace(container, chunks=(Chunk("MODL", b"mine"), Chunk("TEXT", b"hi"))).to_bytes())
    result = run("info", str(path))
    assert result.exit_code == 0
    for text in [
        f"{path}: .bsc version 1.0",
        "two of 1001x77",
        "000102030405 mine",
        "left view:   1,711 bytes (z 11, y 1,700)",
        "right view:  1,913 bytes (z 13, y 1,900)",
        "guard list:  3 bytes, 2 entries",
        "MODL 4, TEXT 2",
        "latents 0012abcd",
    ]:
        assert text in result.output


def test_info_names_the_built_in_model_of_the_id(described, monkeypatch, tmp_path):
    path, _ = described
    for name, text in [("bad", "{"), ("list", "[]"), ("other", '{"model_id": "ff"}')]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text)
    (tmp_path / "this").mkdir()
    (tmp_path / "this" / "config.json").write_text(json.dumps({"model_id": MODEL_ID.hex()}))
    monkeypatch.setattr("stereocodec_cli.info._BUILT_IN", tmp_path)
    assert json.loads(run("info", str(path), "--json").output)["model"]["name"] == "this"


def test_info_imports_no_torch(described):
    path, _ = described
    script = (
        "import sys\n"
        "from stereocodec_cli.main import main\n"
        f"sys.argv[1:] = ['info', {str(path)!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "quality:     63" in result.stdout


def test_info_refuses_every_truncation_and_appended_data(described):
    path, container = described
    data = dataclasses.replace(container, streams=Streams(b"a", b"b", b"c", b"d")).to_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        error_line(run("info", str(path)))
    path.write_bytes(data + b"\0")
    assert "1 bytes follow its end" in error_line(run("info", str(path)))


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


def test_messages_are_kept_out_of_standard_output(described):
    path, _ = described
    good = bisic_process("info", path)
    assert (good.returncode, good.stderr) == (0, b"")
    bad = bisic_process("info", path.with_name("missing.bsc"))
    assert (bad.returncode, bad.stdout) == (1, b"")
    usage = bisic_process("info")
    assert (usage.returncode, usage.stdout) == (2, b"")


# terminals


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


def test_data_is_not_written_to_a_terminal(pair, monkeypatch):
    monkeypatch.setattr("stereocodec_cli._shared.sys", types.SimpleNamespace(stdout=Terminal(), stderr=sys.stderr))
    for arguments in (["encode", "left.png", "right.png", "-o", "-"], ["decode", "pair.bsc", "--left", "-"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Standard output is a terminal" in result.output


def test_the_installed_command_is_this_one():
    (script,) = entry_points(group="console_scripts", name="bisic")
    assert script.load() is cli_main.main
    version = bisic_process("--version").stdout.decode()
    assert version.split() == ["bisic,", "version", stereocodec.__version__]
