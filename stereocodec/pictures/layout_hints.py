"""What to say of one picture that does not tell how it holds two views: what its name and its halves suggest.

Nothing of it is followed: a name may mean something else, and a picture without a pair in it has halves, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..container.layouts import Layout
from .packed import split
from .picture import Picture
from .source import PairSource
from .view_match import match_views

_NAMES = {"sbs": "sbs", "lr": "sbs", "rl": "sbs-cross", "tb": "tb", "ou": "tb"}
_HALF_NAMES = {"hsbs": "sbs", "htb": "tb", "hou": "tb"}
_CROSSED_WORDS = ("cross", "crossed", "crosseye", "crosseyed")
# Widths of views for a height of 1 beyond which people have not taken many photographs: they were squeezed.
_NARROW, _WIDE = 0.95, 2.4


def which_layout(picture: Picture, source: PairSource) -> str:
    """What is seen of a picture, and which `layout` it takes to read it as a pair, in one line."""
    picture = picture.upright()
    height, width = picture.pixels.shape[:2]
    size = f"{width}x{height} ({width / height:.2f}:1)"
    what = f"{source.name} is one picture of {size} that does not say how it holds two views"
    if width % 2 and height % 2:
        return f"{what}: both sides are odd, so that it has no halves of one size, crop it"
    measured = [_measured(picture, layout) for layout in (Layout.SBS, Layout.TB)]
    alike = [layout for layout, is_alike in measured if is_alike]
    possible = alike or [layout for layout, is_alike in measured if is_alike is None]
    named = None if source.path is None else layout_in_name(source.path.stem)
    if named is not None and any(named.beside == layout.beside for layout in possible):
        doubt = "" if named.exchanged.full not in alike else ", though its views look exchanged"
        options = [(named.value, named.words)]
        return f"{what}, but looks like {named.value} by its name{doubt}: give {_choice(options)}"
    if not possible:
        return (
            f"{what}, and its halves do not look like views of one scene: name the file of the other view, too, "
            "or say how with --layout"
        )
    options = [option for layout in possible for option in _options(layout, width, height)]
    if alike:
        return f"{what}, but its halves look like the two views of one scene: give {_choice(options)}"
    return f"{what}: give {_choice(options)}, or the same with -cross behind it if the right view comes first"


def layout_in_name(stem: str) -> Layout | None:
    """The layout that a file's name, without its suffix, speaks of: _SBS, .hou, -half-tb and so on; None if none."""
    words = [word for word in re.split(r"[^a-z0-9]+", stem.lower()) if word]
    found = None
    for before, word in zip(["", *words], words, strict=False):
        if word in _HALF_NAMES or (before == "half" and word in _NAMES):
            found = Layout(f"half-{_HALF_NAMES.get(word) or _NAMES[word]}")
        elif word in _NAMES:
            found = Layout(_NAMES[word])
    is_crossed = any(word in _CROSSED_WORDS for word in words)
    return found.exchanged if found is not None and is_crossed and not found.crossed else found


def _measured(picture: Picture, layout: Layout) -> tuple[Layout, bool | None]:
    """The layout, crossed if its views look exchanged, and whether they look like views; None where little tells."""
    height, width = picture.pixels.shape[:2]
    if (width if layout.beside else height) % 2:
        return layout, False
    match = match_views(*(view.pixels for view in split(picture, layout, "")))
    if not match.is_known:
        return layout, None
    return layout.exchanged if match.looks_exchanged else layout, match.found > 0.2


def _options(layout: Layout, width: int, height: int) -> list[tuple[str, str]]:
    """Names of layouts of one kind that may be meant, with what they make of a picture."""
    if layout.beside:
        width //= 2
    else:
        height //= 2
    options = [(layout.value, f"two of {width}x{height}")]
    is_squeezed = width < _NARROW * height if layout.beside else width > _WIDE * height
    return [*options, (f"half-{layout.value}", "if they look squeezed")] if is_squeezed else options


def _choice(options: Sequence[tuple[str, str]]) -> str:
    first, *others = [f"{name} ({meaning})" for name, meaning in options]
    return " or ".join([f"--layout {first}", *others]) + f", in Python layout={options[0][0]!r}"
