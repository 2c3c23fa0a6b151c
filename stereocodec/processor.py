"""How the threads of numpy and PyTorch wait for one another, and whose processor this is; imports neither."""

from __future__ import annotations

import functools
import os

# Of GNU OpenMP, which PyTorch computes with on Linux: a single command is as fast as with the library's 300,000. And of
# OpenBLAS, whose threads wait for 2^26 cycles otherwise.
_SPIN_COUNT, _SPIN_CYCLES = "1000", "4"
# Linux tells of one processor core after the other; whose the first one is comes at the beginning.
_CORES, _BEGINNING = "/proc/cpuinfo", 1024


def let_waiting_threads_sleep() -> None:
    """Says in the environment, where that does not say otherwise, that threads that wait for one another sleep soon.

    To be called before numpy and PyTorch are loaded. Else they spin, which beside other work on the same cores keeps
    those from working that are waited for: two commands at once would take many times as long as one after the other.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", _SPIN_CYCLES)


def waiting_threads_sleep() -> bool:
    """Whether the environment says so of the threads of both libraries."""
    openmp_sleeps = "GOMP_SPINCOUNT" in os.environ or os.environ.get("OMP_WAIT_POLICY", "").lower() == "passive"
    return openmp_sleeps and "OPENBLAS_THREAD_TIMEOUT" in os.environ


@functools.cache
def is_amd() -> bool:
    """Whether this is a processor of AMD; False where Linux does not tell."""
    try:
        with open(_CORES, "rb") as file:
            return b"AuthenticAMD" in file.read(_BEGINNING)
    except OSError:
        return False
