"""`bisic encode`: what is printed and what is left on disk."""

from __future__ import annotations

import json
import warnings

import pytest
from commands import HEIGHT, WIDTH, error_line, names, run

import stereocodec
from stereocodec.container import Container
from stereocodec.errors import UnlikelyPair


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


def test_encode_overwrites_only_when_forced(pair_file):
    before = pair_file.read_bytes()
    arguments = ["encode", "left.png", "right.png", "-o", "pair.bsc", "-q", "99"]
    assert "pair.bsc exists already" in error_line(run(*arguments))
    assert pair_file.read_bytes() == before
    assert run(*arguments, "--force").exit_code == 0
    assert Container.from_bytes(pair_file.read_bytes()).quality == 99


def test_encode_in_a_pipe(pair_file):
    expected = pair_file.read_bytes()
    left = (pair_file.parent / "left.png").read_bytes()
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
    assert seen == [(None, "auto"), ("other", "cpu")]
    assert "no model gone" in error_line(run("encode", "left.png", "right.png", "-o", "c.bsc", "--model", "gone"))


def test_swap_exchanges_the_views_also_from_standard_input(folder, raw_codec):
    views = [(folder / f"{view}.png").read_bytes() for view in ("left", "right")]
    assert run("encode", "left.png", "right.png", "-o", "a.bsc").exit_code == 0
    assert run("encode", "--swap", "right.png", "left.png", "-o", "b.bsc").exit_code == 0
    assert run("encode", "--swap", "-", "left.png", "-o", "c.bsc", stdin=views[1]).exit_code == 0
    assert run("encode", "--swap", "left.png", "right.png", "-o", "d.bsc").exit_code == 0
    as_they_are, *others = ((folder / f"{name}.bsc").read_bytes() for name in "abcd")
    assert [other == as_they_are for other in others] == [True, True, False]


@pytest.mark.parametrize(
    ("arguments", "size", "bpp", "psnr"),
    [
        ("--target-size 200k", 200_000, None, None),
        ("--target-size 1.5MB", 1_500_000, None, None),
        ("--target-size 77", 77, None, None),
        ("--target-bpp 0.25", None, 0.25, None),
        ("--target-psnr 36", None, None, 36),
    ],
)
def test_targets_reach_the_codec(folder, raw_codec, arguments, size, bpp, psnr):
    assert run("encode", "left.png", "right.png", "-o", "pair.bsc", *arguments.split()).exit_code == 0
    assert raw_codec.made[0].targets == {"target_size": size, "target_bpp": bpp, "target_psnr": psnr}


def test_the_effort_reaches_the_codec(folder, raw_codec):
    for arguments, effort in ([], None), (["--effort", "7"], 7):
        assert run("encode", "left.png", "right.png", "-fo", "pair.bsc", *arguments).exit_code == 0
        assert raw_codec.made[0].effort == effort


def test_fractions_of_a_quality(folder, raw_codec):
    result = run("encode", "left.png", "right.png", "-o", "pair.bsc", "-q", "30.25")
    assert ", quality 30.25, raw" in result.output
    assert "quality:     30.25" in run("info", "pair.bsc").output
    assert json.loads(run("info", "--json", "pair.bsc").output)["quality"] == 30.25


def test_swap_is_refused_with_depth(folder):
    result = run("encode", "--swap", "--depth", "right.png", "left.png", "-o", "x.bsc")
    assert result.exit_code == 2
    assert "are about two views: leave them out with --depth." in result.stderr


def test_a_doubt_is_a_line_on_standard_error(folder, raw_codec, monkeypatch):
    encode = raw_codec.encode

    def doubting(*views, **settings):
        warnings.warn("left and right look exchanged", UnlikelyPair, stacklevel=1)
        warnings.warn("of no interest to users", UserWarning, stacklevel=1)
        return encode(*views, **settings)

    monkeypatch.setattr(raw_codec, "encode", doubting)
    for name in ("a", "b"):  # each time, not once for a process
        result = run("encode", "left.png", "right.png", "-o", f"{name}.bsc")
        assert (result.exit_code, result.stderr) == (0, "bisic: warning: left and right look exchanged\n")
        assert "warning" not in result.stdout
    assert run("encode", "left.png", "right.png", "-o", "c.bsc", "-Q").output == ""
