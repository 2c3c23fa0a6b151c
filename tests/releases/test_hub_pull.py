"""`bisic pull` and `bisic models` with the real client of the Hub, against a server on loopback."""

from __future__ import annotations

import hashlib
import json

import pytest
from hub_machine import NAME, done, refused
from hub_server import TOKEN

from stereocodec import __version__
from stereocodec.releases.folders import DEFAULT_MODEL, find_release

pytestmark = pytest.mark.slow

FILES = ["config.json", "model.safetensors", "README.md"]


def snapshot(machine, commit):
    return machine.home / "hub" / "models--org--tiny" / "snapshots" / commit


def test_a_model_is_pulled_once(machine, hub, commit, release_files):
    files = release_files | {"pytorch_model.bin": b"pickle", "modeling.py": b"code", "x.safetensors": b"more"}
    commit = hub.repositories[NAME].commit(files)
    assert done(machine.bisic("pull", NAME, HF_TOKEN=TOKEN)).startswith(f"{NAME}@{commit}: tiny, ")
    folder = snapshot(machine, commit)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == release_files
    assert {path.split("/")[-1] for path in hub.asked_for()} == set(FILES)
    for _, path, headers in hub.requests:
        assert ("authorization" in headers) == (not path.startswith("/cdn/")), path  # no token for the other host
        assert path.startswith("/cdn/") or f"stereocodec/{__version__}" in headers["user-agent"]
    # The weights come by the commit, so that they fit the config.json even when the branch moves on.
    assert hub.asked_for("resolve/main") == 2 * [f"{NAME}/resolve/main/config.json"]
    hub.requests.clear()
    assert done(machine.bisic("pull", NAME, "--quiet")) == ""
    assert hub.asked_for() == [f"{NAME}/resolve/main/config.json"]


def test_the_branch_moves_while_it_is_pulled(machine, hub, commit, other_files):
    def move(method, path):
        if method == "GET" and path.endswith("config.json") and len(hub.repositories[NAME].commits) == 1:
            hub.repositories[NAME].commit(other_files)

    hub.after = move
    assert commit in done(machine.bisic("pull", NAME))
    assert commit not in done(machine.bisic("pull", NAME))
    assert commit in done(machine.bisic("pull", f"{NAME}@{commit}", HF_HUB_OFFLINE="1"))


def test_revisions(machine, hub, commit, other_files):
    second = hub.repositories[NAME].commit(other_files)
    hub.repositories[NAME].refs["v1"] = commit
    assert f"{NAME}@{commit}: " in done(machine.bisic("pull", f"{NAME}@v1"))
    assert f"{NAME}@{second}: " in done(machine.bisic("pull", NAME))
    assert "has no revision 'v9'" in refused(machine.bisic("pull", f"{NAME}@v9"))
    listed = json.loads(done(machine.bisic("models", "--json", HF_HUB_OFFLINE="1")))
    pulled = {entry["model"] for entry in listed if not entry["built_in"]}
    assert pulled == {f"{NAME}@{commit}", f"{NAME}@{second}"}


def test_offline(machine, hub, commit):
    line = refused(machine.bisic("pull", NAME, HF_HUB_OFFLINE="1"))
    assert "HF_HUB_OFFLINE" in line
    assert f"bisic pull {NAME}" in line
    assert hub.requests == []
    done(machine.bisic("pull", NAME))
    hub.close()
    for environment in ({"HF_HUB_OFFLINE": "1"}, {}):
        assert commit in done(machine.bisic("pull", NAME, **environment))


def test_without_network_and_cache(machine, hub):
    hub.close()
    line = refused(machine.bisic("pull", NAME))
    assert "the Hub cannot be asked" in line
    assert f"bisic pull {NAME}" in line


@pytest.mark.parametrize(("status", "reason"), [(429, "too many requests"), (503, "unavailable"), (403, "forbidden")])
def test_the_hub_fails(machine, hub, commit, status, reason):
    hub.failing["config.json"] = [status]
    assert f"HTTP status {status}, {reason}" in refused(machine.bisic("pull", NAME))


def test_the_hub_fails_for_a_while(machine, hub, commit):
    hub.failing = {"config.json": [503, 429, 0], "/cdn/": [429, 0]}
    assert commit in done(machine.bisic("pull", NAME))


def test_missing_private_and_gated_repositories(machine, hub, release_files):
    line = refused(machine.bisic("pull", "org/none"))
    assert "no model 'org/none'" in line
    assert "hf auth login" in line
    assert "no model 'org/none'" in refused(machine.bisic("pull", "org/none", HF_TOKEN=TOKEN))
    hub.add("org/private", release_files, private=True)
    assert "no model 'org/private'" in refused(machine.bisic("pull", "org/private", HF_TOKEN="hf_wrong"))
    assert "org/private@" in done(machine.bisic("pull", "org/private", HF_TOKEN=TOKEN))
    hub.add("org/gated", release_files, gated=True)
    assert "is gated" in refused(machine.bisic("pull", "org/gated"))


def test_a_renamed_repository(machine, hub, commit):
    hub.renamed["org/former"] = NAME
    assert f"org/former@{commit}" in done(machine.bisic("pull", "org/former"))


def test_a_body_that_ends_early_is_resumed(machine, hub):
    # huggingface_hub hands on what it received in parts of 10 MiB, so the weights must be larger than that.
    files = {path.name: path.read_bytes() for path in find_release(DEFAULT_MODEL).iterdir()}
    commit = hub.add(NAME, files)
    hub.truncated = [11 * 2**20, None]
    done(machine.bisic("pull", NAME))
    first, second = (headers for _, path, headers in hub.requests if path.startswith("/cdn/"))
    assert "range" not in first
    assert second["range"] == f"bytes={10 * 2**20}-"
    assert (snapshot(machine, commit) / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_bodies_that_always_end_early(machine, hub, commit):
    hub.truncated = [0]
    assert f"the Hub failed for '{NAME}'" in refused(machine.bisic("pull", NAME))
    hub.truncated = []
    assert commit in done(machine.bisic("pull", NAME))


def test_altered_weights_are_refused_and_fetched_again(machine, hub, commit):
    hub.altered = True
    line = refused(machine.bisic("pull", NAME))
    assert "does not match its sha256" in line
    assert f"bisic pull --force {NAME}@{commit}" in line
    hub.altered = False
    assert "sha256" in refused(machine.bisic("pull", NAME))  # out of the cache
    assert commit in done(machine.bisic("pull", "--force", f"{NAME}@{commit}"))


def edited(release, /, **changes):
    config = json.loads(release["config.json"]) | changes
    return release | {"config.json": json.dumps(config).encode()}


def test_what_is_no_release_is_refused_before_its_weights_are_fetched(machine, hub, release_files):
    without = {name: data for name, data in release_files.items() if name != "config.json"}
    for name, files, reason in [
        ("org/other", without, "lacks config.json"),
        ("org/newer", edited(release_files, format_version=99), "upgrade stereocodec"),
        ("org/bert", without | {"config.json": b'{"model_type": "bert"}'}, "release format None"),
        ("org/broken", without | {"config.json": b"{"}, "cannot be read"),
    ]:
        hub.add(name, files)
        assert reason in refused(machine.bisic("pull", name))
    assert hub.asked_for("safetensors") == []
    hub.add("org/empty", {name: data for name, data in release_files.items() if name != "model.safetensors"})
    assert "lacks config.json or model.safetensors" in refused(machine.bisic("pull", "org/empty"))
    hub.add("org/unlisted", edited(release_files, files={"../x": hashlib.sha256(b"").hexdigest()}))
    assert "does not list the release's files" in refused(machine.bisic("pull", "org/unlisted"))


def test_a_release_without_a_card(machine, hub, release_files):
    commit = hub.add(NAME, {name: data for name, data in release_files.items() if name != "README.md"})
    assert commit in done(machine.bisic("pull", NAME))
    assert commit in done(machine.bisic("pull", NAME, HF_HUB_OFFLINE="1"))


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "../x", "org/ti--ny", "org/" + "x" * 100, "", "org/na me"])
def test_names_that_no_repository_has(machine, hub, name):
    assert "write it as org/name" in refused(machine.bisic("pull", name))
    assert hub.requests == []


def test_models_that_are_here(machine, hub, commit):
    hub.add("org/bert", {"config.json": b"{}"})
    refused(machine.bisic("pull", "org/bert"))
    before = json.loads(done(machine.bisic("models", "--json")))
    assert [(entry["model"], entry["built_in"]) for entry in before] == [("bisic-rt", True), ("rgbd-rooms", True)]
    assert before[0]["licence"] == "mit"
    assert [rate["quality"] for rate in before[0]["rates"]] == [0, 25, 50, 75, 100]
    done(machine.bisic("pull", NAME))
    text = done(machine.bisic("models"))
    assert f"{NAME}@{commit}\n  from the Hub, bisic-rt, " in text
    assert "licence mit\n  rate and quality not measured\n" in text
