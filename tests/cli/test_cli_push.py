"""`bisic push` on licences: none is invented, a missing one is told, and what is none is refused."""

from __future__ import annotations

import pytest
from commands import error_line, run
from hub_machine import NAME

from stereocodec.releases import hub


@pytest.fixture
def published(monkeypatch):
    """Metadata of what would be published."""
    found = []

    def publish(folder, repository, *, model_card_kwargs, **options):
        found.append(model_card_kwargs)
        return "https://hub/commit"

    monkeypatch.setattr(hub, "publish", publish)
    return found


def test_a_card_without_a_licence_is_published_with_a_word_of_it(published, tiny_release):
    result = run("push", str(tiny_release), NAME)
    assert (result.exit_code, result.stdout) == (0, f"{NAME}: https://hub/commit\n")
    assert result.stderr == "the card names no licence, so that nobody may use the model: add --licence NAME\n"
    assert published == [None]


def test_the_licence_that_is_given_is_published(published, tiny_release):
    result = run("push", str(tiny_release), NAME, "--licence", "cc-by-4.0")
    assert (result.exit_code, result.stderr) == (0, "")
    assert published == [{"license": "cc-by-4.0"}]


def test_what_is_no_licence_is_refused_before_anything_is_sent(published, tiny_release):
    line = error_line(run("push", str(tiny_release), NAME, "--licence", "mit\ntags: [x]"))
    assert "is not the name of a licence: write one word, such as mit" in line
    assert published == []
