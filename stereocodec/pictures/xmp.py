"""Packets of XMP (ISO 16684-1), which is RDF in XML: properties read, taken out and brought together.

Nothing in a packet is trusted: it has no document type, so that there are no entities, and bounds of size and depth.
Long values, such as pictures in base64, never reach the XML parser.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP_NOTE = "http://ns.adobe.com/xmp/note/"
_DECLARATIONS = "http://www.w3.org/2000/xmlns/"

_MAX_BYTES = 2**20  # of a packet without its long values; those of cameras have some thousand
_MAX_DEPTH = 64
# Whole values of base64, with line breaks or references to such.
_LONG_VALUE = re.compile(rb"(?<=[>\"'])[A-Za-z0-9+/=\s&#;]{4096,}(?=[<\"'])")
_PLACEHOLDER = re.compile(r"\[long value ([0-9]{1,18})\]")
_NUMBERS = itertools.count()


class XmpPacket:
    """One packet, and the properties at the top of its descriptions, by namespace and name."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError, which says what is wrong, for what is no packet, or above the bounds."""
        from xml.dom.minidom import parseString

        self._long_values: dict[int, str] = {}
        text = _LONG_VALUE.sub(self._set_aside, data.strip(b"\0 \t\r\n"))
        try:
            _check(text)
            self._document: Any = parseString(text)
        except expat.ExpatError as error:
            raise ValueError(f"its XMP is no XML ({error})") from error
        graphs = self._document.getElementsByTagNameNS(RDF, "RDF")
        if not graphs:
            raise ValueError("its XMP has no RDF")
        self._graph = graphs[0]

    def get(self, namespace: str, name: str) -> str | None:
        """The text of a property; None where it is missing or has a structure."""
        for _, node in self._properties(namespace):
            if node.localName == name:
                children = [node] if node.nodeType == node.ATTRIBUTE_NODE else node.childNodes
                if all(child.nodeType != child.ELEMENT_NODE for child in children):
                    text = "".join(child.nodeValue or "" for child in children)
                    return self._restored(text, html.unescape)
        return None

    def has(self, namespace: str) -> bool:
        """Whether there are properties of a namespace."""
        return next(self._properties(namespace), None) is not None

    def remove(self, namespace: str, name: str | None = None) -> None:
        """Takes out a property, or all of a namespace."""
        for description, node in list(self._properties(namespace)):
            if name in (None, node.localName):
                if node.nodeType == node.ATTRIBUTE_NODE:
                    description.removeAttributeNode(node)
                else:
                    description.removeChild(node)

    def add(self, other: XmpPacket) -> None:
        """Takes over the properties of another packet, which loses them."""
        for description in list(other._descriptions()):
            if next(_properties_of(description), None) is not None:
                _declare_all(description)
                self._graph.appendChild(description)
        self._long_values |= other._long_values

    def to_bytes(self) -> bytes:
        """The packet, in UTF-8."""
        text = "".join(node.toxml() for node in self._document.childNodes)
        return self._restored(text, lambda value: value).encode()

    def _set_aside(self, match: re.Match[bytes]) -> bytes:
        if match[0].isspace():
            return match[0]
        number = next(_NUMBERS)
        self._long_values[number] = match[0].decode("ascii")
        return b"[long value %d]" % number

    def _restored(self, text: str, form: Callable[[str], str]) -> str:
        """A text with the long values, in a form, where they stood."""

        def value(match: re.Match[str]) -> str:
            long_value = self._long_values.get(int(match[1]))
            return match[0] if long_value is None else form(long_value)

        return _PLACEHOLDER.sub(value, text)

    def _descriptions(self) -> Iterator[Any]:
        children = (node for node in self._graph.childNodes if node.nodeType == node.ELEMENT_NODE)
        return (node for node in children if (node.namespaceURI, node.localName) == (RDF, "Description"))

    def _properties(self, namespace: str) -> Iterator[tuple[Any, Any]]:
        """Nodes of properties, attributes or elements, each behind the description that has it."""
        for description in self._descriptions():
            for node in _properties_of(description):
                if node.namespaceURI == namespace:
                    yield description, node


def _properties_of(description: Any) -> Iterator[Any]:
    nodes = (*description.attributes.values(), *description.childNodes)
    return (node for node in nodes if node.namespaceURI not in (None, RDF, _DECLARATIONS))


def _declare_all(element: Any) -> None:
    """Repeats at an element the namespaces that those around it declare."""
    outer = element.parentNode
    while outer is not None and outer.nodeType == outer.ELEMENT_NODE:
        for attribute in outer.attributes.values():
            if attribute.namespaceURI == _DECLARATIONS and not element.hasAttribute(attribute.name):
                element.setAttributeNS(_DECLARATIONS, attribute.name, attribute.value)
        outer = outer.parentNode


def _check(text: bytes) -> None:
    """Raises ValueError for XML above the bounds or with a document type, ExpatError for what is no XML."""
    if len(text) > _MAX_BYTES:
        raise ValueError(f"its XMP has more than {_MAX_BYTES} bytes")
    depth = 0

    def begin(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError(f"its XMP is nested more than {_MAX_DEPTH} deep")

    def end(*_: object) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise ValueError("its XMP has a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = begin, end, refuse
    parser.Parse(text, True)
