"""What opening one file with both views costs beyond decoding its pictures.

    python benchmarks/open_pair.py

Files of each form are made of the sample pair. Pillow decodes the pictures of a file into arrays, and `open_pair`
reads the file as a pair, in turn; the least of several processor times is the one that other work disturbed least.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from markdown_tables import machine, publish, table
from PIL import Image

from stereocodec import open_pair
from stereocodec.container.layouts import MPO_LAYOUT, Layout
from stereocodec.pictures.jps import jps_segment
from stereocodec.pictures.packed import join

SAMPLE = Path(__file__).parent.parent / "docs" / "sample"
QUALITY = 95


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(path, form, layout, arguments.repeats) for path, form, layout in files(Path(folder))]
    text = f"The sample pair, two views of 960x640, JPEG of quality {QUALITY}. {machine('pillow', 'numpy')}."
    report = table(["file", "Pillow", "`open_pair`", "ratio"], rows)
    publish(f"{text}\n\n{report}", "open-pair", arguments.markdown)


def files(folder: Path) -> list[tuple[Path, str, str | None]]:
    """Files of the sample pair with what they are and the layout that they need."""
    left, right = (np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB")) for view in ("left", "right"))
    first, second = (Image.fromarray(view) for view in (left, right))
    paths = [folder / name for name in ("pair.mpo", "pair.jps", "sbs.jpg", "sbs.png")]
    first.save(paths[0], "MPO", save_all=True, append_images=[second], quality=QUALITY)
    crossed, parallel = (Image.fromarray(join(left, right, layout)) for layout in (Layout.SBS_CROSS, Layout.SBS))
    crossed.save(paths[1], "JPEG", quality=QUALITY, extra=jps_segment(Layout.SBS_CROSS))
    parallel.save(paths[2], quality=QUALITY)
    parallel.save(paths[3])
    names = ("MPO", "JPS", "JPEG side by side", "PNG side by side")
    return list(zip(paths, names, (MPO_LAYOUT, None, "sbs", "sbs"), strict=True))


def measured(path: Path, form: str, layout: str | None, repeats: int) -> list[str]:
    """A row of the table."""
    decode, read = [], []
    for _ in range(repeats):
        decode.append(seconds(lambda: decoded(path)))
        read.append(seconds(lambda: open_pair(path, layout=layout)))
    return [form, f"{1000 * min(decode):.1f} ms", f"{1000 * min(read):.1f} ms", f"{min(read) / min(decode):.2f}"]


def decoded(path: Path) -> None:
    """All pictures of a file as arrays, as Pillow decodes them."""
    with Image.open(path) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            np.asarray(image.convert("RGB"))


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
