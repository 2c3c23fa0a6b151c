"""One window of Chromium for all tests of the page, and the pages."""

from __future__ import annotations

import pytest
from browser import chromium
from viewer_pages import original_pair, page_of_frame, page_of_pair, views, with_profile
from viewer_window import SIZES

from stereocodec.container import Layout, Metadata
from stereocodec.container.depth import DepthMode


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as window:
        yield window


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The paths of the pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    contents = {
        "pair": page_of_pair(original=original_pair()),
        "alone": page_of_pair(),
        "half": page_of_pair(metadata=Metadata(layout=Layout.HALF_SBS)),
        "grey": page_of_pair(pair=tuple(view[..., 0].copy() for view in views())),
        "profile": with_profile(),
        "odd-name": page_of_pair(name="<script>document.title='x'</script>&\"'.bsc"),
        "frame": page_of_frame(original=True),
        "inverse": page_of_frame(mode=DepthMode.INVERSE),
    }
    for name, content in contents.items():
        (folder / f"{name}.html").write_bytes(content)
    return {name: folder / f"{name}.html" for name in contents}


@pytest.fixture
def open_page(window, pages):
    """Opens a page; afterwards it must have complained of nothing, and asked for nothing but itself."""

    def open_page(name, size="desk"):
        window.resize(**SIZES[size])
        window.open(pages[name])
        return window

    yield open_page
    assert window.console() == []
    asked = {address for address in window.requests() if not address.startswith("chrome")}
    assert asked <= {"data:image"} | {path.as_uri() for path in pages.values()}
