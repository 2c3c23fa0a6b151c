"""What a command imports is not searched for garbage."""

from __future__ import annotations

import gc

import pytest
from stereocodec_cli._quick_imports import quick_imports


@pytest.fixture(autouse=True)
def unfrozen():
    yield
    gc.unfreeze()


def test_nothing_is_collected_until_the_imports_are_done_and_they_never_are():
    with quick_imports():
        assert not gc.isenabled()
        imported = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(imported)


def test_a_failed_import_leaves_collection_on():
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled()
