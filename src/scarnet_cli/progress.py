"""Progress bars on stderr, fed by the core's progress callbacks."""

import sys
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

__all__ = ["Bars"]


class Bars:
    """Show progress as tqdm bars, where there is a terminal to show them on.

    An instance is a :data:`scarnet.progress.Progress`; it never cancels: Ctrl-C does.

    Parameters
    ----------
    quiet : bool
        Show no bars and say nothing.
    cases : int
        Number of cases in the batch; more than one get a bar of their own above.
    """

    def __init__(self, quiet: bool = False, cases: int = 1) -> None:
        self._quiet = quiet
        # Bars on a terminal only: a log file is not to fill with control characters.
        self._shown = not quiet and sys.stderr.isatty()
        self._inner: Any = None
        self._outer: Any = self._bar(cases, "cases", position=0) if self._shown and cases > 1 else None

    def __enter__(self) -> Self:
        """Show the bars until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars away."""
        self._close_inner()
        if self._outer is not None:
            self._outer.close()
            self._outer = None

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show that so much of the present work is done.

        Parameters
        ----------
        done, total : int
            Steps done and to do.
        what : str
            The work, in a few words.
        """
        if not self._shown:
            return
        # Work of another length, or work that starts again, is other work.
        if self._inner is not None and (self._inner.total != total or done < self._inner.n):
            self._close_inner()
        if self._inner is None:
            self._inner = self._bar(total, what, position=int(self._outer is not None))
        self._inner.set_description_str(what, refresh=False)
        self._inner.update(done - self._inner.n)
        if done >= total:
            self._close_inner()

    def case_done(self) -> None:
        """Count one case of the batch as done, well or badly."""
        self._close_inner()
        if self._outer is not None:
            self._outer.update(1)

    def say(self, text: str) -> None:
        """Print a line on stdout, above the bars; nothing when quiet.

        Parameters
        ----------
        text : str
            The line.
        """
        if self._quiet:
            return
        with self.cleared():
            print(text, flush=True)

    def note(self, text: str) -> None:
        """Print a remark on stderr, above the bars; nothing when quiet.

        Parameters
        ----------
        text : str
            One sentence.
        """
        if self._quiet:
            return
        with self.cleared():
            print(f"note: {text}", file=sys.stderr, flush=True)

    def cleared(self) -> AbstractContextManager[None]:
        """Take the bars off the screen while something is printed."""
        self._close_inner()
        if not self._shown:
            return nullcontext()
        from tqdm import tqdm

        return tqdm.external_write_mode(file=sys.stderr)

    def _bar(self, total: int, what: str, position: int) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=total,
            desc=what,
            position=position,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=True,
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]",
        )

    def _close_inner(self) -> None:
        if self._inner is not None:
            self._inner.close()
            self._inner = None
