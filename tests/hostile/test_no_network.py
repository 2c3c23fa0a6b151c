"""A file cannot make a program fetch anything: only what asks for the Hub uses a network."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
from conftest import REPOSITORY
from hub_machine import done
from PIL import Image

from stereocodec.container import Chunk, Container
from stereocodec.container.limits import HUB_REPOSITORY

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
# Python tells of every address that is looked up and of every connection, whatever library makes it and catches.
SCRIPT = """
import json, os, sys
events = []
def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__":
        events.append(event)
sys.addaudithook(watch)
from click.testing import CliRunner
from PIL import Image
import stereocodec.pillow
from stereocodec import StereoCodec
from stereocodec.errors import StereoCodecError
from stereocodec_cli.main import bisic

def command(*arguments):
    return lambda: CliRunner().invoke(bisic, arguments).exit_code

def pillow(name):
    def load():
        with Image.open(name) as image:
            image.load()
        return 0
    return load

def loaded(**settings):
    def load():
        StereoCodec.from_pretrained(**settings, device="cpu")
        return 0
    return load

uses = {
    "info": command("info", "absent.bsc"),
    "models": command("models"),
    "encode": command("encode", "left.png", "right.png", "-o", "pair.bsc"),
    "decode": command("decode", "pair.bsc"),
    "decode cached": command("decode", "cached.bsc"),
    "decode absent": command("decode", "absent.bsc"),
    "pillow": pillow("golden.bsc"),
    "pillow cached": pillow("cached.bsc"),
    "pillow absent": pillow("absent.bsc"),
    "built in": loaded(),
    "only local": loaded(name_or_path="org/tiny", local_files_only=True),
    "only local, absent": loaded(name_or_path="org/absent", local_files_only=True),
    "pull": command("decode", "absent.bsc", "--pull"),
}
seen = {}
for name, use in uses.items():
    events.clear()
    try:
        status = use()
    except (StereoCodecError, OSError):
        status = 1
    seen[name] = [status, bool(events)]
print(json.dumps(seen))
"""


def naming(data, repository, **changes):
    """A file that says that its weights are in this repository."""
    chunk = Chunk(HUB_REPOSITORY, f"{repository}@{COMMIT}".encode())
    container = dataclasses.replace(Container.from_bytes(data), **changes)
    return dataclasses.replace(container, chunks=(*container.chunks, chunk), version=(1, 1)).to_bytes()


def test_nothing_is_sent_without_pull(machine, hub, tiny_release, file, pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_release, machine.home / "hub" / "models--org--tiny" / "snapshots" / COMMIT)
    refs = machine.home / "hub" / "models--org--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)
    shutil.copy(REPOSITORY / "tests" / "golden" / "still-life.bsc", "golden.bsc")
    for view, pixels in zip(("left", "right"), pair, strict=True):
        Image.fromarray(pixels).save(f"{view}.png")
    (tmp_path / "cached.bsc").write_bytes(naming(file, "org/tiny"))
    (tmp_path / "absent.bsc").write_bytes(naming(file, "org/absent", model_id=b"absent"))
    # An agent makes the Hub's client look up its name, even where no file is to be fetched.
    seen = json.loads(done(machine.python(SCRIPT, HF_HUB_DISABLE_TELEMETRY="0", AI_AGENT="somebody")))
    pulled = seen.pop("pull")
    assert {name for name, (_, used) in seen.items() if used} == set()
    refused = {"decode absent", "pillow absent", "only local, absent"}
    assert {name for name, (status, _) in seen.items() if status} == refused
    assert hub.asked_for("org/absent")
    assert pulled == [1, True]
