"""What opening one file with both views costs beyond decoding its pictures.

    python benchmarks/open_pair.py

Files of each form are made of the sample pair; HEIC needs the extra `stereocodec[heif]`. Pillow decodes the pictures of
a file into arrays, and `open_pair` reads the file as a pair, in turn; the least of several processor times is the one
that other work disturbed least.
"""

from __future__ import annotations

import argparse
import sys
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

REPOSITORY = Path(__file__).parent.parent
sys.path += [str(REPOSITORY / "tools"), str(REPOSITORY / "tests")]

from spatial_photo import spatial_photo  # noqa: E402
from vr_photos import jpeg, vr_photo  # noqa: E402

SAMPLE = REPOSITORY / "docs" / "sample"
QUALITY = 95


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    from pillow_heif import register_heif_opener

    register_heif_opener()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(*file, arguments.repeats) for file in files(Path(folder))]
    versions = machine("pillow", "pillow-heif", "numpy")
    text = f"The sample pair, two views of 960x640, JPEG of quality {QUALITY}. {versions}."
    report = table(["file", "Pillow", "`open_pair`", "ratio"], rows)
    publish(f"{text}\n\n{report}", "open-pair", arguments.markdown)


def files(folder: Path) -> list[tuple[Path, str, str | None, list[Path]]]:
    """Files of the sample pair with what they are, the layout that they need, and files with the same pictures."""
    left, right = (np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB")) for view in ("left", "right"))
    first, second = (Image.fromarray(view) for view in (left, right))
    paths = [folder / name for name in ("pair.mpo", "pair.jps", "sbs.jpg", "sbs.png")]
    first.save(paths[0], "MPO", save_all=True, append_images=[second], quality=QUALITY)
    crossed, parallel = (Image.fromarray(join(left, right, layout)) for layout in (Layout.SBS_CROSS, Layout.SBS))
    crossed.save(paths[1], "JPEG", quality=QUALITY, extra=jps_segment(Layout.SBS_CROSS))
    parallel.save(paths[2], quality=QUALITY)
    parallel.save(paths[3])
    names = ("MPO", "JPS", "JPEG side by side", "PNG side by side")
    made = [(path, *told, [path]) for path, *told in zip(paths, names, (MPO_LAYOUT, None, "sbs", "sbs"), strict=True)]
    spatial, panorama = folder / "pair.heic", folder / "pair.vr.jpg"
    spatial.write_bytes(spatial_photo(first, second, baseline=0.064, field_of_view=60, quality=QUALITY))
    views = [jpeg(view, QUALITY) for view in (first, second)]
    panorama.write_bytes(vr_photo(*views))
    alone = [folder / f"{number}.jpg" for number in range(2)]
    for path, view in zip(alone, views, strict=True):
        path.write_bytes(view)
    return [*made, (spatial, "HEIC", None, [spatial]), (panorama, "VR photo", None, alone)]


def measured(path: Path, form: str, layout: str | None, pictures: list[Path], repeats: int) -> list[str]:
    """A row of the table."""
    decode, read = [], []
    for _ in range(repeats):
        decode.append(seconds(lambda: [decoded(picture) for picture in pictures]))
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
