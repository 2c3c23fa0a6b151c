"""Writes the golden files: crops of the sample pair and a frame with depth, coded with the built-in releases.

    python tests/golden/make_golden.py

To be run when the built-in weights change, and only then: a change of the code under which the committed files decode
to other latents breaks everybody's files. `golden.json` names for each file the release, the checksum that the file
holds of each band, the sha256 of all decoded latents, and the PSNR of the pictures; of depth the root of the mean
square error.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from banded import encoded_in_bands, trace_of  # noqa: E402
from conftest import sample_crop  # noqa: E402
from rgbd_frames import frame  # noqa: E402

from stereocodec import RgbdCodec, StereoCodec  # noqa: E402
from stereocodec.container import Container  # noqa: E402
from stereocodec.pictures.depth import depth_errors, to_depth_map  # noqa: E402
from stereocodec.pictures.rgb import psnr  # noqa: E402

# height, width, top and left of the crop, and the quality
PICTURES = {
    "still-life.bsc": {"crop": [192, 256, 300, 380], "quality": 40},
    "odd-size.bsc": {"crop": [77, 133, 200, 120], "quality": 85},
    "bands.bsc": {"crop": [300, 224, 250, 300], "quality": 30, "bands": 2},
}
FRAMES = {
    "frame-linear.bsc": ("rgbd-rooms", {"depth_mode": "linear"}),
    "frame-inverse.bsc": ("rgbd-rooms", {"depth_mode": "inverse"}),
    "frame-bounded.bsc": ("bisic-rt", {"depth_max_error": "0.2%", "quality": 60}),
}


def main() -> None:
    """Codes the pictures and describes the files."""
    golden = {name: coded_pair(name, picture) for name, picture in PICTURES.items()}
    golden |= {name: coded_frame(name, *frame) for name, frame in FRAMES.items()}
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=2) + "\n", encoding="utf-8")


def coded_pair(name: str, picture: dict[str, Any]) -> dict[str, Any]:
    """Writes a pair's file; what it decodes to."""
    codec = StereoCodec.from_pretrained(device="cpu")
    pair = sample_crop(*picture["crop"])
    data = encoded_in_bands(codec, pair, picture.get("bands", 1), quality=picture["quality"]).to_bytes()
    decoded = codec.decompress(data, output="numpy")
    levels = [round(psnr(view, shown), 2) for view, shown in zip(pair, decoded, strict=True)]
    return picture | written(name, codec, data) | {"psnr": levels}


def coded_frame(name: str, model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Writes a frame's file; what it decodes to, of depth within a bound also the sha256 of the samples."""
    codec = RgbdCodec.from_pretrained(model, device="cpu")
    color, depth = frame()
    data = codec.compress(color, depth, **settings)
    shown, decoded = codec.decode(data)
    error, _ = depth_errors(to_depth_map(depth, "depth"), decoded)
    levels: dict[str, Any] = {"psnr": round(psnr(color, shown), 2), "depth_rmse_mm": round(error, 2)}
    if "depth_max_error" in settings:
        levels["depth_sha256"] = hashlib.sha256(decoded.samples.astype("<u2").tobytes()).hexdigest()
    return settings | written(name, codec, data) | levels


def written(name: str, codec: StereoCodec | RgbdCodec, data: bytes) -> dict[str, Any]:
    """Writes a file; what identifies its contents."""
    (FOLDER / name).write_bytes(data)
    bands = Container.from_bytes(data).bands
    return {
        "bytes": len(data),
        "model_id": codec.model_id.hex(),
        "latent_checksums": [band.latent_checksum for band in bands],
        "latents_sha256": trace_of(codec, data).digest(),
    }


if __name__ == "__main__":
    main()
