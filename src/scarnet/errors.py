"""The two ways work ends early: bad input, and the user's wish."""

__all__ = ["Cancelled", "ScarNetError"]


class ScarNetError(ValueError):
    """Bad input, told in one clear sentence: what is wrong, where, and what to do.

    Front doors show the message as it is: the terminal after ``error:``, napari as a notification.
    The message never holds a patient's name, ID or date.
    """


class Cancelled(Exception):
    """The user cancelled. Raised by a progress callback, let through by everything that calls one."""
