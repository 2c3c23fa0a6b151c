"""What a command imports with PyTorch is not searched for garbage."""

from __future__ import annotations

import gc
import sys

import pytest
from stereocodec_cli._networks import import_networks


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    yield
    gc.unfreeze()
    sys.modules.pop("many_objects", None)


def test_nothing_is_collected_while_it_imports_and_what_is_there_never_is(tmp_path):
    (tmp_path / "many_objects.py").write_text(
        "import gc\nenabled = gc.isenabled()\nlists = [[] for _ in range(1000)]\n"
    )
    import_networks("many_objects")
    assert not sys.modules["many_objects"].enabled
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000


def test_a_failed_import_leaves_collection_on():
    with pytest.raises(ImportError):
        import_networks("no_such_module_as_this")
    assert gc.isenabled()
