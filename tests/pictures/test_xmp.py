"""Packets of XMP: properties as attributes and as elements, and what is left when some are taken out."""

from __future__ import annotations

import pytest

from stereocodec.pictures.xmp import XmpPacket

ONE, TWO = "urn:one/", "urn:two/"
LONG = "QUJD" * 2000


def packet(attributes="", elements="", outer=""):
    return XmpPacket(
        f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
        <x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:one="{ONE}" {outer}>
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:two="{TWO}" {attributes}>{elements}</rdf:Description></rdf:RDF>
        </x:xmpmeta>{" " * 6000}<?xpacket end="w"?>\0""".encode()
    )


def test_properties_are_attributes_or_elements():
    read = packet('one:a="1 &amp; 2"', f"<two:b>\u00fc<![CDATA[<]]></two:b><two:c>{LONG}</two:c><one:d/>")
    assert read.get(ONE, "a") == "1 & 2"
    assert read.get(TWO, "b") == "\u00fc<"
    assert read.get(TWO, "c") == LONG
    assert read.get(ONE, "d") == ""
    assert read.get(ONE, "b") is None
    assert read.has(ONE)
    assert not read.has("urn:three/")


def test_structures_are_no_text_and_are_kept():
    read = packet("", "<two:list><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></two:list>")
    assert read.get(TWO, "list") is None
    assert b"<two:list><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></two:list>" in read.to_bytes()


def test_what_is_taken_out_is_gone_and_the_rest_is_as_it_was():
    read = packet(f'one:a="1" two:b="{LONG}"', "<one:c>3</one:c><two:d>4</two:d>")
    read.remove(ONE)
    read.remove(TWO, "d")
    again = XmpPacket(read.to_bytes())
    assert not again.has(ONE)
    assert again.get(TWO, "b") == LONG
    assert again.get(TWO, "d") is None
    assert again.to_bytes() == read.to_bytes()
    assert read.to_bytes().startswith(b"<?xpacket begin=")
    assert read.to_bytes().endswith(b"?>")


def test_packets_are_brought_together_with_their_namespaces():
    main, other = packet('two:a="1"'), packet("", f"<three:b>{LONG}</three:b>", 'xmlns:three="urn:three/"')
    main.add(other)
    main.add(packet())  # says nothing
    again = XmpPacket(main.to_bytes())
    assert (again.get(TWO, "a"), again.get("urn:three/", "b")) == ("1", LONG)
    assert main.to_bytes().count(b"<rdf:Description") == 2


@pytest.mark.parametrize("text", ["[long value 0]", "[long value 99999999999999999]", "[long value x]"])
def test_text_that_looks_like_a_placeholder_is_text(text):
    assert packet(f'one:a="{text}"').get(ONE, "a") == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no XML"),
        (b"<x", "is no XML"),
        (b"<a b:c='1'/>", "is no XML"),
        (b"<a>" * 1000 + b"</a>" * 1000, "nested more than 64 deep"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "has a document type"),
        (b"<a>" + b"<b/>" * 2**18 + b"</a>", "more than 1048576 bytes"),
        (b"<a/>", "has no RDF"),
    ],
)
def test_what_is_no_packet_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        XmpPacket(data)
