"""Which case to look at next."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.project.record import CaseRow

__all__ = ["ORDERS", "Order", "comparable", "next_case", "order_cases"]

Order = Literal["random", "in order", "most uncertain first"]

ORDERS: tuple[Order, ...] = get_args(Order)
"""The orders in which a cohort can be worked through."""

_DONE = ("accepted", "excluded")


def comparable(rows: Sequence[CaseRow]) -> list[CaseRow]:
    """Measure the uncertainty of all cases alike.

    Parameters
    ----------
    rows : sequence of CaseRow
        All cases.

    Returns
    -------
    list of CaseRow
        The same; where the network was not asked again of every predicted case, their uncertainty is the entropy alone,
        which is far lower than a mean with the disagreement.
    """
    predicted = [row for row in rows if row.entropy is not None]
    if all(row.disagreement is not None for row in predicted):
        return list(rows)
    return [replace(row, uncertainty=row.entropy) for row in rows]


def order_cases(rows: Sequence[CaseRow], order: Order = "in order", seed: int = 0) -> list[str]:
    """Put the cases that are still to be looked at in order.

    Parameters
    ----------
    rows : sequence of CaseRow
        All cases, in the order of their import.
    order : {"random", "in order", "most uncertain first"}
        How. A random place does not change when other cases come or are done; those without a prediction, and so
        without an uncertainty, come last, in the order of their import.
    seed : int
        Of the random order.

    Returns
    -------
    list of str
        Cases that are neither accepted nor excluded.

    Raises
    ------
    ScarNetError
        There is no such order.
    """
    if order not in ORDERS:
        raise ScarNetError(f"There is no order {order!r}; choose one of: {', '.join(ORDERS)}.")
    waiting = [row for row in rows if row.status not in _DONE]
    if order == "most uncertain first":
        waiting.sort(key=lambda row: -1.0 if row.uncertainty is None else row.uncertainty, reverse=True)
    if order == "random":
        waiting.sort(key=lambda row: np.random.default_rng([seed, *row.case.encode()]).random())
    return [row.case for row in waiting]


def next_case(
    rows: Sequence[CaseRow],
    order: Order = "in order",
    after: str | None = None,
    seed: int = 0,
    seen: Collection[str] = (),
) -> str | None:
    """Give the case to look at next.

    Parameters
    ----------
    rows : sequence of CaseRow
        All cases, in the order of their import.
    order, seed : optional
        As in :func:`order_cases`.
    after : str, optional
        The case that was looked at; one that was accepted meanwhile has its place in the queue still.
    seen : collection of str
        Cases that were looked at before. Most uncertain first, the others come before them, whatever the place of
        `after`: what is uncertain changes while cases are predicted.

    Returns
    -------
    str or None
        The next one, from the start again after the last; None where none is left but `after` itself.
    """
    if order == "most uncertain first" and seen:
        unseen = [case for case in order_cases(rows, order) if case != after and case not in seen]
        if unseen:
            return unseen[0]
    present = [row for row in rows if row.case == after]
    as_if_waiting = [CaseRow(**{**vars(row), "status": "in progress"}) if row in present else row for row in rows]
    names = order_cases(as_if_waiting, order, seed)
    place = names.index(after) if after in names else -1
    following = [*names[place + 1 :], *names[: max(place, 0)]]
    return following[0] if following else None
