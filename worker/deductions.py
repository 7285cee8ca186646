"""E, kept per conversation in memory: inferred once every few turns, not once a message."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from schemas.event import Deduction

_CONVERSATIONS: Final = 10_000


@dataclass(slots=True)
class _Kept:
    deduction: Deduction
    uses: int = 0


class Deductions:
    """The latest deductions, the least recently used dropped first.

    A conversation stays with one worker while its partition does; after a rebalance its deduction is made anew.
    """

    def __init__(self, every: int, conversations: int = _CONVERSATIONS) -> None:
        """Make a deduction anew after ``every`` messages."""
        self._every = every
        self._conversations = conversations
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def get(self, tenant: str, conversation: str) -> Deduction | None:
        """The deduction to be used for a message; None when it is to be made anew."""
        kept = self._kept.get((tenant, conversation))
        if kept is None or kept.uses >= self._every - 1:
            return None
        kept.uses += 1
        self._kept.move_to_end((tenant, conversation))
        return kept.deduction

    def put(self, tenant: str, conversation: str, deduction: Deduction) -> None:
        """Keep a new deduction."""
        self._kept[tenant, conversation] = _Kept(deduction)
        self._kept.move_to_end((tenant, conversation))
        if len(self._kept) > self._conversations:
            self._kept.popitem(last=False)
