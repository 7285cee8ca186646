"""Whose request is next: tenants share the places in flight, and each partition's requests go in its order. Pure.

What is committed of a partition is its finished prefix, so a request that overtakes others of its own partition gains
nothing: its event waits for theirs. Therefore tenants take turns, but a turn is spent on the *first* waiting request of
the partition in which the tenant's oldest one stands. A tenant that waits behind another's backlog pays for it with its
own share, and gets through it as fast as that allows (the remedy is known as priority inheritance).
"""

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Final, Generic, TypeVar

Item = TypeVar("Item")

#: Outdated entries of the heap that are put up with before they are thrown out.
_SLACK: Final = 64


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item]):
    """One request; `waits` turns false when it has a place, or is dropped."""

    item: Item
    lane: Hashable
    tenant: "_Tenant"
    waits: bool = True


@dataclass(slots=True, eq=False)
class _Tenant:
    """One tenant's hold on the places.

    Attributes:
        held: places that were taken in its turns.
        turn: number of its latest turn; among equals, whose is longest ago comes first.
        ticket: of its one valid entry in the heap.
        waiting: its requests that wait.
        queue: its requests, the oldest first.
    """

    name: str
    weight: float
    held: int = 0
    turn: int = 0
    ticket: int = 0
    waiting: int = 0
    queue: deque[_Waiting[Any]] = field(default_factory=deque)

    def waits(self) -> bool:
        """Whether anything of it still waits."""
        while self.queue and not self.queue[0].waits:
            self.queue.popleft()
        return bool(self.queue)


class FairQueue(Generic[Item]):
    """Weighted max-min sharing of places, work-conserving: an only tenant gets all of them.

    The next turn is that of the waiting tenant that holds the fewest places for its weight.

    Args:
        weights: by tenant; one that is not named has weight 1.
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._weights = weights or {}
        self._tenants: dict[str, _Tenant] = {}
        self._lanes: dict[Hashable, deque[_Waiting[Item]]] = {}
        # Places held for the weight, latest turn, ticket, name.
        self._heap: list[tuple[float, int, int, str]] = []
        self._turns = 0
        self._tickets = 0
        self._length = 0
        self._waiting_weight = 0.0

    def __len__(self) -> int:
        return self._length

    @property
    def tenants(self) -> int:
        """How many tenants wait or hold a place."""
        return len(self._tenants)

    def put(self, item: Item, tenant: str, lane: Hashable) -> None:
        """Wait at the end of a lane, which is whatever must stay in order (a partition's assignment)."""
        found = self._tenants.get(tenant)
        if found is None:
            found = self._tenants[tenant] = _Tenant(tenant, self._weights.get(tenant, 1.0))
        waiting = _Waiting(item, lane, found)
        found.queue.append(waiting)
        if not found.waiting:
            self._waiting_weight += found.weight
            self._queue_up(found)
        found.waiting += 1
        self._lanes.setdefault(lane, deque()).append(waiting)
        self._length += 1

    def take(self) -> tuple[Item, str] | None:
        """The next request and the tenant whose turn it was, who holds the place; None where nothing waits."""
        while self._heap:
            _, _, ticket, name = heappop(self._heap)
            tenant = self._tenants.get(name)
            if tenant is None or tenant.ticket != ticket or not tenant.waits():
                continue
            first = self._pop(tenant.queue[0].lane)
            self._turns += 1
            tenant.held += 1
            tenant.turn = self._turns
            if not first.tenant.waiting and not first.tenant.held:
                del self._tenants[first.tenant.name]
            if tenant.waits():
                self._queue_up(tenant)
            return first.item, name
        return None

    def give_back(self, name: str) -> None:
        """A place that was taken in this tenant's turn is free again."""
        tenant = self._tenants[name]
        tenant.held -= 1
        if tenant.waits():
            self._queue_up(tenant)
        elif not tenant.held:
            del self._tenants[name]

    def drop(self, lane: Hashable) -> list[Item]:
        """Forget what waits in a lane; says what that was, in order."""
        dropped = self._lanes.pop(lane, ())
        for waiting in dropped:
            self._leaves(waiting)
        self._forget_idle()
        return [waiting.item for waiting in dropped]

    def over_share(self, name: str) -> bool:
        """Whether a tenant, with the request of it that was just taken, has at least its share of what waits."""
        tenant = self._tenants.get(name)
        weight = self._weights.get(name, 1.0)
        waiting = tenant.waiting if tenant else 0
        weights = self._waiting_weight + (0.0 if waiting else weight)
        return (waiting + 1) * weights >= (self._length + 1) * weight

    def lanes(self) -> list[Hashable]:
        """Those in which something waits."""
        return list(self._lanes)

    def heads(self) -> Iterator[Item]:
        """The first of each lane."""
        return (lane[0].item for lane in self._lanes.values())

    def _pop(self, lane: Hashable) -> _Waiting[Item]:
        waiting = self._lanes[lane]
        first = waiting.popleft()
        if not waiting:
            del self._lanes[lane]
        self._leaves(first)
        return first

    def _leaves(self, waiting: _Waiting[Item]) -> None:
        waiting.waits = False
        waiting.tenant.waiting -= 1
        if not waiting.tenant.waiting:
            self._waiting_weight -= waiting.tenant.weight
        self._length -= 1

    def _queue_up(self, tenant: _Tenant) -> None:
        self._tickets += 1
        tenant.ticket = self._tickets
        if len(self._heap) > 2 * len(self._tenants) + _SLACK:
            self._heap = [one for one in self._heap if (of := self._tenants.get(one[3])) and of.ticket == one[2]]
            heapify(self._heap)
        heappush(self._heap, (tenant.held / tenant.weight, tenant.turn, tenant.ticket, tenant.name))

    def _forget_idle(self) -> None:
        for name in [one.name for one in self._tenants.values() if not one.held and not one.waits()]:
            del self._tenants[name]
