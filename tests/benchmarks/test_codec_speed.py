"""The script that times other codecs beside a release: settings of equal PSNR, films of two frames, ratios."""

from __future__ import annotations

import codec_speed
import numpy as np
import pytest
import rd_points
from codec_speed import Seconds
from conftest import sample_crop
from PIL import AvifImagePlugin, Image
from test_benchmark_scripts import page_with_block

from stereocodec.evaluation.codecs.model import model_codec
from stereocodec.pictures.rgb import psnr

pytestmark = pytest.mark.slow

FILMS = {"AV1, two frames (libaom), speed 8": 76, "HEVC, two frames (x265), medium": 26}
"""Codecs of two frames, and settings of good quality."""


@pytest.fixture(scope="module")
def release(tiny_release):
    return model_codec(str(tiny_release))


@pytest.fixture
def folder(tmp_path):
    for side, view in zip(("left", "right"), sample_crop(128, 192), strict=True):
        Image.fromarray(view).save(tmp_path / f"scene_{side}.png")
    return tmp_path


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("title", "setting"), FILMS.items())
def test_films_hold_the_left_view_and_the_right_one_predicted_from_it(release, tmp_path, title, setting, threads):
    codec, left = codec_speed.codecs(release, threads)[title], sample_crop(128, 192)[0]
    right = np.roll(left, -8, 1)
    files = codec.encode((left, right), setting, tmp_path / "pair")
    decoded = codec.decode(files, left.shape)
    assert min(psnr(a, b) for a, b in zip((left, right), decoded, strict=True)) > 30
    other = np.rot90(left, 2)
    same, different = (
        sum(path.stat().st_size for path in codec.encode((left, view), setting, tmp_path / "pair"))
        for view in (left, other)
    )
    assert same < 0.6 * different


def test_settings_give_about_the_psnr_of_the_release(release, folder, tmp_path):
    pair = rd_points.find_pairs(folder)[0]
    wanted = codec_speed.point(release, "tiny", pair, pair.load(), 50, tmp_path / "pair")
    assert wanted.setting == "q50"
    for title, codec in list(codec_speed.codecs(release, 1).items())[1:]:
        found = codec_speed.nearest(codec, title, pair, pair.load(), wanted, tmp_path / "pair")
        assert found.psnr == pytest.approx(wanted.psnr, abs=0.6), title


def test_the_page_gets_medians_of_turns_and_of_ratios_in_the_same_turn(folder, tmp_path, tiny_release, monkeypatch):
    every, seen = codec_speed.codecs, []
    quick = "tiny", "AVIF 4:4:4, speed 8", *FILMS
    monkeypatch.setattr(codec_speed, "codecs", lambda *them: {title: every(*them)[title] for title in quick})
    original = codec_speed.seconds

    def seconds(codec, views, setting, threads, stem):
        seen.append((type(codec).__name__, threads))
        assert min(original(codec, views, setting, threads, stem)) > 0
        return Seconds(len(seen), 1.0)

    monkeypatch.setattr(codec_speed, "seconds", seconds)
    page = page_with_block(tmp_path, "codec-speed")
    arguments = ["codec_speed", "--data", folder, "--model", tiny_release, "--repeats", 2, "--markdown", page]
    monkeypatch.setattr("sys.argv", list(map(str, arguments)))
    codec_speed.main()
    assert [name for name, _ in seen] == 4 * ["ModelCodec", "PillowCodec", "AvifFilm", "PyAvFilm"]
    assert [threads for _, threads in seen] == 2 * (4 * [1] + 4 * [2])
    lines = page.read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ")][2:]
    assert [row[0].removeprefix("| ") for row in rows] == list(quick)
    # Turns 1 and 9, 2 and 10 with one thread: the ratios are 2 and 10 / 9.
    assert rows[1][4:6] == ["6 s (1.6)", "10 s (1.1)"]


def test_a_cell_has_the_median_of_ratios_and_not_the_ratio_of_medians():
    turns, ours = ([Seconds(value, 1.0) for value in values] for values in ([1, 8, 3], [1, 2, 6]))
    assert codec_speed.cell(turns, ours, "encoding") == "3 s (1)"


def test_the_decoder_of_avif_gets_the_threads(tmp_path):
    class Codec:
        def encode(self, views, setting, stem):
            return []

        def decode(self, files, shape):
            self.threads = AvifImagePlugin.DEFAULT_MAX_THREADS

    for threads in (1, 2):
        codec_speed.seconds(codec := Codec(), sample_crop(64, 64), 1, threads, tmp_path)
        assert codec.threads == threads
