"""What README.md promises: its commands, its example, its links, and the versions that it installs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sysconfig
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from stereocodec import StereoCodec, __version__
from stereocodec.pictures.rgb import psnr, to_rgb8

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
VIEWS = ("left", "right")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def steps(command):
    return [shlex.split(step) for step in command.split(" && ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the sample pair where a checkout has it."""
    shutil.copytree(REPOSITORY / "docs" / "sample", tmp_path / "docs" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_first_command_installs_and_does_the_main_job(folder):
    main_job, _ = blocks("sh")
    make_environment, install, *job = steps(main_job)
    assert make_environment == ["python3", "-m", "venv", ".venv"]
    assert install == [".venv/bin/pip", "install", "-c", "constraints.txt", "."]
    assert (REPOSITORY / install[3]).is_file()
    assert [step[:2] for step in job] == [[".venv/bin/bisic", name] for name in ("encode", "decode", "info")]
    installed = Path(sysconfig.get_path("scripts")) / "bisic"
    for step in job:
        subprocess.run([installed, *step[1:]], check=True, timeout=300)
    for view in VIEWS:
        with (
            Image.open(folder / f"pair_{view}.png") as decoded,
            Image.open(folder / f"docs/sample/{view}.png") as image,
        ):
            assert psnr(to_rgb8(image, view), to_rgb8(decoded, view)) > 24
    size = sum((folder / f"docs/sample/{view}.png").stat().st_size for view in VIEWS)
    assert (folder / "pair.bsc").stat().st_size < size / 10


def test_the_second_command_installs_the_tests_and_is_what_ci_runs():
    _, tests = blocks("sh")
    assert steps(tests) == [
        ["python3", "-m", "venv", ".venv"],
        [".venv/bin/pip", "install", "-c", "constraints.txt", ".[test]"],
        [".venv/bin/pytest"],
    ]
    # The pattern by which .ci/run finds the command picks this one and nothing else.
    (pattern,) = re.findall(r'grep -m 1 "(.*)" README\.md', (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"))
    assert [line for line in README.splitlines() if re.search(pattern, line)] == [tests.strip()]


@pytest.mark.slow
def test_the_python_example_runs(folder):
    (example,) = blocks("python")
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    for view in VIEWS:
        assert names[view].size == (960, 640)
    decoded = StereoCodec.from_pretrained("bisic-rt").decompress(names["data"])
    assert [image.tobytes() for image in decoded] == [names[view].tobytes() for view in VIEWS]


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) > 5
    local = [target for target in targets if not target.startswith("https://")]
    assert [target for target in local if not (REPOSITORY / target.partition("#")[0]).is_file()] == []
    for page, heading in (target.split("#") for target in local if "#" in target):
        headings = re.findall(r"(?m)^#+ (.*)$", (REPOSITORY / page).read_text(encoding="utf-8"))
        assert heading in [re.sub(r"[^\w -]", "", words).lower().replace(" ", "-") for words in headings]


def test_the_changelog_has_this_version():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == __version__


def test_every_dependency_is_pinned_once():
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    assert all(re.fullmatch(r"==[0-9.]+", str(pin.specifier)) for pin in chain.from_iterable(pins.values()))

    def count(name, environment=None):
        return sum(pin.marker is None or pin.marker.evaluate(environment) for pin in pins.get(name, ()))

    names = needed("stereocodec[test]")
    assert {"torch", "pytest", "sympy"} <= set(names)
    assert [name for name in names if count(name) != 1] == []
    for python in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        assert [name for name in pins if count(name, environment) > 1] == []


def needed(requirement):
    """Names of all that a requirement needs here, without itself and the CUDA libraries, which torch itself pins."""
    found, open_requirements = set(), [Requirement(requirement)]
    while open_requirements:
        parent = open_requirements.pop()
        try:
            requirements = [Requirement(line) for line in metadata.requires(parent.name) or ()]
        except metadata.PackageNotFoundError:  # an extra that is not installed: its own needs are unknown
            continue
        for child in requirements:
            environments = [{**default_environment(), "extra": extra} for extra in ("", *parent.extras)]
            if child.marker and not any(child.marker.evaluate(environment) for environment in environments):
                continue
            name = canonicalize_name(child.name)
            if name.startswith(("nvidia-", "cuda-", "triton")):
                continue
            if name != "stereocodec":
                if name in found and not child.extras:
                    continue
                found.add(name)
            open_requirements.append(child)
    return sorted(found)
