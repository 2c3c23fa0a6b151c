"""What opening one file with both views costs beyond decoding its pictures.

    python benchmarks/open_pair.py

Files of each form are made of the sample pair; HEIC and films need the extras `stereocodec[heif,video]`. Pillow,
NumPy or PyAV alone decodes the pictures of a file into arrays, and `open_pair` reads the file as a pair, in turn; the
least of several processor times is the one that other work disturbed least.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from markdown_tables import machine, publish, table
from PIL import Image
from pillow_heif import register_heif_opener

from stereocodec import open_pair
from stereocodec.container.layouts import MPO_LAYOUT, Layout
from stereocodec.pictures.jps import jps_segment
from stereocodec.pictures.packed import join

REPOSITORY = Path(__file__).parent.parent
sys.path += [str(REPOSITORY / "tools"), str(REPOSITORY / "tests")]

from mpo_files import jpeg  # noqa: E402
from spatial_photo import spatial_photo  # noqa: E402
from vr_photos import vr_photo  # noqa: E402

SAMPLE = REPOSITORY / "docs" / "sample"
QUALITY = 95


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    register_heif_opener()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(*file, arguments.repeats) for file in files(Path(folder))]
    text = (
        f"The sample pair, two views of 960x640, JPEG of quality {QUALITY}, the film in H.264. "
        f"{machine('pillow', 'pillow-heif', 'numpy', 'av')}."
    )
    report = table(["file", "decoded alone", "`open_pair`", "ratio"], rows)
    publish(f"{text}\n\n{report}", "open-pair", arguments.markdown)


Decode = Callable[[Path], object]


def files(folder: Path) -> list[tuple[Path, str, str | None, Decode]]:
    """Files of the sample pair with what they are, the layout that they need, and what decodes them."""
    left, right = (np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB")) for view in ("left", "right"))
    first, second = (Image.fromarray(view) for view in (left, right))
    paths = [folder / name for name in ("pair.mpo", "pair.jps", "sbs.jpg", "sbs.png", "pair.npz", "sbs.mp4")]
    first.save(paths[0], "MPO", save_all=True, append_images=[second], quality=QUALITY)
    crossed, parallel = (Image.fromarray(join(left, right, layout)) for layout in (Layout.SBS_CROSS, Layout.SBS))
    crossed.save(paths[1], "JPEG", quality=QUALITY, extra=jps_segment(Layout.SBS_CROSS))
    parallel.save(paths[2], quality=QUALITY)
    parallel.save(paths[3])
    np.savez_compressed(paths[4], left=left, right=right)
    write_film(paths[5], np.asarray(parallel))
    names = ("MPO", "JPS", "JPEG side by side", "PNG side by side", "`.npz`, compressed", "frame 0 of a film")
    layouts = (MPO_LAYOUT, None, "sbs", "sbs", None, "sbs")
    made = list(zip(paths, names, layouts, (decoded,) * 4 + (decoded_arrays, decoded_frame), strict=True))
    spatial, panorama = folder / "pair.heic", folder / "pair.vr.jpg"
    spatial.write_bytes(spatial_photo(first, second, baseline=0.064, field_of_view=60, quality=QUALITY))
    views = [jpeg(view, QUALITY) for view in (first, second)]
    panorama.write_bytes(vr_photo(*views))
    return [*made, (spatial, "HEIC", None, decoded), (panorama, "VR photo", None, lambda _: decoded_alone(views))]


def write_film(path: Path, picture: np.ndarray) -> None:
    """A film of one frame."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = picture.shape[:2]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def measured(path: Path, form: str, layout: str | None, decode: Decode, repeats: int) -> list[str]:
    """A row of the table."""
    alone, read = [], []
    for _ in range(repeats):
        alone.append(seconds(lambda: decode(path)))
        read.append(seconds(lambda: open_pair(path, layout=layout)))
    return [form, f"{1000 * min(alone):.1f} ms", f"{1000 * min(read):.1f} ms", f"{min(read) / min(alone):.2f}"]


def decoded(path: Path) -> None:
    """All pictures of a file as arrays, as Pillow decodes them."""
    with Image.open(path) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            np.asarray(image.convert("RGB"))


def decoded_alone(pictures: list[bytes]) -> None:
    """Pictures of which each is a file."""
    for data in pictures:
        np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decoded_arrays(path: Path) -> None:
    """All arrays of an archive."""
    with np.load(path) as archive:
        for name in archive.files:
            archive[name]


def decoded_frame(path: Path) -> None:
    """The first frame of a film as an array, as PyAV decodes it."""
    with av.open(path) as container:
        next(container.decode(video=0)).to_ndarray(format="rgb24")


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
