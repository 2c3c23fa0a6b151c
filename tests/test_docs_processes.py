"""Code on the page for programmers that runs in processes of its own: scripts, as they stand there."""

from __future__ import annotations

import pytest
from commands import posix_only, printed_by
from conftest import sample_crop
from pages import script

from stereocodec import StereoCodec

pytestmark = pytest.mark.slow

PAGE = "docs/python.md"
STARTS = [pytest.param("fork", marks=posix_only), "spawn"]


@pytest.fixture(scope="module")
def small_file():
    return StereoCodec.from_pretrained(device="cpu").compress(*sample_crop(64, 96), quality=20)


@pytest.fixture
def folder(tmp_path, small_file, monkeypatch):
    """The current folder, with a.bsc and b.bsc, of 96x64 pixels; nothing says how many threads there are."""
    for name in "ab":
        (tmp_path / f"{name}.bsc").write_bytes(small_file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


@pytest.mark.parametrize("start", STARTS)
def test_the_pool(start, folder):
    code = script(PAGE, "pool.py")
    assert '"spawn"' in code
    (folder / "pool.py").write_text(code.replace('"spawn"', f'"{start}"'))
    assert printed_by("pool.py") == ["[96, 96]"]


@pytest.mark.parametrize("start", STARTS)
def test_the_loader(start, folder):
    code = script(PAGE, "loader.py")
    context = f"    import torch.multiprocessing\n    torch.multiprocessing.set_start_method('{start}')\n"
    head, end, rest = code.partition('if __name__ == "__main__":\n')
    (folder / "loader.py").write_text(head + end + context + rest)
    assert printed_by("loader.py") == ["(1, 3, 64, 96)"] * 2


@posix_only
def test_the_server(folder):
    """As gunicorn with --preload has it: the application first, then processes, and threads in them."""
    (folder / "server.py").write_text(script(PAGE, "server.py"))
    (folder / "preload.py").write_text("""
import io, os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
sys.path.insert(0, "")
from server import application, codec
data = Path("a.bsc").read_bytes()
codec.decompress(data)
def ask(body):
    said = []
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    answer = b"".join(application(environ, lambda status, headers: said.append(status)))
    return said, answer[:4]
process = os.fork()
if process:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
with ThreadPoolExecutor(2) as pool:
    print(*pool.map(ask, [data, data, data[:-1]]), flush=True)
""")
    (answers,) = printed_by("preload.py")
    assert answers.count("200 OK") == answers.count("PNG") == 2
    assert answers.count("400 Bad Request") == 1
