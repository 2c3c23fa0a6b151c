"""Sphinx settings; `python -m sphinx -W -b html docs build/docs` builds the pages."""

from __future__ import annotations

from stereocodec import __version__

project = "stereocodec"
author = "the stereocodec developers"
release = version = __version__
extensions = ["myst_parser"]
exclude_patterns = ["sample"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"stereocodec {release}"
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r"https://doi\.org/10\.1145/"]  # leads to a publisher that turns programs away
