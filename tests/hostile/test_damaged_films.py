"""Films that are damaged, lie about their size, or name other files: one line, without much memory."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest
from commands import bisic_process, posix_only

from stereocodec.errors import InvalidInput
from stereocodec.pictures.open_pair import open_pair

pytest.importorskip("av", reason="needs PyAV, of the extra video")
from films import film

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.integers(0, 256, (3, 32, 64, 3), dtype=np.uint8)
PLANES = RANDOM.integers(0, 256, (2, 3, 32, 64), dtype=np.uint8)
FILMS = {
    "mkv": film(FRAMES, metadata=[{"stereo_mode": "left_right"}]),
    "mov": film(FRAMES, form="mov", codec="png", pixels="rgb24"),
    "avi": film(PLANES, form="avi", codec="mjpeg", pixels="yuvj444p"),
    "mp4": film(FRAMES, form="mp4", codec="libx264", pixels="yuv420p"),
}


def outcome(data, **settings):
    """The sizes of the views, or the line of a refusal."""
    try:
        return [view.pixels.shape for view in open_pair(io.BytesIO(data), name="x", layout="sbs", **settings)]
    except InvalidInput as error:
        return str(error)


def is_line(result):
    return isinstance(result, str) and result.startswith("x ") and result.isprintable()


@pytest.mark.parametrize("kind", FILMS)
def test_truncated_films(kind, capfd):
    data = FILMS[kind]
    results = [outcome(data[:length], frame=1) for length in range(16, len(data), len(data) // 40)]
    lines = [result for result in results if result != [(32, 32, 3)] * 2]
    assert all(map(is_line, lines))
    assert len(lines) > len(results) // 4
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", FILMS)
def test_altered_films(kind, capfd):
    random = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(FILMS[kind])
        for place in random.integers(0, min(len(data), random.choice([200, 2000, len(data)])), 4):
            data[place] = random.integers(0, 256)
        result = outcome(data, frame=int(random.integers(0, 3)))
        assert is_line(result) or all(len(shape) == 3 and shape[2] == 3 for shape in result)
    assert capfd.readouterr() == ("", "")


def test_a_frame_of_which_a_part_was_lost_is_not_returned_as_if_it_were_whole():
    data = film(FRAMES, form="mpegts", codec="mpeg2video", pixels="yuv420p", options={"g": "1"})
    packets = [data[place : place + 188] for place in range(0, len(data), 188)]
    results = [outcome(b"".join(packets[:lost] + packets[lost + 1 :]), frame=1) for lost in range(len(packets))]
    damaged = "x is damaged at this frame: choose another one with --frame (in Python frame=)"
    assert results.count(damaged) > len(packets) // 5  # the second of three frames has about a third of the packets


@pytest.mark.parametrize("size", [(3000, 20000), (9000, 9000), (65535, 65535)])
def test_a_frame_that_claims_to_be_larger_than_the_film(size):
    data, mark = FILMS["avi"], b"\xff\xc0\x00\x11\x08"
    place = data.index(mark) + len(mark)
    end = place + 4
    lying = data[: place - len(mark)] + data[place - len(mark) :].replace(data[place:end], struct.pack(">HH", *size))
    assert is_line(outcome(lying))


@pytest.mark.parametrize("width", [10000, 60000])
def test_a_film_that_claims_to_be_large(width):
    data, size = film(FRAMES, form="avi"), struct.pack("<ii", 64, 32)
    place = data.index(size, data.index(b"strf"))
    lying = data[:place] + struct.pack("<ii", width, width) + data[place + len(size) :]
    assert "pixels" in outcome(lying)
    assert "scale it down" in outcome(lying)


def test_a_codec_that_is_not_known():
    data = FILMS["mkv"].replace(b"V_FFV1", b"V_XXXX")
    assert "x is coded in a way that PyAV cannot decode" in outcome(data)


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\n",
    "mpd": '<?xml version="1.0"?><MPD><BaseURL>{path}</BaseURL></MPD>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_lists_of_other_files_open_none_of_them(kind, tmp_path):
    other = tmp_path / "other.mkv"
    other.write_bytes(FILMS["mkv"])
    path = tmp_path / "film.mkv"
    path.write_text(PLAYLISTS[kind].format(path=other))
    with pytest.raises(InvalidInput, match="is not a picture that Pillow can read"):
        open_pair(path, layout="sbs")


def test_a_name_that_libavformat_would_take_for_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "concat:other.mkv"
    (tmp_path / name).write_bytes(FILMS["mkv"])
    assert open_pair(name).left.pixels.shape == (32, 32, 3)


@posix_only
@pytest.mark.slow
def test_memory_does_not_grow_with_what_a_film_claims(tmp_path):
    import resource

    data, mark = FILMS["avi"], b"\xff\xc0\x00\x11\x08"
    place = data.index(mark) + len(mark)
    (tmp_path / "film.avi").write_bytes(data.replace(data[place : place + 4], struct.pack(">HH", 15000, 15000)))
    result = bisic_process(
        "encode",
        tmp_path / "film.avi",
        "--layout",
        "sbs",
        "-o",
        tmp_path / "pair.bsc",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)),
    )
    assert result.returncode == 1
    assert result.stderr.decode().startswith(f"bisic: error: {tmp_path / 'film.avi'} is truncated or damaged")
    assert os.listdir(tmp_path) == ["film.avi"]
