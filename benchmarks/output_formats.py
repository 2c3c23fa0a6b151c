"""Bytes and losses of the formats in which `bisic decode` writes views.

    python benchmarks/output_formats.py

Both views of the sample pair are written in every format, at the default quality where it has one, and read back. The
PSNR is over all samples of both.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from markdown_tables import machine, publish, table
from PIL import Image

from stereocodec.pictures.encoding import encode_picture
from stereocodec.pictures.formats import DEFAULT_QUALITY, FORMATS, PictureFormat
from stereocodec.pictures.rgb import psnr

SAMPLE = Path(__file__).parent.parent / "docs" / "sample"


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    views = np.stack([np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB")) for view in ("left", "right")])
    rows = [measured(views, form) for form in FORMATS.values()]
    text = f"Both views of the sample pair, 960x640 each. {machine('pillow', 'numpy')}."
    publish(f"{text}\n\n{table(['format', 'bytes', 'PSNR'], rows)}", "output-formats", arguments.markdown)


def measured(views: np.ndarray, form: PictureFormat) -> list[str]:
    """A row of the table."""
    files = [encode_picture(view, form, "view").data for view in views]
    read = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in files])
    name = f"{form.name}, quality {DEFAULT_QUALITY}" if form.lossy else form.name
    loss = psnr(views, read)
    return [name, f"{sum(map(len, files)):,}", "lossless" if np.isinf(loss) else f"{loss:.2f} dB"]


if __name__ == "__main__":
    main()
