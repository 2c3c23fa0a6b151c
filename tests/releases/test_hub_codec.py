"""Codecs of models on the Hub: coding with them, files that name them, saving and publishing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
from conftest import one_line
from hub_machine import NAME, done, refused
from hub_server import TOKEN
from PIL import Image

from stereocodec import StereoCodec
from stereocodec.container import Chunk, Container
from stereocodec.container.limits import HUB_REPOSITORY
from stereocodec.errors import HubError, InvalidInput, InvalidRelease, UnknownModel, WrongModel
from stereocodec.releases.cards import copy_release, with_metadata
from stereocodec.releases.release import load_release

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = f"{NAME}@{COMMIT}"


@pytest.fixture
def cache(tiny_release, tmp_path):
    """A cache folder as the Hub's client leaves it, with the tiny release as org/tiny."""
    repository = tmp_path / "cache" / "models--org--tiny"
    shutil.copytree(tiny_release, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return tmp_path / "cache"


@pytest.fixture
def hub_file(file):
    """`file`, as a codec from the Hub writes it."""
    container = Container.from_bytes(file)
    chunks = (*container.chunks, Chunk(HUB_REPOSITORY, ORIGIN.encode()))
    return dataclasses.replace(container, chunks=chunks, version=(1, 1)).to_bytes()


def test_a_cached_model_codes_like_its_folder_and_its_files_say_where_it_is(cache, pair, hub_file):
    codec = StereoCodec.from_pretrained(NAME, cache_dir=cache, local_files_only=True, device="cpu")
    assert codec.compress(*pair, quality=70) == hub_file
    for name, revision in [(NAME, COMMIT), (NAME, "main"), (ORIGIN, None)]:
        again = StereoCodec.from_pretrained(
            name, revision=revision, cache_dir=cache, local_files_only=True, device="cpu"
        )
        assert again.model_id == codec.model_id


def test_a_file_finds_its_model_in_the_cache(cache, hub_file, tiny_codec, file):
    codec = StereoCodec.for_file(hub_file, device="cpu", cache_dir=cache)
    for found, expected in zip(codec.decompress(hub_file), tiny_codec.decompress(file), strict=True):
        assert found.tobytes() == expected.tobytes()


def test_a_file_whose_model_is_not_here_says_what_to_pull(tmp_path, hub_file, file):
    with pytest.raises(WrongModel, match=rf"bisic pull {ORIGIN} .*--pull") as error:
        StereoCodec.for_file(hub_file, cache_dir=tmp_path)
    assert "'tiny'" in one_line(error)
    with pytest.raises(WrongModel, match="--model"):  # names no repository: there is nothing to pull
        StereoCodec.for_file(file, cache_dir=tmp_path, pull=True)


def test_other_weights_than_the_file_needs_are_refused(cache, tmp_path, hub_file, other_files):
    for name, data in other_files.items():
        (cache / "models--org--tiny" / "snapshots" / COMMIT / name).write_bytes(data)
    with pytest.raises(WrongModel, match="other weights"):
        StereoCodec.for_file(hub_file, cache_dir=cache)


def test_what_is_not_cached_is_not_fetched_when_only_local_files_are_allowed(tmp_path):
    with pytest.raises(HubError, match=f"local_files_only.*bisic pull {NAME}") as error:
        StereoCodec.from_pretrained(NAME, cache_dir=tmp_path, local_files_only=True)
    one_line(error)


def test_names_of_folders_come_before_those_of_repositories(tiny_release, tmp_path, monkeypatch):
    shutil.copytree(tiny_release, tmp_path / "org" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert StereoCodec.from_pretrained(NAME, cache_dir=tmp_path, device="cpu").name == "tiny"
    (tmp_path / "org" / "empty").mkdir()
    with pytest.raises(UnknownModel, match="no model"):
        StereoCodec.from_pretrained("org/empty", cache_dir=tmp_path)


def test_revisions_belong_to_the_hub(tiny_release):
    for name in ("bisic-rt", tiny_release):
        with pytest.raises(InvalidInput, match="leave revision 'v1' out"):
            StereoCodec.from_pretrained(name, revision="v1")
    with pytest.raises(InvalidInput, match="names a revision already"):
        StereoCodec.from_pretrained(ORIGIN, revision="v1")


def test_what_is_saved_is_the_release(tiny_codec, tiny_release, tmp_path):
    assert tiny_codec.save_pretrained(tmp_path / "new" / "copy") is None
    saved = {path.name: path.read_bytes() for path in (tmp_path / "new" / "copy").iterdir()}
    assert saved == {path.name: path.read_bytes() for path in tiny_release.iterdir()}
    tiny_codec.save_pretrained(tmp_path / "new" / "copy", model_card_kwargs={"license": "mit"})
    assert "\nlicense: mit\n" in (tmp_path / "new" / "copy" / "README.md").read_text()
    assert load_release(tmp_path / "new" / "copy").model_id == tiny_codec.model_id
    with pytest.raises(InvalidInput, match="private: only with push_to_hub"):
        tiny_codec.save_pretrained(tmp_path / "more", private=True)


def test_the_card_gets_what_the_hub_shows():
    card = "---\nlicense: mit\ntags: [mine, stereo]\n---\n\n# Tiny\n\nText.\n"
    row = {"quality": 50, "bytes": 9.0, "bpp": 0.25, "psnr_left": 31.5, "psnr_right": 31.25}
    config = {"name": "tiny", "training": {"metrics": [row]}}
    text = with_metadata(card, config, {"base_model": "org/first"})
    assert text.startswith("---\n")
    assert text.endswith("\n# Tiny\n\nText.\n")
    from huggingface_hub import ModelCard

    data = ModelCard(text).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "stereocodec", "image-to-image")
    assert data.tags == ["image-compression", "learned-compression", "mine", "stereo"]
    assert data.base_model == "org/first"
    values = [(result.metric_type, result.metric_value) for result in data.eval_results]
    assert values == [("bpp", 0.25), ("psnr", 31.5), ("psnr", 31.25)]
    assert with_metadata(text, config, {}) == text
    for broken in ("---\na: [\n---\n", "---\n- list\n---\n"):
        with pytest.raises(InvalidInput, match="card"):
            with_metadata(broken, config, {})


def test_a_damaged_release_is_not_copied(tiny_release, tmp_path):
    folder = shutil.copytree(tiny_release, tmp_path / "damaged")
    tensors = (folder / "model.safetensors").read_bytes()
    for damaged, told in ((b"other", "no safetensors file"), (tensors[:-1] + bytes([tensors[-1] ^ 1]), "sha256")):
        (folder / "model.safetensors").write_bytes(damaged)
        with pytest.raises(InvalidRelease, match=told):
            copy_release(folder, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_card_that_the_release_fixes_is_not_changed(tiny_release, tmp_path):
    folder = shutil.copytree(tiny_release, tmp_path / "fixed")
    config = json.loads((folder / "config.json").read_text())
    config["files"]["README.md"] = hashlib.sha256((folder / "README.md").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    copy_release(folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "README.md").read_bytes() == (folder / "README.md").read_bytes()
    with pytest.raises(InvalidInput, match="fixes the card by a sha256"):
        copy_release(folder, tmp_path / "more", {"license": "mit"})
    assert not (tmp_path / "more").exists()


_PUBLISH = """
import json, sys
from stereocodec import StereoCodec
from PIL import Image
codec = StereoCodec.from_pretrained("org/tiny", device="cpu")
data = codec.compress(Image.open("left.png"), Image.open("right.png"), quality=70)
open("pair.bsc", "wb").write(data)
first = codec.push_to_hub("org/copy", private=True, commit_message="A copy", model_card_kwargs={"license": "mit"})
second = codec.save_pretrained("copy", push_to_hub=True, repo_id="org/copy", branch="main")
print(json.dumps([first, second]))
"""


def test_publishing_and_decoding_elsewhere(machine, hub, commit, pair, folder, tiny_codec, tiny_release):
    for view, pixels in zip(("left", "right"), pair, strict=True):
        Image.fromarray(pixels).save(folder / f"{view}.png")
    urls = json.loads(done(machine.python(_PUBLISH, HF_TOKEN=TOKEN)))
    copy = hub.repositories["org/copy"]
    assert copy.private
    assert urls[0] == f"{hub.url}/org/copy/commit/{list(copy.commits)[1]}"
    files = copy.commits[list(copy.commits)[1]]
    for name in ("config.json", "model.safetensors"):
        assert files[name] == (tiny_release / name).read_bytes()
    assert b"license: mit\n" in files["README.md"]

    machine.home = folder / "elsewhere"
    line = refused(machine.bisic("decode", "pair.bsc"))
    assert f"bisic pull {NAME}@{commit} fetches it" in line
    done(machine.bisic("decode", "pair.bsc", "--pull"))
    data = (folder / "pair.bsc").read_bytes()
    for view, expected in zip(("left", "right"), tiny_codec.decompress(strip(data), output="numpy"), strict=True):
        with Image.open(folder / f"pair_{view}.png") as decoded:
            np.testing.assert_array_equal(np.asarray(decoded), expected)


def test_a_model_on_the_hub_is_measured(machine, hub, commit, pair, folder):
    (folder / "pairs").mkdir()
    for view, pixels in zip(("left", "right"), pair, strict=True):
        Image.fromarray(pixels).save(folder / "pairs" / f"a_{view}.png")
    settings = ["--models", ORIGIN.replace(COMMIT, commit), "--anchors", "none", "--qualities", "50", "--device", "cpu"]
    assert "1 pairs, 1 points" in done(machine.bisic("eval", "pairs", "-o", "report", *settings))
    (point,) = json.loads((folder / "report" / "results.json").read_text())["points"]
    assert point["codec"] == "tiny"


def strip(data):
    """The file without its chunks."""
    return dataclasses.replace(Container.from_bytes(data), chunks=(), version=(1, 0)).to_bytes()


def test_the_push_command(machine, hub, tiny_release):
    assert "HTTP status 401, not logged in" in refused(machine.bisic("push", tiny_release, NAME))
    message = done(machine.bisic("push", tiny_release, NAME, "--licence", "mit", HF_TOKEN=TOKEN))
    (_, commit) = hub.repositories[NAME].commits
    assert message == f"{NAME}: {hub.url}/{NAME}/commit/{commit}\n"
    assert f"{NAME}@{commit}: tiny, " in done(machine.bisic("pull", NAME))
    assert "has no revision 'next'" in refused(
        machine.bisic("push", tiny_release, NAME, "--branch", "next", HF_TOKEN=TOKEN)
    )
