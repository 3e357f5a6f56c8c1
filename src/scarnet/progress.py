"""How long work reports progress and learns that it was cancelled."""

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``; raises :class:`scarnet.errors.Cancelled` to stop the work."""


def silent(done: int, total: int, what: str) -> None:
    """Report nothing and never cancel."""
