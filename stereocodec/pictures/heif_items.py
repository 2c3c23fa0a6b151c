"""What a HEIF or AVIF file (ISO/IEC 23008-12) says of the pictures in it; nothing of them is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .boxes import Box, Fields, boxes

_HEVC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_AVIF_BRANDS = (b"avif", b"avis")
_ANY_BRANDS = (b"mif1", b"mif2", b"msf1")
_IMAGES = (b"hvc1", b"av01", b"grid", b"iovl", b"iden", b"jpeg", b"avc1", b"j2k1", b"unci")
_STEREO_GROUPS = (b"ster", b"stem")  # left, right; the second one also has a picture for both eyes
_MAX_META_BYTES = 2**22  # of the box that describes the items; those of real files have some ten thousand
_MAX_ASSOCIATIONS = 2**14  # of items with properties


class Group(NamedTuple):
    """Items, or groups of them, that belong together in the way that `kind` names."""

    kind: bytes
    entities: tuple[int, ...]


class Reference(NamedTuple):
    """What the item `source` is to others: their thumbnail (thmb) or auxiliary picture (auxl), made of them (dimg)."""

    kind: bytes
    source: int
    targets: tuple[int, ...]


class StereoViews(NamedTuple):
    """The numbers of two items, and of the group, if any, that calls them the views of a pair."""

    left: int
    right: int
    group: int | None = None


class _Item(NamedTuple):
    kind: bytes
    flags: int  # the place of the byte whose lowest bit hides it


@dataclass(frozen=True)
class HeifItems:
    """The items of one file, by their numbers.

    data: the whole file. primary_field: the place and the number of bytes in which it names its primary item.
    properties: of items, in the order in which they apply, and of groups.
    """

    data: bytes = field(repr=False)
    primary: int
    primary_field: tuple[int, int]
    items: Mapping[int, _Item]
    properties: Mapping[int, Sequence[Box]]
    references: Sequence[Reference]
    groups: Mapping[int, Group]

    def stereo_views(self) -> StereoViews | None:
        """Those of the first group that is a stereo pair; None where there is none. Raises ValueError for damage."""
        for number, group in self.groups.items():
            if group.kind in _STEREO_GROUPS and len(group.entities) >= 2:
                left, right = (self._picture_of(entity) for entity in group.entities[:2])
                if left is None or right is None or left == right:
                    raise ValueError("its stereo pair names pictures that are not there")
                return StereoViews(left, right, number)
        return None

    def pictures(self) -> list[int]:
        """The pictures that are there to be looked at, by number: no parts of others, thumbnails, masks, gain maps.

        Of alternatives, the first is one.
        """
        serving = {reference.source for reference in self.references if reference.kind in (b"thmb", b"auxl")}
        parts = {target for reference in self.references if reference.kind == b"dimg" for target in reference.targets}
        others = set()
        for number, group in self.groups.items():
            if group.kind == b"altr":
                others |= {entity for entity in group.entities if entity != self._picture_of(number)}
        left_out = serving | (parts | others) - {self.primary}
        return [number for number in sorted(self.items) if self._is_shown(number) and number not in left_out]

    def size(self, item: int) -> tuple[int, int] | None:
        """Width and height in which an item is coded, if told."""
        for box in self.properties.get(item, ()):
            if box.kind == b"ispe":
                fields = Fields(self.data, box.start + 4, box.end)
                return fields.take(4), fields.take(4)
        return None

    def alone(self, item: int) -> bytes:
        """The file with this item as its primary picture, and the only one that is not hidden."""
        changed = bytearray(self.data)
        place, size = self.primary_field
        changed[place : place + size] = item.to_bytes(size, "big")
        for number, (kind, flags) in self.items.items():
            if number == item:
                changed[flags] &= 0xFE
            elif kind in _IMAGES:
                changed[flags] |= 1
        return bytes(changed)

    def _is_shown(self, number: int) -> bool:
        kind, flags = self.items[number]
        return kind in _IMAGES and not self.data[flags] & 1

    def _picture_of(self, entity: int) -> int | None:
        """The picture that an entity is: an item, or the first picture of a group of alternatives."""
        members = self.groups[entity].entities if entity in self.groups else (entity,)
        return next((member for member in members if member in self.items and self.items[member].kind in _IMAGES), None)


def is_heif(head: bytes) -> bool:
    """Whether a file that begins so is a HEIF file; AVIF files are such."""
    return not _brands(head).isdisjoint((*_HEVC_BRANDS, *_ANY_BRANDS, *_AVIF_BRANDS))


def is_avif(head: bytes) -> bool:
    """Whether it is an AVIF file, which Pillow decodes itself."""
    brands = _brands(head)
    return not brands.isdisjoint(_AVIF_BRANDS) and brands.isdisjoint(_HEVC_BRANDS)


def _brands(head: bytes) -> set[bytes]:
    """The standards that a file says it keeps to; none where it is no file of boxes."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[place : place + 4] for place in (8, *range(16, end - 3, 4))}


def read_items(data: bytes) -> HeifItems | None:
    """The items of a file, of which at least the boxes before its coded pictures are given; None where it has none.

    Raises ValueError, which says what is wrong, where it is damaged.
    """
    meta = next((box for box in boxes(data) if box.kind == b"meta"), None)
    if meta is None:
        return None
    if meta.end - meta.start > _MAX_META_BYTES:
        raise ValueError(f"what describes its pictures is longer than {_MAX_META_BYTES} bytes")
    parts = {box.kind: box for box in boxes(data, meta.start + 4, meta.end)}
    if not {b"pitm", b"iinf", b"iprp"} <= parts.keys():
        return None
    primary, primary_field = _primary(data, parts[b"pitm"])
    return HeifItems(
        data,
        primary,
        primary_field,
        items=dict(_items(data, parts[b"iinf"])),
        properties=_properties(data, parts[b"iprp"]),
        references=list(_references(data, parts[b"iref"])) if b"iref" in parts else (),
        groups=dict(_groups(data, parts[b"grpl"])) if b"grpl" in parts else {},
    )


def _primary(data: bytes, box: Box) -> tuple[int, tuple[int, int]]:
    fields, version = _full(data, box)
    size, place = 4 if version else 2, fields.place
    return fields.take(size), (place, size)


def _items(data: bytes, box: Box) -> Iterator[tuple[int, _Item]]:
    fields, version = _full(data, box)
    fields.take(4 if version else 2)  # how many
    for entry in boxes(data, fields.place, box.end):
        if entry.kind == b"infe":
            inner, entry_version = _full(data, entry)
            if entry_version >= 2:  # before, items had no kind
                number = inner.take(4 if entry_version > 2 else 2)
                inner.take(2)  # protection
                yield number, _Item(inner.take_bytes(4), entry.start + 3)


def _references(data: bytes, box: Box) -> Iterator[Reference]:
    fields, version = _full(data, box)
    size = 4 if version else 2
    for entry in boxes(data, fields.place, box.end):
        inner = Fields(data, entry.start, entry.end)
        source, count = inner.take(size), inner.take(2)
        yield Reference(entry.kind, source, tuple(inner.take(size) for _ in range(count)))


def _groups(data: bytes, box: Box) -> Iterator[tuple[int, Group]]:
    for entry in boxes(data, box.start, box.end):
        fields, _ = _full(data, entry)
        number, count = fields.take(4), fields.take(4)
        yield number, Group(entry.kind, tuple(fields.take(4) for _ in range(count)))


def _properties(data: bytes, box: Box) -> dict[int, list[Box]]:
    parts = list(boxes(data, box.start, box.end))
    held = [prop for part in parts if part.kind == b"ipco" for prop in boxes(data, part.start, part.end)]
    found: dict[int, list[Box]] = {}
    for part in parts:
        if part.kind == b"ipma":
            for count, (item, index) in enumerate(_associations(data, part)):
                if count == _MAX_ASSOCIATIONS:
                    raise ValueError(f"its pictures have more than {_MAX_ASSOCIATIONS} properties")
                if 0 < index <= len(held):
                    found.setdefault(item, []).append(held[index - 1])
    return found


def _associations(data: bytes, box: Box) -> Iterator[tuple[int, int]]:
    """Numbers of items and of their properties, which count from 1."""
    fields, version = _full(data, box)
    has_long_indexes = data[box.start + 3] & 1
    for _ in range(fields.take(4)):
        item = fields.take(4 if version else 2)
        for _ in range(fields.take(1)):
            yield item, (fields.take(2) & 0x7FFF) if has_long_indexes else (fields.take(1) & 0x7F)


def _full(data: bytes, box: Box) -> tuple[Fields, int]:
    """What follows the version and the flags of a box, and its version."""
    fields = Fields(data, box.start, box.end)
    version = fields.take(1)
    fields.take(3)
    return fields, version
