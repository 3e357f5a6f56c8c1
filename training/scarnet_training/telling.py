"""How far the parts of a run are that have no steps: the localiser, encoding views, validating."""

import time
from typing import Literal

from scarnet.progress import Progress
from scarnet_training.run_folder import RunFolder

__all__ = ["told"]

_SECONDS = 0.5


def told(
    run: RunFolder, of: Literal["localiser", "views", "validation", "end"], progress: Progress, passes: int = 1
) -> Progress:
    """Make a progress callback that writes ``progress`` events as well, at most two a second.

    Parameters
    ----------
    run : RunFolder
        Whose events.
    of : {"localiser", "views", "validation", "end"}
        What is done; its units are epochs, slices or patients.
    progress : Progress
        Called each time.
    passes : int
        How many times it begins at 0; the events count through all of them.

    Returns
    -------
    Progress
        The callback.
    """
    begun, last = -1, 0.0

    def tell(done: int, total: int, what: str) -> None:
        nonlocal begun, last
        progress(done, total, what)
        begun += done == 0
        now = time.monotonic()
        if done == 0 or now - last >= _SECONDS:
            last = now
            run.event("progress", of=of, done=max(begun, 0) * total + done, total=passes * total)

    return tell
