"""Reads what is whole of a damaged `.bsc` file that has several bands."""

from __future__ import annotations

from ..errors import CorruptFile
from .bands import NOTHING, Band, read_payload
from .file import Container, problems, read_front
from .header import check_problems
from .reader import Reader


def salvage(data: bytes) -> tuple[Container, dict[int, str]]:
    """What a file holds, and of each band that is damaged or missing, by its number from 0, what is wrong with it.

    Such bands are empty. An intact file has none. Raises FormatError as `Container.from_bytes` does for a file whose
    head is damaged, and CorruptFile for a damaged one of a single band, of which nothing is known to be whole.
    """
    try:
        return Container.from_bytes(data), {}
    except CorruptFile as error:
        reader = Reader(bytes(data))
        front = read_front(reader)
        if front.index is None:
            raise CorruptFile(f"{error}; nothing of it can be salvaged, because it has a single band") from error
    bands: list[Band] = []
    damaged: dict[int, str] = {}
    for number, entry in enumerate(front.index):
        start = reader.position
        try:
            band = read_payload(reader, entry, front.band_name(number))
        except CorruptFile:
            band, damaged[number] = NOTHING, f"{front.band_name(number)} is damaged or missing"
            reader.skip_to(start + sum(entry.lengths))
        bands.append(band)
    container = Container(**front.fields, bands=tuple(bands))
    check_problems(problems(container))
    return container, damaged
