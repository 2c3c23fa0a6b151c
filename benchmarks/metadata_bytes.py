"""What metadata add to a `.bsc` file, in bytes.

    python benchmarks/metadata_bytes.py [PICTURE ...]

Without pictures: of one with the Exif data that a camera writes (those tags that Exif 3.0 recommends for photographs,
the place, and a thumbnail of 160x120 pixels of the sample pair, without a maker's note), the sRGB profile that Pillow
makes, which holds the present time, and a calibration such as `docs/format.md` describes.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

from markdown_tables import table
from PIL import ExifTags, Image, ImageCms

from stereocodec import Metadata
from stereocodec.container.chunks import write_chunks
from stereocodec.container.metadata import EXIF_MARK
from stereocodec.pictures.exif import kept_exif
from stereocodec.pictures.pil import load_picture

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "left.png"
NAMES = {"ICCP": "ICC profile", "EXIF": "Exif", "XMP_": "XMP", "CALB": "calibration"}
CAMERA = {"focal_length": [1733.74, 1733.74], "principal_point": [792.27, 541.89]}
CALIBRATION = {"size": [1920, 1080], "left": CAMERA, "right": CAMERA, "baseline": 0.53662, "disparities": [55, 142]}
_BASE, _GPS = ExifTags.Base, ExifTags.GPS
_DATE = "2026:11:29 11:04:05"
PICTURE_TAGS = {
    _BASE.Make: "FUJIFILM",
    _BASE.Model: "FinePix REAL 3D W3",
    _BASE.Orientation: 1,
    _BASE.XResolution: 72.0,
    _BASE.YResolution: 72.0,
    _BASE.ResolutionUnit: 2,
    _BASE.Software: "Digital Camera FinePix REAL 3D W3 Ver1.00",
    _BASE.DateTime: _DATE,
    _BASE.YCbCrPositioning: 2,
    _BASE.Copyright: " " * 10,
}
PHOTOGRAPH_TAGS = {
    _BASE.ExposureTime: 1 / 320,
    _BASE.FNumber: 5.6,
    _BASE.ExposureProgram: 2,
    _BASE.ISOSpeedRatings: 200,
    _BASE.ExifVersion: b"0300",
    _BASE.DateTimeOriginal: _DATE,
    _BASE.DateTimeDigitized: _DATE,
    _BASE.OffsetTime: "+01:00",
    _BASE.ComponentsConfiguration: b"\1\2\3\0",
    _BASE.ShutterSpeedValue: 8.33,
    _BASE.ApertureValue: 4.97,
    _BASE.BrightnessValue: 8.91,
    _BASE.ExposureBiasValue: 0.0,
    _BASE.MaxApertureValue: 3.8,
    _BASE.MeteringMode: 5,
    _BASE.LightSource: 0,
    _BASE.Flash: 16,
    _BASE.FocalLength: 6.3,
    _BASE.FlashPixVersion: b"0100",
    _BASE.ColorSpace: 1,
    _BASE.ExifImageWidth: 3584,
    _BASE.ExifImageHeight: 2016,
    _BASE.FileSource: b"\3",
    _BASE.SceneType: b"\1",
    _BASE.ExposureMode: 0,
    _BASE.WhiteBalance: 0,
    _BASE.SceneCaptureType: 0,
    _BASE.LensModel: "FUJINON 3x OPTICAL ZOOM LENS",
}
PLACE_TAGS = {
    _GPS.GPSVersionID: b"\2\3\0\0",
    _GPS.GPSLatitudeRef: "N",
    _GPS.GPSLatitude: (48.0, 8.0, 14.35),
    _GPS.GPSLongitudeRef: "E",
    _GPS.GPSLongitude: (11.0, 34.0, 31.76),
    _GPS.GPSDateStamp: "2026:11:29",
}


def main() -> None:
    """Prints a table for each picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", metavar="PICTURE", nargs="*", type=Path)
    pictures = parser.parse_args().pictures
    for path in pictures:
        report(str(path), load_picture(path).metadata, {})
    if not pictures:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        exif = camera_exif()
        metadata = Metadata(profile, kept_exif(exif), calibration=CALIBRATION)
        report("a camera's picture", metadata, {"EXIF": len(exif)})


def camera_exif() -> bytes:
    """From the TIFF header on."""
    exif = Image.Exif()
    exif.update(PICTURE_TAGS)
    exif[ExifTags.IFD.Exif], exif[ExifTags.IFD.GPSInfo] = PHOTOGRAPH_TAGS, PLACE_TAGS
    data = bytearray(exif.tobytes().removeprefix(EXIF_MARK))
    order = "little" if data[:2] == b"II" else "big"
    first = int.from_bytes(data[4:8], order)
    link = first + 2 + 12 * int.from_bytes(data[first : first + 2], order)
    data[link : link + 4] = len(data).to_bytes(4, order)
    with Image.open(SAMPLE) as picture:
        thumbnail = io.BytesIO()
        picture.convert("RGB").resize((160, 120)).save(thumbnail, "JPEG", quality=85)
    length, start = len(thumbnail.getvalue()), len(data) + 2 + 2 * 12 + 4
    data += (2).to_bytes(2, order)
    for tag, value in ((0x0201, start), (0x0202, length)):
        data += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(4, order)
    return bytes(data) + bytes(4) + thumbnail.getvalue()


def report(name: str, metadata: Metadata, before: dict[str, int]) -> None:
    """before: bytes by the names of chunks, where they are not those that are kept."""
    given = {"ICCP": metadata.icc_profile, "EXIF": metadata.exif, "XMP_": metadata.xmp}
    lengths = {chunk: len(data) for chunk, data in given.items() if data is not None}
    if metadata.calibration is not None:
        lengths["CALB"] = len(json.dumps(metadata.calibration))
    rows = []
    for chunk in metadata.to_chunks():
        if chunk.name in NAMES:
            whole, kept = before.get(chunk.name, lengths[chunk.name]), lengths[chunk.name]
            rows.append([NAMES[chunk.name], f"{whole:,}", f"{kept:,}", f"{len(write_chunks([chunk])) - 1:,}"])
    print(f"{name}\n\n" + table(["", "given", "kept", "in the file"], rows))


if __name__ == "__main__":
    main()
