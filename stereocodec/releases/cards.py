"""Model cards as the Hub reads them, and copies of release folders with such a card.

Metadata: https://huggingface.co/docs/hub/model-cards#model-card-metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..container import ViewKind
from ..errors import InvalidInput, OutputError
from ..files import write_together
from ..json_files import MAX_SETTINGS_BYTES
from ..regular_files import read_regular
from ..text import reason_of
from .folders import CARD, CONFIG, read_card, read_checked, read_config

_TAGS = ("image-compression", "learned-compression")
# What a model codes, as a tag.
SUBJECTS = {ViewKind.RGB8: "stereo", ViewKind.RGB8_DEPTH: "rgb-d"}
# Columns of the measurements in config.json: the Hub's name of the metric, and what a person reads.
_METRICS = {
    "bpp": ("bpp", "bits per view pixel"),
    "psnr_left": ("psnr", "PSNR of the left view, dB"),
    "psnr_right": ("psnr", "PSNR of the right view, dB"),
    "ms_ssim_left": ("ms-ssim", "MS-SSIM of the left view"),
    "ms_ssim_right": ("ms-ssim", "MS-SSIM of the right view"),
    "psnr_color": ("psnr", "PSNR of colour, dB"),
    "ms_ssim_color": ("ms-ssim", "MS-SSIM of colour"),
    "depth_rmse_mm": ("rmse", "root of the mean square error of depth, mm"),
}


def copy_release(source: Path, target: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Copies a release folder after checking it; config.json appears last, because without it nothing is a release.

    metadata: fields that the card's metadata get, in addition to what `with_metadata` adds; None copies the card.
    Raises InvalidRelease, and OutputError for a folder that cannot be written.
    """
    config = read_config(source)
    contents = read_checked(source, config)
    card = contents.get(CARD) or read_card(source)
    if metadata is not None:
        text = with_metadata(card.decode("utf-8", "replace"), config, metadata).encode()
        if CARD in contents and text != card:
            raise InvalidInput(f"{source / CONFIG} fixes the card by a sha256, so that its metadata cannot be changed")
        card = text
    files = contents | ({CARD: card} if card else {}) | {CONFIG: read_regular(source / CONFIG, MAX_SETTINGS_BYTES)}
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target} cannot be made: {reason_of(error)}; choose another folder") from error
    write_together([(target / name, data) for name, data in files.items()], overwrite=True)


def with_metadata(card: str, config: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """The card with the metadata that the Hub shows and searches: library, task, tags, measured results.

    Fields of `metadata` replace those of the card; what the card has itself is kept otherwise.
    Raises InvalidInput for a card or fields that are no valid metadata.
    """
    from huggingface_hub import ModelCard, ModelCardData

    name = str(config.get("name", "model"))
    try:
        # A card without metadata would be warned about.
        found = ModelCard(card if card.startswith("---") else f"---\n---\n{card or f'# {name}'}")
        fields: dict[str, Any] = found.data.to_dict()  # type: ignore[no-untyped-call]
        tags = {*(fields.get("tags") or ()), *_TAGS, _subject(config)}
        fields |= {"library_name": "stereocodec", "pipeline_tag": "image-to-image", "tags": sorted(tags)}
        results = _results(name, config)
        if results:
            fields |= {"model_name": name, "eval_results": results}
            fields.pop("model-index", None)
        data = ModelCardData(**(fields | dict(metadata)))
        return f"---\n{data.to_yaml()}\n---\n{found.text.rstrip()}\n".replace("---\n\n\n", "---\n\n")
    except MemoryError:
        raise
    except Exception as error:  # of the YAML parser, too, whose errors have a base of their own
        raise InvalidInput(f"the card or its metadata cannot be used: {reason_of(error)[:200]}") from error


def _subject(config: Mapping[str, Any]) -> str:
    """What the architecture codes; an unknown one is taken for one of stereo pairs."""
    # Here, because releases are copied without torch, too.
    from ..models import ARCHITECTURES

    found = ARCHITECTURES.get(str(config.get("architecture")))
    return SUBJECTS[found.model.view_kind if found else ViewKind.RGB8]


def _results(name: str, config: Mapping[str, Any]) -> list[Any]:
    from huggingface_hub import EvalResult

    rows = config["training"].get("metrics") or [] if isinstance(config.get("training"), dict) else []
    return [
        EvalResult(
            task_type="image-to-image",
            task_name=f"{_subject(config)} image compression",
            dataset_type="held-out",
            dataset_name="held-out scenes, see the card",
            metric_type=kind,
            metric_name=f"{description}, quality {row['quality']}",
            metric_value=row[key],
        )
        for row in rows
        for key, (kind, description) in _METRICS.items()
        if key in row
    ]
