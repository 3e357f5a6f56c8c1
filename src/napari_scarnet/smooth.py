"""Keeping the window smooth while a thread imports large libraries and computes."""

import gc
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["FrozenHeap", "preload_torch", "without_collector_pauses"]

_lock = threading.Lock()
_importing = 0
_frozen = 0


class FrozenHeap:
    """Keeps garbage collections short while something is computed or shown.

    Entered, everything that is alive is left out of collections, so that one holds the window for a few milliseconds
    instead of a third of a second. Leaving puts it back. Several may be entered at once.
    """

    def __init__(self) -> None:
        self._entered = False

    def enter(self) -> None:
        """Leave what is alive out of collections, until :meth:`leave`."""
        global _frozen
        with _lock:
            if not self._entered:
                self._entered = True
                _frozen += 1
                gc.freeze()

    def leave(self, *_: object) -> None:
        """Collect everything again as usual; harmless when done twice."""
        global _frozen
        with _lock:
            if self._entered:
                self._entered = False
                _frozen -= 1
                if _frozen == 0:
                    gc.unfreeze()

    def __enter__(self) -> "FrozenHeap":
        """Enter for the length of a block."""
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self.leave()


@contextmanager
def without_collector_pauses() -> Iterator[None]:
    """Put off full garbage collections and switch threads more often, for imports in a thread.

    A full collection of napari's heap holds every thread for about a third of a second, and importing torch sets off
    several. It comes once the block has ended.

    Yields
    ------
    None
        Blocks may overlap in several threads.
    """
    global _importing
    with _lock:
        _importing += 1
        if _importing == 1:
            gc.disable()
            sys.setswitchinterval(0.001)
    try:
        yield
    finally:
        with _lock:
            _importing -= 1
            if _importing == 0:
                sys.setswitchinterval(0.005)
                # What was imported stays; moving it to the oldest generation spares looking through it now.
                gc.freeze()
                if _frozen == 0:
                    gc.unfreeze()
                gc.enable()


def preload_torch() -> None:
    """Let the system load torch's libraries without holding Python's lock, as a plain import would.

    Does nothing where torch is loaded already, and nothing on systems without ``dlopen``, where importing works all
    the same.
    """
    if "torch" in sys.modules or sys.platform == "win32":
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return
    import ctypes

    try:
        # Called as a foreign function, dlopen runs without the lock; ctypes.CDLL(path) would hold it.
        dlopen = ctypes.CDLL(None).dlopen
    except (OSError, AttributeError):
        return
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    folder = Path(next(iter(spec.submodule_search_locations))) / "lib"
    suffix = "dylib" if sys.platform == "darwin" else "so"
    # The first of them holds the CUDA libraries' order and is made to be loaded globally, as torch does itself.
    for name, mode in (
        ("torch_global_deps", os.RTLD_GLOBAL),
        ("c10", os.RTLD_LOCAL),
        ("torch_cpu", os.RTLD_LOCAL),
        ("torch_python", os.RTLD_LOCAL),
    ):
        library = folder / f"lib{name}.{suffix}"
        if library.is_file():
            dlopen(str(library).encode(), os.RTLD_NOW | mode)
