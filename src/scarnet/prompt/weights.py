"""LiteMedSAM's official weights: where they are on this computer, whether they are the right ones, how to get them."""

from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.models.store import file_sha256
from scarnet.progress import Progress, silent

__all__ = [
    "WEIGHTS_SHA256",
    "WEIGHTS_URL",
    "check_weights",
    "download_weights",
    "remember_weights",
    "remembered_weights",
]

WEIGHTS_SHA256 = "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76"
"""Digest of ``lite_medsam.pth`` as its authors published it (Apache-2.0)."""

WEIGHTS_URL = (
    "https://drive.usercontent.google.com/download?id=18Zed-TUTsmr2zc5CHUWd5Tu13nb6vq6z&export=download&confirm=t"
)
"""The file that the LiteMedSAM branch of github.com/bowang-lab/MedSAM links to."""

_CHUNK = 1 << 20
# Weights are 39 MB; a server that sends far more sends something else.
_MOST_BYTES = 200 << 20


def _folder() -> Path:
    """Where a downloaded file goes, and where the path of the user's own file is noted."""
    import platformdirs

    return platformdirs.user_data_path("scarnet", appauthor=False) / "lite-medsam"


def check_weights(path: Path | str) -> Path:
    """Make sure that a file is LiteMedSAM's official checkpoint.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ScarNetError
        It cannot be read, or is another file.
    """
    path = Path(path)
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ScarNetError(f"{path} cannot be read ({error.strerror}); choose LiteMedSAM's weights again.") from error
    if found != WEIGHTS_SHA256:
        raise ScarNetError(
            f"{path.name} is not LiteMedSAM's official lite_medsam.pth: its sha256 starts with {found[:8]}, not with "
            f"{WEIGHTS_SHA256[:8]}; choose that file, or download it."
        )
    return path


def remembered_weights() -> Path | None:
    """Give the file that was chosen or downloaded last.

    Returns
    -------
    Path or None
        None where none was, or it is gone. It is not checked; :func:`check_weights` does that.
    """
    note = _folder() / "path.txt"
    try:
        path = Path(note.read_text(encoding="utf-8").strip())
    except OSError:
        return None
    return path if path.is_file() else None


def remember_weights(path: Path | str) -> Path:
    """Check a file and note where it is, for the next time.

    Parameters
    ----------
    path : Path or str
        The file; it stays where it is.

    Returns
    -------
    Path
        Its absolute path.

    Raises
    ------
    ScarNetError
        It is another file, or the note cannot be written.
    """
    path = check_weights(path).absolute()
    with atomic_path(make_folder(_folder()) / "path.txt") as note:
        note.write_text(f"{path}\n", encoding="utf-8")
    return path


def download_weights(progress: Progress = silent, url: str = WEIGHTS_URL) -> Path:
    """Download the weights, check them, and remember them.

    Parameters
    ----------
    progress : Progress
        Told of the megabytes; may cancel.
    url : str
        Where from.

    Returns
    -------
    Path
        The file, in the user's data folder; a file that is wrong or half there is never left behind.

    Raises
    ------
    ScarNetError
        The server cannot be reached, sends something else, or the file cannot be written.
    """
    target = make_folder(_folder()) / "lite_medsam.pth"
    progress(0, 0, "Asking for LiteMedSAM's weights")
    with atomic_path(target) as partial:
        _fetch(url, partial, progress)
        progress(0, 0, "Checking the file")
        if file_sha256(partial) != WEIGHTS_SHA256:
            raise ScarNetError(
                "The download of LiteMedSAM's weights gave another file than its authors published (its sha256 "
                "differs); try again later, or get lite_medsam.pth from github.com/bowang-lab/MedSAM and choose it."
            )
    return remember_weights(target)


def _fetch(url: str, path: Path, progress: Progress) -> None:
    done = 0
    with path.open("wb") as file:
        for chunk, total in _chunks(url):
            file.write(chunk)
            done += len(chunk)
            if done > _MOST_BYTES:
                raise ScarNetError("The download is far larger than LiteMedSAM's weights, so it was stopped.")
            progress(done >> 20, max(total, done) >> 20, "Downloading (MB)")


def _chunks(url: str) -> Iterator[tuple[bytes, int]]:
    """Give the answer piece by piece, each with the whole's length in bytes, 0 where the server does not say."""
    try:
        with urlopen(Request(url, headers={"User-Agent": "napari-scarnet"}), timeout=30) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK):
                yield chunk, total
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ScarNetError(
            f"LiteMedSAM's weights cannot be downloaded ({reason}); check the connection, or choose a file you have."
        ) from error
