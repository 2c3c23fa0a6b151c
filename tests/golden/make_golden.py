"""Writes the golden files: two crops of the sample pair, coded with the built-in release, and what they decode to.

    python tests/golden/make_golden.py

To be run when the built-in weights change, and only then: a change of the code under which the committed files decode
to other latents breaks everybody's files. `golden.json` names for each file the release, the checksum that the file
holds, the sha256 of all decoded latents, and the PSNR of both views.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from conftest import sample_crop  # noqa: E402
from tracing import traced_decode  # noqa: E402

from stereocodec.codec import StereoCodec  # noqa: E402
from stereocodec.container import Container  # noqa: E402
from stereocodec.images import psnr  # noqa: E402

# height, width, top and left of the crop, and the quality
PICTURES = {
    "still-life.bsc": {"crop": [192, 256, 300, 380], "quality": 40},
    "odd-size.bsc": {"crop": [77, 133, 200, 120], "quality": 85},
}


def main() -> None:
    """Codes the pictures and describes the files."""
    codec = StereoCodec.from_pretrained(device="cpu")
    golden = {}
    for name, picture in PICTURES.items():
        pair = sample_crop(*picture["crop"])
        data = codec.compress(*pair, quality=picture["quality"])
        trace = traced_decode(codec, data)
        decoded = codec.decompress(data, output="numpy")
        (FOLDER / name).write_bytes(data)
        golden[name] = picture | {
            "bytes": len(data),
            "model_id": codec.model_id.hex(),
            "latent_checksum": Container.from_bytes(data).latent_checksum,
            "latents_sha256": trace.digest(),
            "psnr": [round(psnr(view, shown), 2) for view, shown in zip(pair, decoded, strict=True)],
        }
        print(name, json.dumps(golden[name]))
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
