"""One page that shows what a `.bsc` file holds, for any browser and without a network."""

from .page import DEFAULT_MAX_SIDE, frame_page, pair_page

__all__ = ["DEFAULT_MAX_SIDE", "frame_page", "pair_page"]
