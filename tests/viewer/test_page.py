"""The page as text: what it holds, that it is whole, and that nothing of a file ends up as markup."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from icc_profiles import grey_profile
from PIL import Image
from viewer_pages import (
    HEIGHT,
    WIDTH,
    container,
    depth_container,
    depth_samples,
    exchanging_profile,
    noise,
    original_pair,
    originals,
    page_facts,
    page_of_frame,
    page_of_pair,
    views,
)

from stereocodec.container import Channels, Layout, Metadata
from stereocodec.container.depth import DepthMode
from stereocodec.errors import InvalidInput
from stereocodec.pictures.depth import DepthMap
from stereocodec.pictures.picture import Picture, as_pair
from stereocodec.pictures.rgb import psnr, to_picture
from stereocodec.viewer import frame_page, pair_page
from stereocodec.viewer.embedded import data_uri, packed_samples, scaled_down


def pictures(page):
    """(kind, image) of the pictures in a page, in their order."""
    found = re.findall(r'<img data-kind="(\w+)" alt="[^"]*" src="data:image/\w+;base64,([^"]*)">', page.decode())
    return [(kind, Image.open(io.BytesIO(base64.b64decode(data)))) for kind, data in found]


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.decode(), re.S)[1])


def facts_of(page):
    return page_facts(page.decode())


def unpacked(text, shape):
    """What depth.js makes of packed samples."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.uint16)
    low, high = np.split(planes, 2)
    return np.cumsum((low + 256 * high).reshape(shape), axis=1, dtype=np.uint16)


def test_pictures_are_whole_and_without_loss():
    page = page_of_pair(original=original_pair())
    found = pictures(page)
    assert [kind for kind, _ in found] == ["decoded", "decoded", "original", "original"]
    for (_, image), expected in zip(found, (*views(), *originals()), strict=True):
        assert np.array_equal(np.asarray(image.convert("RGB")), expected)


def test_the_page_asks_for_nothing_and_its_policy_allows_nothing_else():
    page = page_of_pair().decode()
    style, script = (re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)[1] for tag in ("style", "script"))
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    policy = (
        f"default-src 'none'; img-src data:; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\(", re.sub(r"base64,[^\"]*", "", page)) == []
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert " style=" not in page
    assert not re.search(r"<[^>]*\son\w+=", page)


def test_facts_of_a_pair():
    metadata = Metadata(
        icc_profile=exchanging_profile(),
        exif=b"MM\x00*",
        xmp=b"<x>",
        calibration={"left": {"focal_length": [700.5, 700]}, "baseline": 0.12, "field_of_view": "</dd><script>"},
        layout=Layout.HALF_TB,
    )
    holds = container(metadata=metadata)
    page = pair_page(holds, views(), name="pair.bsc", model="raw", original=original_pair())
    size = len(holds.to_bytes())
    levels = [psnr(*pair) for pair in zip(originals(), views(), strict=True)]
    assert facts_of(page) == {
        "File": "pair.bsc",
        "Pictures": "two views of 40\u00d730 pixels, RGB",
        "Size": f"{size:,} bytes",
        "Bits per pixel": f"{8 * size / (2 * WIDTH * HEIGHT):.4f}",
        "Quality": "50",
        "Model": "raw (000102030405)",
        "Format": ".bsc version 1.3",
        "Came as": "top and bottom, half height",
        "Colour profile": f"{len(exchanging_profile()):,} bytes",
        "Exif": "4 bytes",
        "XMP": "3 bytes",
        "Camera": "baseline 120 mm, focal length 700.5 x 700 px, 1 other entry",
        "PSNR": "left {:.2f} dB, right {:.2f} dB".format(*levels),
    }
    assert data_of(page)["aspect"] == [1, 2]
    assert f"PSNR {sum(levels) / 2:.2f} dB</p>" in page.decode()


@pytest.mark.parametrize(
    ("channels", "words"), [(Channels.GREY, "grey"), (Channels.GREY_RGB, "grey in three equal channels")]
)
def test_what_the_channels_are_is_told_in_words(channels, words):
    holds = container(channels=channels)
    pictures = views() if channels is Channels.GREY_RGB else tuple(view[..., 0].copy() for view in views())
    page = pair_page(holds, pictures, name="x", model="raw")
    assert facts_of(page)["Pictures"] == f"two views of 40\u00d730 pixels, {words}"


def test_only_the_profile_of_the_metadata_is_in_the_pictures():
    metadata = Metadata(icc_profile=exchanging_profile(), exif=b"MM\x00*\x00\x00\x00\x08\x00\x00")
    for _, image in pictures(page_of_pair(metadata=metadata)):
        assert image.info["icc_profile"] == exchanging_profile()
        assert "exif" not in image.info
    assert data_of(page_of_pair(metadata=metadata))["profile"] is True
    assert "icc_profile" not in pictures(page_of_pair())[0][1].info
    profiles = [
        image.info.get("icc_profile")
        for _, image in pictures(page_of_pair(metadata=metadata, original=original_pair()))
    ]
    assert profiles == [exchanging_profile()] * 2 + [None] * 2  # originals have their own


def test_an_original_of_another_size_is_refused():
    other = as_pair(*(to_picture(noise(seed, 20, 40), "view") for seed in (1, 2)))
    with pytest.raises(InvalidInput, match=r"the original is 40x20, and the file holds 40x30: give the pictures"):
        page_of_pair(original=other)


def test_a_turned_original_is_compared_as_it_is_shown():
    turned = [np.ascontiguousarray(np.rot90(view)) for view in originals()]  # which orientation 6 turns back
    pair = as_pair(*(Picture(pixels, orientation=6) for pixels in turned))
    page = page_of_pair(original=pair)
    assert np.array_equal(np.asarray(pictures(page)[2][1].convert("RGB")), originals()[0])


def test_large_pictures_are_scaled_down_and_the_page_says_so():
    page = page_of_pair(original=original_pair(), max_side=20)
    assert [image.size for _, image in pictures(page)] == [(20, 15)] * 4
    assert data_of(page)["size"] == [20, 15]
    assert facts_of(page)["In this page"] == "20\u00d715 pixels, scaled down to sides of at most 20"
    assert "40\u00d730" in facts_of(page)["Pictures"]
    assert "In this page" not in facts_of(page_of_pair(max_side=40))
    small = data_of(page_of_frame(max_side=20))
    samples = scaled_down(depth_samples(), 20)
    assert np.array_equal(unpacked(small["depth"]["maps"][0], small["size"][::-1]), samples)
    assert set(samples.ravel()) <= set(depth_samples().ravel())


def test_grey_pictures_stay_grey():
    grey = tuple(view[..., 0].copy() for view in views())
    (_, left), _ = pictures(page_of_pair(pair=grey))
    assert (left.format, left.mode) == ("PNG", "L")
    assert np.array_equal(np.asarray(left), grey[0])
    same = as_pair(*(to_picture(view, "view") for view in grey))
    profile = Metadata(icc_profile=grey_profile(1.8))
    page = page_of_pair(pair=grey, metadata=profile, original=replace(same, metadata=profile))
    for _, image in pictures(page):
        assert (image.mode, image.info["icc_profile"]) == ("L", profile.icc_profile)
    picture = replace(same.left, metadata=profile)
    depth = DepthMap(depth_samples(), 0.001)
    page = frame_page(depth_container(), grey[0], depth, name="x", model="raw", original=(picture, depth))
    assert [image.mode for _, image in pictures(page)] == ["L", "L"]
    assert facts_of(page_of_pair(pair=grey, original=same))["PSNR"] == "left no difference, right no difference"


def test_what_webp_cannot_hold_is_png():
    wide = np.zeros((1, 16384, 3), np.uint8)
    assert data_uri(wide, None).startswith("data:image/png;")
    assert data_uri(wide[:, 1:], None).startswith("data:image/webp;")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_depth_is_whole(dtype):
    samples = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (7, 9), dtype=dtype, endpoint=True)
    assert np.array_equal(unpacked(packed_samples(samples), (7, 9)), samples)


def test_the_page_of_colour_with_depth():
    page = page_of_frame(original=True)
    depth = data_of(page)["depth"]
    assert (depth["metresPerStep"], depth["invalid"], depth["inverse"]) == (0.001, 0, False)
    decoded, before = (unpacked(text, (HEIGHT, WIDTH)) for text in depth["maps"])
    assert np.array_equal(decoded, depth_samples())
    assert set((before.astype(int) - decoded).ravel()) == {0, 100}
    facts = facts_of(page)
    assert facts["Pictures"] == "colour and depth of 40\u00d730 pixels, RGB"
    assert facts["Depth"] == "16 bits of 0.001 m, 1.001 to 2.199 m coded linear"
    assert facts["Errors of depth"] == "RMSE 100.00 mm, largest 100.00 mm"
    assert facts["PSNR of colour"] == f"{psnr(originals()[0], views()[0]):.2f} dB"
    assert [kind for kind, _ in pictures(page)] == ["decoded", "original"]
    assert data_of(page_of_frame(mode=DepthMode.INVERSE))["depth"]["inverse"] is True


def test_a_turned_original_frame_is_compared_as_it_is_shown():
    colour, samples = (np.ascontiguousarray(np.rot90(array)) for array in (views()[0], depth_samples()))
    original = Picture(colour, orientation=6), DepthMap(samples, 0.001)
    depth = DepthMap(depth_samples(), 0.001)
    page = frame_page(depth_container(), views()[0], depth, name="x", model="raw", original=original)
    assert facts_of(page)["Errors of depth"] == "RMSE 0.00 mm, largest 0.00 mm"
    assert facts_of(page)["PSNR of colour"] == "no difference"


def test_both_pages_are_public():
    assert {pair_page.__module__, frame_page.__module__} == {"stereocodec.viewer.page"}
