"""What disparities cost, and what their coding and their choice make of files.

    python benchmarks/disparity_bits.py --model DIR --data DIR

Each pair is coded as releases before 0.3 would be: disparities as the smooth search finds them, coded with tables; and
as it is today: adaptively, after a less smooth search and `cheaper_field`. The sums over all pairs are told, beside
what the adaptive coding alone would make of the bytes. The weights are those of --model, of the network that 0.3
trains.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from unittest.mock import patch

import numpy as np
from encoder_choices import disparities_as_found
from markdown_tables import publish, table
from memory_points import chosen_pairs, coded_point, conditions, load_codec, pairs_parser
from numpy.typing import NDArray
from rd_points import EvaluationPair
from torch import Tensor

from stereocodec import StereoCodec
from stereocodec.entropy.adaptive_fields import write_field
from stereocodec.entropy.ans import StreamEncoder
from stereocodec.entropy.fields import field_tables, prediction_errors
from stereocodec.entropy.streams import StreamWriter

QUALITIES = (10, 30, 60)


@dataclass
class Sums:
    """Bytes of disparities and of files, and PSNR in dB, added up over pairs."""

    tables: float = 0
    adaptive: float = 0
    chosen: float = 0
    files_before: float = 0
    files: float = 0
    psnr_before: float = 0
    psnr: float = 0

    def add(self, other: Sums) -> None:
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))


def main() -> None:
    """Measures the pairs and prints the report."""
    arguments = pairs_parser(__doc__).parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    sums = {quality: Sums() for quality in QUALITIES}
    for pair in pairs:
        for quality in QUALITIES:
            sums[quality].add(measure(codec, pair, quality))
        print(f"{pair.name}: done", file=sys.stderr, flush=True)
    publish(report(sums, len(pairs), conditions(codec, f"pairs: {len(pairs)}")), "disparity-bits", arguments.markdown)


def measure(codec: StereoCodec, pair: EvaluationPair, quality: int) -> Sums:
    """One pair at one quality."""
    views = pair.load()
    with disparities_as_found(codec), watched_fields() as before:
        old = coded_point(codec, pair.name, pair.group, views, quality)
    with watched_fields() as after:
        new = coded_point(codec, pair.name, pair.group, views, quality)
    found, chosen = before[0], after[0]
    bytes_found = adaptive_bytes(found), adaptive_bytes(chosen)
    return Sums(table_bytes(found), *bytes_found, old.file_bytes, new.file_bytes, old.psnr, new.psnr)


@contextmanager
def watched_fields() -> Iterator[list[NDArray[np.int64]]]:
    """Collects the disparities that are written for a while."""
    written = []
    write = StreamWriter.code_disparities

    def watched(writer: StreamWriter, view: int, field: Tensor | None, size: tuple[int, int]) -> Tensor:
        assert field is not None
        written.append(field[0].cpu().numpy())
        return write(writer, view, field, size)

    with patch.object(StreamWriter, "code_disparities", watched):
        yield written


def adaptive_bytes(field: NDArray[np.int64]) -> int:
    """What `adaptive_fields.py` makes of a field."""
    encoder = StreamEncoder()
    write_field(field, encoder)
    return len(encoder.getvalue())


def table_bytes(field: NDArray[np.int64]) -> float:
    """What the best of the tables makes of it."""
    tables, errors = field_tables(), prediction_errors(field)
    every = (tables.bits(errors, np.full(errors.size, k, dtype=np.uint8)).sum() for k in range(len(tables)))
    return float(min(every)) / 8


def report(sums: dict[int, Sums], pairs: int, line: str) -> str:
    """The table, with its conditions."""
    rows = []
    for quality, total in sums.items():
        shares = (f"{100 * part / total.tables:.0f} %" for part in (total.adaptive, total.chosen))
        mean = (f"{part / pairs:.2f} dB" for part in (total.psnr_before, total.psnr))
        files = (f"{total.files_before:,.0f}", f"{total.files:,.0f}")
        rows.append([str(quality), f"{total.tables:,.0f}", *shares, *files, *mean])
    header = ["quality", "disparities", "adaptive", "and chosen", "files before", "files", "PSNR before", "PSNR"]
    return f"{line}\n\n{table(header, rows)}"


if __name__ == "__main__":
    main()
