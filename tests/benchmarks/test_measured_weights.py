"""Pictures and tables of the pages are those of the weights that are built in, or say that they are not."""

from __future__ import annotations

import re

import pytest
from conftest import REPOSITORY
from picture_notes import KEY, save_noted
from PIL import Image

from stereocodec.releases.folders import built_in_names, find_release, model_id_of

SHIPPED = {name: model_id_of(find_release(name)).hex() for name in built_in_names()}
PRESENT = ("rate-distortion", "blocks", "out-of-distribution", "speed")
"""Blocks that are measured anew with every release: what README.md and the pages lean on."""
WITHOUT_WEIGHTS = (
    "batch-speed",
    "depth",
    "picture-memory",
    "ray-scaling",
    "startup",
    "complexity",
    "published-speed",
    "published-sizes",
    "starts",
    "pair-checks",
)
LABEL = "Measured with former weights."
UNMEASURED = "Not measured with the present weights."
PAGES = ("benchmarks", "effort", "models", "rgbd", "training-log")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def page(name):
    return (REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(text):
    """What stands directly before each marked block, and the block, by its name."""
    found = re.findall(r"([^\n]*)\n+<!-- begin: ([\w-]+) -->\n(.*?)\n<!-- end: \2 -->", text, re.S)
    return {name: (before, block) for before, name, block in found}


BLOCKS = {name: found for page_name in PAGES for name, found in blocks(page(page_name)).items()}


@pytest.mark.parametrize("name", ["comparison", "rate-distortion"])
def test_pictures_of_the_readme_show_the_built_in_weights(name):
    assert f"](docs/images/{name}.png)" in README
    with Image.open(REPOSITORY / "docs" / "images" / f"{name}.png") as picture:
        picture.load()
        assert picture.info[KEY] == f"Weights bisic-rt ({SHIPPED['bisic-rt']})"


def test_a_picture_says_what_it_shows_and_keeps_its_pixels(tmp_path):
    picture = Image.linear_gradient("L")
    save_noted(picture, tmp_path / "a.png", "mine", "0123456789ab")
    with Image.open(tmp_path / "a.png") as again:
        again.load()
        assert again.tobytes() == picture.tobytes()
        assert again.info[KEY] == "Weights mine (0123456789ab)"


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_a_table_of_other_weights_is_labelled_and_no_other_is(name):
    before, block = BLOCKS[name]
    if name in WITHOUT_WEIGHTS:
        assert not re.search(r"`(?:bisic-rt|rgbd-rooms)` \(?[0-9a-f]{12}", block)
        return
    if block == UNMEASURED:
        return
    ids = set(re.findall(r"\b[0-9a-f]{12}\b", block))
    assert len(ids) == 1
    is_present = ids <= set(SHIPPED.values())
    assert (before == LABEL) is not is_present
    assert is_present or name not in PRESENT


def means(metric):
    """Mean BD-rates in per cent by the codecs' titles."""
    table = BLOCKS["rate-distortion"][1].split(f"| BD-rate, {metric}, % |")[1].split("\n\n")[0]
    return {
        title: float(mean) for title, mean in re.findall(r"^\| ([^|]+) \| \d+ \| \*\*([+-][\d.]+)\*\* \|", table, re.M)
    }


def test_rates_of_the_readme_are_those_of_the_table():
    measured = means("PSNR")
    titles, _, percents = re.findall(r"^\|.*\|$", README, re.M)[:3]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (titles, percents)]
    assert len(cells[0]) > 5
    for title, percent in zip(*cells, strict=True):
        wanted = title if title in measured else {"AV1, two frames": f"{title} (libaom)"}.get(title, f"{title} (x265)")
        mean = measured[wanted]
        assert percent == f"{mean:+.0f} %", title


def test_times_and_memory_of_the_readme_are_those_of_the_table():
    block = BLOCKS["speed"][1]
    encode, decode = (
        re.findall(rf"^\| {part} \| total \|.*\*\*([\d.]+) s\*\* \|$", block, re.M)[0] for part in ("encode", "decode")
    )
    (peak,) = re.findall(r"`bisic encode --no-verify` \| (\d+) MB", block)
    text = " ".join(README.split())
    told = re.findall(
        r"A (\d+x\d+) pair takes ([\d.]+) s to encode and ([\d.]+) s to decode on two CPU cores.*? and ([\d.]+) GB",
        text,
    )
    assert told == [("1024x832", f"{float(encode):.1f}", f"{float(decode):.1f}", f"{int(peak) / 1000:.1f}")]
    assert f"pair of {told[0][0]} at quality" in block


def test_the_readme_tells_how_large_the_weights_are():
    (megabytes,) = re.findall(r"The weights, [^.]*, take (\d+) MB", " ".join(README.split()))
    assert int(megabytes) == round((find_release("bisic-rt") / "model.safetensors").stat().st_size / 1e6)
