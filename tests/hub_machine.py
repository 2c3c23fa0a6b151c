"""Another machine: the `bisic` command in a process of its own, with its own Hub cache, and a server as its Hub."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import save_tiny
from hub_server import Hub

NAME = "org/tiny"
# huggingface_hub waits seconds between attempts; the waits are left out, the attempts are not.
DRIVER = "import time; time.sleep = lambda seconds: None; from stereocodec_cli.main import main; main()"


class Machine:
    """Runs commands with a cache in its own folder."""

    def __init__(self, hub, home):
        self.hub = hub
        self.home = home

    def bisic(self, *arguments, **environment):
        """A finished `bisic` process; `environment` is set beside that of the Hub."""
        return self.python(DRIVER, *arguments, **environment)

    def python(self, script, *arguments, **environment):
        """A finished Python process."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HTTP", "http"))}
        settings = {
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",  # uploads by the Hub's older protocol, which the server speaks
            "OMP_NUM_THREADS": "1",
            "NO_PROXY": "*",
        }
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            env=inherited | settings | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def done(result):
    """The standard output of a command that succeeded."""
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(result):
    """The last line of a command that failed with one line of its own, after warnings of huggingface_hub at most."""
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("bisic: ")]
    assert lines == result.stderr.splitlines()[-1:]
    assert lines[0].startswith("bisic: error: ")
    return lines[0]


@pytest.fixture(scope="session")
def release_files(tiny_release):
    """Name and content of the files of a release, the card with a licence."""
    files = {path.name: path.read_bytes() for path in tiny_release.iterdir()}
    return files | {"README.md": b"---\nlicense: mit\n---\n\n# tiny\n"}


@pytest.fixture(scope="session")
def other_files(tmp_path_factory):
    """Those of a release with other weights."""
    folder = save_tiny(tmp_path_factory.mktemp("releases") / "other", seed=1)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def hub():
    """A running server without repositories."""
    server = Hub()
    yield server
    server.close()


@pytest.fixture
def commit(hub, release_files):
    """The id of the only commit of org/tiny."""
    return hub.add(NAME, release_files)


@pytest.fixture
def machine(hub, tmp_path):
    """A machine that never used the Hub."""
    return Machine(hub, tmp_path / "home")
