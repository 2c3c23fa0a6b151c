"""Names and metadata that would like to be more than text on the page of `bisic view`."""

from __future__ import annotations

import re
from html import unescape

import pytest
from viewer_pages import page_facts, page_of_pair

from stereocodec.container import Metadata


@pytest.mark.parametrize("name", ["</title><script>alert(1)</script>.bsc", "a\"b'c&d.bsc", "$title $$ ${data}.bsc"])
def test_names_are_text(name):
    page = page_of_pair(name=name).decode()
    assert unescape(re.search(r"<title>(.*?)</title>", page)[1]) == name
    assert page.count("<script") == 2
    assert page_facts(page)["File"] == name


@pytest.mark.parametrize(
    ("calibration", "shown"),
    [
        ({"left": [], "baseline": True}, "2 other entries"),
        ({"left": {"focal_length": []}, "field_of_view": "</dd><script>"}, "1 other entry"),
        ({"disparity_adjustment": [1], "</dd><script>": 1}, "2 other entries"),
    ],
)
def test_calibration_of_other_kinds_is_counted(calibration, shown):
    page = page_of_pair(metadata=Metadata(calibration=calibration)).decode()
    assert page_facts(page)["Camera"] == shown
    assert page.count("<script") == 2


def test_what_is_no_profile_is_left_to_the_browser():
    assert page_of_pair(metadata=Metadata(icc_profile=b"no profile")).startswith(b"<!DOCTYPE html>")
