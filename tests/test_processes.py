"""A codec in processes that are forked or spawned; a script that hangs is ended, and fails its test."""

from __future__ import annotations

import os
import pickle
import threading

import numpy as np
import pytest
import torch
from commands import posix_only, printed_by_python
from conftest import save_tiny

import stereocodec.pillow
from stereocodec import StereoCodec, devices
from stereocodec.errors import InvalidInput, InvalidRelease

_START = """
import multiprocessing, sys, threading
import numpy as np
import torch

torch.set_num_threads(2)
views = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)

def loaded():
    from stereocodec import StereoCodec
    return StereoCodec.from_pretrained(sys.argv[1], device="cpu")

def coded(codec):
    data = codec.compress(*views, quality=20)
    codec.decompress(data)
    return torch.get_num_threads(), data

def pooled(work):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return [result.get() for result in [pool.apply_async(work) for _ in range(2)]]
"""
# Each prints the numbers of threads in the forked processes and in their parent, and whether all files are the same.
_FORKED = {
    "a codec that has coded": """
codec = loaded()
expected = coded(codec)
def work():
    return coded(codec)
""",
    "a codec loaded after the fork": """
torch.rand(2000, 2000) @ torch.rand(2000, 2000)  # with both threads
def work():
    return coded(loaded())
found = pooled(work)
expected = coded(loaded())
""",
    "another thread codes meanwhile": """
codec = loaded()
expected = coded(codec)
def work():
    return coded(codec)
enough = threading.Event()
def meanwhile():
    while not enough.is_set():
        coded(codec)
thread = threading.Thread(target=meanwhile)
thread.start()
found = pooled(work)
enough.set()
thread.join()
""",
}
_END = """
found = globals().get("found") or pooled(work)
print(sorted({threads for threads, _ in found}), expected[0], {data for _, data in found} == {expected[1]})
"""


@posix_only
@pytest.mark.slow
@pytest.mark.parametrize("case", _FORKED)
def test_forked_processes_code_with_one_thread(case, tiny_release, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert printed_by_python(_START + _FORKED[case] + _END, tiny_release) == ["[1] 2 True"]


def in_fork(work):
    """Whether `work` gives something true in a forked process; one that hangs is ended by an alarm."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    try:
        import signal

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        os._exit(0 if work() else 1)
    finally:
        os._exit(2)


@posix_only
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_lock_of_the_plug_in_is_free_after_a_fork():
    """Another thread loads weights while the process forks."""
    held, enough = threading.Event(), threading.Event()

    def loading():
        with stereocodec.pillow._lock:
            held.set()
            enough.wait()

    thread = threading.Thread(target=loading)
    thread.start()
    held.wait()
    try:
        assert in_fork(lambda: stereocodec.pillow._lock.acquire(timeout=30))
        assert stereocodec.pillow._lock.locked()
    finally:
        enough.set()
        thread.join()


@posix_only
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_gpu_of_the_parent_is_refused_after_a_fork(monkeypatch, tiny_codec, pair, file):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.torch_device("auto").type == "cuda"

    def refused():
        monkeypatch.setattr(tiny_codec._coder, "device", torch.device("cuda"))
        for use in (
            lambda: devices.torch_device("cuda"),
            lambda: tiny_codec.compress(*pair),
            lambda: tiny_codec.decompress(file),
        ):
            with pytest.raises(InvalidInput, match=r"forked from one that uses the GPU.*spawn"):
                use()
        return devices.torch_device("auto").type == devices.torch_device("cpu").type == "cpu"

    assert in_fork(refused)
    assert devices.torch_device("cuda").type == "cuda"


def test_a_pickled_codec_is_loaded_from_its_folder_again(tmp_path, pair):
    codec = StereoCodec.from_pretrained(save_tiny(tmp_path / "tiny"), device="cpu")
    again = pickle.loads(pickle.dumps(codec))
    assert (type(again), again.model_id, again._coder.device) == (StereoCodec, codec.model_id, torch.device("cpu"))
    assert again._chunks() == codec._chunks()
    built_in = pickle.loads(pickle.dumps(StereoCodec.from_pretrained(device="cpu")))
    assert built_in._chunks() == ()
    data = pickle.dumps(codec)
    assert len(data) < 1000
    for path in (tmp_path / "tiny").iterdir():
        path.unlink()
    (tmp_path / "tiny").rmdir()
    save_tiny(tmp_path / "tiny", seed=1)
    with pytest.raises(InvalidRelease, match="other weights than when this codec was loaded"):
        pickle.loads(data)


def test_tables_hold_no_lock(tiny_codec):
    """One that is held during a fork is held for ever after it."""
    tables = tiny_codec._coder.release.tables.fields
    assert not any(isinstance(value, type(threading.Lock())) for value in vars(tables).values())
    results = [tables.models(np.copy) for _ in range(2)]
    assert results[0] is results[1]
