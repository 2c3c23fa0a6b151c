"""Writes docs/commands.md and docs/api.md: what the commands' own help and the package's own docstrings say.

    python tools/reference_pages.py [FOLDER, by default docs]

Run it after every change of an option or of a public docstring; a test compares the pages with what this writes. They
are plain Markdown, so that they read alike in the repository and in the built documentation.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from docstring_markdown import as_markdown, literal_options, members, signature
from stereocodec_cli.main import COMMANDS, bisic

DOCS = Path(__file__).parent.parent / "docs"
_NOTICE = "<!-- Written by tools/reference_pages.py: change what it reads, and run it again. -->"

PUBLIC: dict[str, tuple[str, ...]] = {
    "stereocodec": ("StereoCodec", "RgbdCodec"),
    "stereocodec.release_codec": ("ReleaseCodec",),
    "stereocodec.container": (
        "Container",
        "Metadata",
        "Layout",
        "Streams",
        "ViewKind",
        "Header",
        "peek_header",
        "metadata_in",
    ),
    "stereocodec.container.depth": ("DepthView", "DepthMode"),
    "stereocodec.calibration": ("read_calibration", "check_calibration", "calibration_json", "describe_calibration"),
    "stereocodec.batch.run": ("encode_all", "decode_all"),
    "stereocodec.batch.naming": ("encode_jobs", "decode_jobs"),
    "stereocodec.batch.encoding": ("EncodeSettings",),
    "stereocodec.batch.decoding": ("DecodeSettings",),
    "stereocodec.batch.jobs": ("EncodeJob", "DecodeJob", "Report"),
    "stereocodec.data": ("PairDataset",),
    "stereocodec.errors": ("*",),
    "stereocodec.pillow": (),
    "stereocodec.pictures.pil": ("load_image", "load_picture"),
    "stereocodec.pictures.save_pair": ("save_pair", "SavedPicture"),
    "stereocodec.pictures.save_frame": ("save_frame",),
    "stereocodec.pictures.rgb": ("to_picture", "to_rgb8", "to_pair", "psnr"),
    "stereocodec.pictures.picture": ("Picture", "turned", "turning_back"),
    "stereocodec.pictures.depth": ("DepthMap", "metres_per_step", "load_depth", "to_depth_map", "depth_errors"),
    "stereocodec.viewer": ("pair_page", "frame_page"),
    "stereocodec.datasets.pairs": ("PairFiles", "find_pairs"),
    "stereocodec.datasets.frames": ("FrameFiles", "find_frames"),
    "stereocodec.evaluation.datasets": ("EvaluationPair", "Dataset", "find_dataset", "usable"),
    "stereocodec.evaluation.runner": ("Run", "evaluate", "find_anchor"),
    "stereocodec.evaluation.metrics": ("ms_ssim",),
    "stereocodec.evaluation.bd_rate": ("BdRate", "Refused", "compare", "all_comparisons"),
    "stereocodec.models": ("StereoModel", "register"),
    "stereocodec.entropy.coders": ("EntropyCoder", "Group"),
    "stereocodec.entropy.priors": ("FactorizedPrior",),
    "stereocodec.training.config": ("TrainingConfig",),
    "stereocodec.training.kinds": ("load_examples",),
    "stereocodec.training.loop": ("Trainer",),
    "stereocodec.training.export": ("export_run",),
}
"""Names that the page of the API shows, by the modules to import them from; * for all classes of a module."""


def main() -> None:
    """Writes both pages into the folder that the command line names."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by their file names."""
    return {"commands.md": _commands_page(), "api.md": _api_page()}


def _commands_page() -> str:
    context = click.Context(bisic, info_name="bisic")
    links = [f"- [`bisic {name}`](#bisic-{name}): {literal_options(entry.help)}" for name, entry in COMMANDS.items()]
    parts = [
        "# Commands",
        _NOTICE,
        _help_text(bisic),
        "\n".join(links),
        _usage(bisic, context),
        _options(bisic, context),
    ]
    parts.append(_help_text(bisic, bisic.epilog))
    for name in COMMANDS:
        command = bisic.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        parts += [f"## bisic {name}", _help_text(command), _usage(command, own), _options(command, own)]
    return "\n\n".join(parts) + "\n"


def _help_text(command: click.Command, text: str | None = None) -> str:
    """Paragraphs of a command's help; those that click must not wrap, after a backspace, as they are."""
    paragraphs = inspect.cleandoc(text or command.help or "").split("\n\n")
    return "\n\n".join(
        f"```text\n{inspect.cleandoc(paragraph[1:])}\n```" if paragraph.startswith("\b") else literal_options(paragraph)
        for paragraph in paragraphs
    )


def _usage(command: click.Command, context: click.Context) -> str:
    return f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```"


def _options(command: click.Command, context: click.Context) -> str:
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    records = [record for record in (option.get_help_record(context) for option in options) if record]
    return "\n".join(f"- `{names}`: {literal_options(' '.join(text.split()))}" for names, text in records)


def _api_page() -> str:
    intro = (
        "What other programs may import. [From Python](python.md) shows how it is used; `bisic` itself is on the page "
        "of [commands](commands.md)."
    )
    parts = ["# Names in Python", _NOTICE, intro]
    for path, names in PUBLIC.items():
        module = import_module(path)
        parts += [f"## {path}", as_markdown(module.__doc__)]
        for name in _own_classes(module) if names == ("*",) else names:
            parts += _described(name, getattr(module, name))
    return "\n\n".join(part for part in parts if part) + "\n"


def _own_classes(module: Any) -> list[str]:
    """Classes that a module defines, in its order."""
    return [n for n, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__]


def _described(name: str, value: Any) -> list[str]:
    """A class with its methods and properties, or a function."""
    parts = [f"### {name}", f"```python\n{signature(name, value)}\n```", as_markdown(value.__doc__)]
    if not inspect.isclass(value):
        return parts
    bases = [base.__name__ for base in value.__mro__[1:] if base.__name__ in PUBLIC.get(base.__module__, ())]
    parts += [f"With all that [`{base}`](#{base.lower()}) has." for base in bases]
    for member, found in members(value, bases):
        parts += [f"#### {name}.{member}", f"```python\n{signature(member, found)}\n```", as_markdown(found.__doc__)]
    return parts


if __name__ == "__main__":
    main()
