"""Pairs in the frames of films."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from commands import error_line, run

from stereocodec.container.layouts import Layout
from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.film import film_format
from stereocodec.pictures.open_pair import open_pair

av = pytest.importorskip("av", reason="needs PyAV, of the extra video")
from films import film  # noqa: E402

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8)
GREY = FRAMES[..., 1]
MOVING = [np.roll(FRAMES[0] // 4 * np.uint8(2), 3 * number, axis=1) for number in range(12)]
IDENTITY = struct.pack(">9i", 2**16, 0, 0, 0, 2**16, 0, 0, 0, 2**30)


def opened(data, **settings):
    return open_pair(io.BytesIO(data), name="x", **settings)


def refusal(data, **settings):
    with pytest.raises(InvalidInput) as caught:
        opened(data, **settings)
    return str(caught.value)


def assert_views(pair, left, right):
    np.testing.assert_array_equal(pair.left.shown(), left)
    np.testing.assert_array_equal(pair.right.shown(), right)


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


@pytest.mark.parametrize(
    ("mode", "layout"),
    [
        ("left_right", Layout.SBS),
        ("right_left", Layout.SBS_CROSS),
        ("top_bottom", Layout.TB),
        ("bottom_top", Layout.TB_CROSS),
    ],
)
def test_matroska_says_how_views_lie(mode, layout):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    first, second = np.split(FRAMES[2], 2, axis=1 if layout.beside else 0)
    pair = opened(data, frame=2)
    assert_views(pair, *((second, first) if layout.crossed else (first, second)))
    assert pair.metadata.layout is layout
    assert_views(opened(data, layout="sbs"), FRAMES[0, :, :32], FRAMES[0, :, 32:])  # what is given holds


@pytest.mark.parametrize(
    ("mode", "mark", "layout"),
    [("left_right", b"\x54\xb0\x81", "half-sbs"), ("bottom_top", b"\x54\xba\x81", "half-tb-cross")],
)
def test_matroska_says_that_views_are_squeezed(mode, mark, layout):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    place = data.index(mark) + len(mark)  # the width, or height, of one view when it is shown
    data = data[:place] + bytes((2 * data[place],)) + data[place + 1 :]
    assert opened(data).metadata.layout.value == layout


def box(kind, content):
    return struct.pack(">I4s", len(content) + 8, kind) + content


def with_boxes(data, *boxes):
    """A film in MOV or MP4 with boxes in the description of its stream of video."""
    added = b"".join(boxes)
    place = data.index(b"stsd")
    entry = place + 4 + 8  # behind version, flags and the number of entries
    end = entry + struct.unpack_from(">I", data, entry)[0]
    changed = bytearray(data[:end] + added + data[end:])
    for start in (
        *(data.rindex(kind, 0, place) - 4 for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl")),
        place - 4,
        entry,
    ):
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", data, start)[0] + len(added))
    return bytes(changed)


MOV = {"form": "mov", "codec": "png", "pixels": "rgb24"}


@pytest.mark.parametrize(("mode", "layout"), [(1, Layout.TB), (2, Layout.SBS)])
def test_mp4_says_how_views_lie(mode, layout):
    pair = opened(with_boxes(film(FRAMES, **MOV), box(b"st3d", bytes((0, 0, 0, 0, mode)))))
    assert pair.metadata.layout is layout
    assert_views(pair, *np.split(FRAMES[0], 2, axis=1 if layout.beside else 0))


@pytest.mark.parametrize(("packing", "layout"), [(3, Layout.SBS), (4, Layout.TB)])
def test_h264_says_how_views_lie(packing, layout):
    options = {"x264-params": f"frame-packing={packing}", "qp": "1"}
    pair = opened(film(FRAMES, form="avi", codec="libx264", pixels="yuv420p", options=options))
    assert pair.metadata.layout is layout


EYES = box(
    b"eyes",
    box(b"stri", bytes((0, 0, 0, 0, 3)))
    + box(b"cams", box(b"blin", struct.pack(">II", 0, 19240)))
    + box(b"cmfy", box(b"dadj", struct.pack(">Ii", 0, 200))),
)


def test_a_spatial_video_says_how_its_cameras_stood():
    pack = box(b"pack", box(b"pkin", bytes(4) + b"side"))
    field = box(b"hfov", struct.pack(">I", 63500))
    pair = opened(with_boxes(film(FRAMES, **MOV), box(b"vexu", EYES + pack), field))
    assert pair.metadata.layout is Layout.SBS
    assert pair.metadata.calibration == {"baseline": 0.01924, "field_of_view": 63.5, "disparity_adjustment": 0.02}


def test_a_spatial_video_whose_second_view_is_a_layer_is_refused():
    line = refusal(with_boxes(film(FRAMES, **MOV), box(b"vexu", EYES)))
    assert line == "x holds its views in two layers, as of a spatial video (MV-HEVC): put them side by side first"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("row_interleaved_lr", "row by row: put them side by side first, e.g. with ffmpeg -i IN -vf stereo3d=irl:sbsl"),
        ("row_interleaved_rl", "stereo3d=irr:sbsl"),
        ("col_interleaved_lr", "column by column: .*stereo3d=icl:sbsl"),
        ("block_lr", "in turns, frame by frame: .*stereo3d=al:sbsl"),
        ("checkerboard_rl", "as a checkerboard: put them side by side first$"),
    ],
)
def test_views_that_are_woven_are_refused_with_a_command(mode, words):
    data = film(FRAMES, metadata=[{"stereo_mode": mode}])
    with pytest.raises(InvalidInput, match=f"^x holds its views .*{words}"):
        opened(data)
    assert opened(data, layout="sbs").metadata.layout is Layout.SBS


def test_a_film_that_says_nothing_is_asked_about_like_a_picture():
    data = film(FRAMES)
    assert "x is one picture of 64x32 (2.00:1) that does not say how it holds two views" in refusal(data)
    assert refusal(data, layout="mpo") == "x does not hold two pictures: leave the layout out"


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


# Red, green and blue of Y, Cb and Cr about 0, each with a range of 1: ITU-T H.273.
MATRICES = {
    "601": [(1, 0, 1.402), (1, -0.344136, -0.714136), (1, 1.772, 0)],
    "709": [(1, 0, 1.5748), (1, -0.187324, -0.468124), (1, 1.8556, 0)],
    "2020": [(1, 0, 1.4746), (1, -0.164553, -0.571353), (1, 1.8814, 0)],
}


@pytest.mark.parametrize(
    ("size", "told", "matrix", "full"),
    [
        ((32, 64), {}, "601", False),
        ((32, 1280), {}, "709", False),
        ((578, 16), {}, "709", False),
        ((32, 64), {"colorspace": 1}, "709", False),
        ((32, 1280), {"colorspace": 5}, "601", False),
        ((32, 64), {"colorspace": 9, "color_range": 1}, "2020", False),
        ((32, 64), {"color_range": 2}, "601", True),
    ],
)
def test_colours_are_those_of_the_matrix_and_the_range(size, told, matrix, full):
    blocks = RANDOM.integers(0, 256, (3, -(-size[0] // 8), -(-size[1] // 8)))
    planes = np.kron(blocks, np.ones((1, 8, 8))).astype(np.uint8)[:, : size[0], : size[1]]

    def tell(context):
        for name, value in told.items():
            setattr(context, name, value)

    data = film([planes], codec="ffv1", pixels="yuv444p", set_up=tell)
    decoded = opened(data, layout="tb", frame=0)
    luma, *chroma = planes.astype(np.float64)
    y = luma / 255 if full else (luma - 16) / 219
    cb, cr = ((plane - 128) / (255 if full else 224) for plane in chroma)
    expected = np.einsum("ij,jhw->hwi", np.array(MATRICES[matrix]), np.stack([y, cb, cr]))
    expected = np.clip(255 * expected, 0, 255)
    found = np.concatenate([view.shown() for view in decoded])
    assert np.abs(found - expected).max() < 0.502


def test_other_matrices_are_refused_with_a_command():
    def tell(context):
        context.colorspace = 8  # YCgCo

    data = film([np.zeros((3, 32, 64), np.uint8)], pixels="yuv444p", set_up=tell)
    with pytest.raises(InvalidInput, match=r"^x has colours that are not read \(matrix 8 .*ffmpeg -i IN -pix_fmt gbrp"):
        opened(data, layout="sbs")


@pytest.mark.parametrize("pixels", ["yuv420p10le", "gray10le", "gbrp12le"])
def test_more_than_8_bits_are_refused_as_in_pictures(pixels):
    data = film(FRAMES, pixels=pixels)
    assert f"x has more than 8 bits per channel ({pixels}" in refusal(data, layout="sbs")
    assert "ffmpeg -i IN -pix_fmt yuv444p -c:v ffv1 OUT.mkv" in refusal(data, layout="sbs")


def test_grey_films_stay_grey():
    pair = opened(film(GREY, pixels="gray"), layout="sbs", frame=3)
    assert pair.left.channels is Channels.GREY
    assert_views(pair, GREY[3, :, :32], GREY[3, :, 32:])
    two = opened(film(GREY, GREY[::-1], pixels="gray"), layout="mpo")
    assert_views(two, GREY[0], GREY[4])


def test_grey_of_the_limited_range_is_stretched():
    def tell(context):
        context.color_range = 1

    ramp = np.tile(np.arange(256, dtype=np.uint8), (2, 1))
    pair = opened(film([ramp], pixels="gray", set_up=tell), layout="tb")
    assert_views(pair, *[np.clip(np.rint((ramp[:1] - 16.0) * 255 / 219), 0, 255)] * 2)


def test_transparent_films_are_laid_onto_the_background():
    opaque = np.zeros((8, 16, 4), np.uint8)
    opaque[:, :8] = (10, 20, 30, 255)
    for form, codec, pixels in (("mov", "png", "rgba"), ("matroska", "ffv1", "yuva420p"), ("matroska", "ffv1", "bgra")):
        data = film([opaque], form=form, codec=codec, pixels=pixels)
        assert "alpha channel" in refusal(data, layout="sbs")
        left, right = opened(data, layout="sbs", background="#ff8000")
        assert np.abs(left.shown() - np.array((10.0, 20, 30))).max() <= (4 if pixels == "yuva420p" else 0)
        np.testing.assert_array_equal(right.shown(), np.full((8, 8, 3), (255, 128, 0)))


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
