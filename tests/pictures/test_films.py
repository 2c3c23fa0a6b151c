"""Pairs in the frames of films."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from commands import error_line, run

from stereocodec.pictures.film import film_format

av = pytest.importorskip("av", reason="needs PyAV, of the extra video")
from films import FRAMES, IDENTITY, MOV, assert_views, film, opened, refusal  # noqa: E402


@pytest.mark.parametrize(
    ("form", "codec", "pixels"),
    [
        ("matroska", "ffv1", "bgr0"),
        ("avi", "ffv1", "bgr0"),
        ("asf", "ffv1", "bgr0"),
        ("mov", "png", "rgb24"),
        ("webm", "libvpx-vp9", "gbrp"),
    ],
)
def test_every_frame_of_every_container_is_that_frame(form, codec, pixels):
    data = film(FRAMES, form=form, codec=codec, pixels=pixels, options={"lossless": "1"} if form == "webm" else {})
    for number, frame in enumerate(FRAMES):
        assert_views(opened(data, layout="sbs", frame=number), frame[:, :32], frame[:, 32:])
    assert_views(opened(data, layout="tb-cross"), FRAMES[0, 16:], FRAMES[0, :16])


def test_frames_are_counted_as_they_are_shown_however_they_are_coded():
    # One key frame, and frames that are coded before others that are shown earlier.
    levels = [np.full((32, 64, 3), 20 * number, np.uint8) for number in range(12)]
    settings = {"qp": "1", "g": "100", "bf": "3", "b_strategy": "0", "sc_threshold": "0"}
    data = film(levels, form="mp4", codec="libx264rgb", pixels="rgb24", options=settings)
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.is_keyframe for packet in packets] == [True] + [False] * 11
    assert sorted(packet.pts for packet in packets) != [packet.pts for packet in packets]
    for number in range(12):
        assert abs(opened(data, layout="sbs", frame=number).left.pixels.mean() - 20 * number) < 3


@pytest.mark.parametrize(
    ("form", "codec"), [("mpegts", "mpeg2video"), ("mpeg", "mpeg2video"), ("yuv4mpegpipe", "rawvideo")]
)
def test_containers_of_other_codecs_are_known(form, codec):
    levels = [np.full((32, 64, 3), 20 * number, np.uint8) for number in range(1, 6)]
    codec = "wrapped_avframe" if form == "yuv4mpegpipe" else codec
    data = film(levels, form=form, codec=codec, pixels="yuv420p")
    for number in (0, 4):
        pair = opened(data, layout="sbs", frame=number)
        assert abs(int(pair.left.pixels.mean()) - 20 * (number + 1)) <= 2


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 4096,
        b"\xff\xd8\xff\xe1" + bytes(40),
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"#EXTM3U\n#EXTINF:1,\nhttp://example.org/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
        b"G" + bytes(1000),
    ],
)
def test_what_is_no_film(head):
    assert film_format(head) is None


def test_a_blu_ray_stream_is_known_by_its_packets():
    packet = b"\0\0\0\0G" + bytes(187)
    assert film_format(4 * packet) == "mpegts"


def test_a_frame_of_odd_width_is_no_pair_side_by_side():
    data = film([frame[:, :63] for frame in FRAMES])
    assert "x has a width of 63 pixels, which is not that of two views of one size" in refusal(data, layout="sbs")


def test_a_frame_beyond_the_end_tells_how_many_there_are():
    assert (
        refusal(film(FRAMES), layout="sbs", frame=5) == "x has 5 frames: --frame (in Python frame=) takes 0 to 4, not 5"
    )


def test_two_streams_are_the_views_when_they_are_called_so():
    left, right = FRAMES, FRAMES[::-1]
    for titles in ("Left", "Right eye"), ("the left one", "RIGHT"):
        data = film(right, left, metadata=[{"title": titles[1]}, {"title": titles[0]}])
        pair = opened(data, frame=1)
        assert_views(pair, left[1], right[1])
        assert pair.metadata.layout is None
    named = film(
        left,
        right,
        form="mov",
        codec="png",
        pixels="rgb24",
        metadata=[{"handler_name": "left"}, {"handler_name": "right"}],
    )
    assert_views(opened(named), left[0], right[0])


def test_titles_in_any_encoding_are_no_hindrance():
    data = film(FRAMES, metadata=[{"title": "abcd", "stereo_mode": "left_right"}])
    assert_views(opened(data.replace(b"abcd", b"\xe9\xff\xfe\xe8")), FRAMES[0, :, :32], FRAMES[0, :, 32:])


def test_two_streams_without_names_need_the_layout():
    data = film(FRAMES, FRAMES[::-1])
    assert "several streams of video and does not say that two of them are views" in refusal(data)
    assert_views(opened(data, layout="mpo", frame=4), FRAMES[4], FRAMES[0])
    assert_views(opened(data, layout="sbs"), FRAMES[0, :, :32], FRAMES[0, :, 32:])
    assert "left is 64x32, right is 64x16" in refusal(film(FRAMES, FRAMES[:, :16]), layout="mpo")


def test_streams_of_other_sizes_do_not_matter():
    data = film(FRAMES, FRAMES[:, :16], metadata=[{"stereo_mode": "left_right"}])
    assert_views(opened(data), FRAMES[0, :, :32], FRAMES[0, :, 32:])


@pytest.mark.parametrize(("matrix", "turns"), [((0, 1, -1, 0), -1), ((0, -1, 1, 0), 1), ((-1, 0, 0, -1), 2)])
def test_a_film_that_is_turned_is_made_upright(matrix, turns):
    data = film(FRAMES, **MOV)
    a, b, c, d = (2**16 * value for value in matrix)
    place = data.index(IDENTITY, data.index(b"tkhd"))
    turned = data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 2**30) + data[place + len(IDENTITY) :]
    pair = opened(turned, layout="tb")
    assert_views(pair, *np.split(np.rot90(FRAMES[0], turns), 2))


def test_a_cover_is_no_stream_of_the_film():
    data = film(FRAMES, FRAMES[:1], form="mp4", codec="png", pixels="rgb24", covers=1)
    with av.open(io.BytesIO(data)) as container:
        assert len(container.streams.video) == 2
    assert "does not say how it holds two views" in refusal(data)
    assert_views(opened(data, layout="sbs", frame=4), FRAMES[4, :, :32], FRAMES[4, :, 32:])


def test_what_holds_no_video_is_said():
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 80), np.int16), layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
    assert refusal(file.getvalue()) == "x has no stream of video: name a film"


def test_a_film_without_pyav_names_the_extra(monkeypatch):
    data = film(FRAMES)
    monkeypatch.setitem(sys.modules, "av", None)
    for module in ("film_frame", "film_decoder"):
        monkeypatch.delitem(sys.modules, f"stereocodec.pictures.{module}", raising=False)
    assert refusal(data, layout="sbs") == "x is a film, which needs PyAV to be read: pip install 'stereocodec[video]'"


def test_the_command(folder, raw_codec):
    (folder / "film.mkv").write_bytes(film(FRAMES // 2, metadata=[{"stereo_mode": "left_right"}]))
    result = run("encode", "film.mkv", "--frame", "3", "-o", "pair.bsc")
    assert result.exit_code == 0, result.output
    assert "32x32" in result.output
    assert "PSNR: left 48.13 dB, right inf dB" in result.output
    line = error_line(run("encode", "film.mkv", "--frame", "9", "-o", "other.bsc"))
    assert line.endswith("film.mkv has 5 frames: --frame (in Python frame=) takes 0 to 4, not 9")
