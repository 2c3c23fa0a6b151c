"""Warnings of this package, collected as lines."""

import warnings

from stereocodec.errors import MetadataLeftOut, UnlikelyPair
from stereocodec.noted import noted


def test_each_line_of_this_package_is_noted_once_and_in_order():
    with noted() as lines:
        for category, line in ((UnlikelyPair, "b"), (UserWarning, "c"), (MetadataLeftOut, "a"), (UnlikelyPair, "b")):
            warnings.warn(line, category, stacklevel=1)
    assert lines == ["b", "a"]
