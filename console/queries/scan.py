"""Pages out of a large table in bounded time, whatever is asked for.

A list is in the order of one index for each filter. With one filter its index gives the page at once; with several, no
index knows where the few rows are that pass them all. So the one that fewest rows pass leads, a bounded number of its
rows is looked through at a time, and when the time is up the page is what was found, with a cursor to go on from.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, or_, select, union_all

from console.queries.cursors import Position
from console.queries.expressions import AnyRow, Column, Condition

#: How long a page may be looked for before the search ends at a round.
_BUDGET_S: Final = 0.12
#: Rows looked through in each round: few at first, for most searches end there.
_ROUNDS: Final = (1_000, 5_000, 15_000)


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list, which each filter's index has after its own column.

    Attributes:
        key: sorted by first, then by ``id``.
        descending: both of them.
    """

    key: Column
    id: Column
    descending: bool = True

    def by(self) -> tuple[Column, Column]:
        """For ORDER BY."""
        return (self.key.desc(), self.id.desc()) if self.descending else (self.key.asc(), self.id.asc())

    def after(self, place: Position) -> Condition:
        """Rows that come later in the list."""
        if self.descending:
            return and_(self.key <= place.key, or_(self.key < place.key, self.id < place.id))
        return and_(self.key >= place.key, or_(self.key > place.key, self.id > place.id))

    def until(self, place: Position) -> Condition:
        """Rows that come earlier, and the one at the place itself."""
        if self.descending:
            return and_(self.key >= place.key, or_(self.key > place.key, self.id >= place.id))
        return and_(self.key <= place.key, or_(self.key < place.key, self.id <= place.id))


@dataclass(frozen=True, slots=True)
class Found:
    """A page.

    Attributes:
        next: where to go on; None at the end of the list.
    """

    rows: tuple[AnyRow, ...]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes:
        columns: of the rows.
        order: of the list.
        leading: conditions, each with an index that has the list's order; a row passes one of them. One alone is the
            usual case; several are the values of one column.
        bounds: limits on the order's key, which every index serves.
        others: further conditions, which no index has to know.
    """

    columns: Sequence[Column]
    order: Order
    leading: Sequence[Condition] = ()
    bounds: Sequence[Condition] = ()
    others: Sequence[Condition] = ()

    def page(self, connection: Connection, limit: int, after: Position | None) -> Found:
        """The next rows."""
        if not self.others:
            return self._at_once(connection, limit, after)
        rows: list[AnyRow] = []
        deadline = time.monotonic() + _BUDGET_S
        number = 0
        while True:
            size = _ROUNDS[min(number, len(_ROUNDS) - 1)]
            end = self._boundary(connection, after, size)
            rows += self._look_through(connection, after, size, limit + 1 - len(rows))
            if len(rows) > limit:
                return Found(tuple(rows[:limit]), _place(rows[limit - 1]))
            if end is None:
                return Found(tuple(rows), None)
            after, number = end, number + 1
            if time.monotonic() > deadline:
                return Found(tuple(rows), after)

    def _at_once(self, connection: Connection, limit: int, after: Position | None) -> Found:
        ids = self._leading_rows(after, limit + 1).subquery()
        rows = connection.execute(self._rows(ids).order_by(*self.order.by()).limit(limit + 1)).all()
        more = len(rows) > limit
        return Found(tuple(rows[:limit]), _place(rows[limit - 1]) if more else None)

    def _look_through(self, connection: Connection, after: Position | None, size: int, limit: int) -> Sequence[AnyRow]:
        ids = self._leading_rows(after, size).subquery()
        return connection.execute(self._rows(ids).where(*self.others).order_by(*self.order.by()).limit(limit)).all()

    def _rows(self, ids: Any) -> Select[Any]:
        named: tuple[Column, ...] = (self.order.key.label("_key"), self.order.id.label("_id"))
        return select(*self.columns, *named).join(ids, ids.c.found_id == self.order.id)

    def _boundary(self, connection: Connection, after: Position | None, size: int) -> Position | None:
        """Where the rows end that `_look_through` sees; None where the list does."""
        ids = self._leading_rows(after, size).subquery()
        order = Order(ids.c.found_key, ids.c.found_id, self.order.descending)
        found = connection.execute(
            select(ids.c.found_key, ids.c.found_id).order_by(*order.by()).offset(size - 1).limit(1)
        ).first()
        return None if found is None else Position(found[0], found[1])

    def _leading_rows(self, after: Position | None, size: int) -> Select[Any]:
        bounds = [*self.bounds, *([] if after is None else [self.order.after(after)])]
        key: Column = self.order.key.label("found_key")
        number: Column = self.order.id.label("found_id")
        each = [
            select(key, number).where(*one, *bounds).order_by(*self.order.by()).limit(size)
            for one in ([[one] for one in self.leading] or [[]])
        ]
        if len(each) == 1:
            return each[0]
        every = union_all(*(select(one.subquery()) for one in each)).subquery()
        order = Order(every.c.found_key, every.c.found_id, self.order.descending)
        return select(every.c.found_key, every.c.found_id).order_by(*order.by()).limit(size)


def _place(row: AnyRow) -> Position:
    return Position(row._mapping["_key"], row._mapping["_id"])  # noqa: SLF001 - its public name
