"""Insert, or change what is there: one way to say it for both databases."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func
from sqlalchemy.dialects import postgresql, sqlite

from console.store.tables import Base


def table_of(mapped: type[Base]) -> Table:
    """The table of a class."""
    table = mapped.__table__
    assert isinstance(table, Table)  # noqa: S101 - tells mypy what SQLAlchemy always has
    return table


def add_up(
    connection: Connection,
    mapped: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    latest: Collection[str] = (),
) -> None:
    """Insert rows; where there is one with the same key, add each number to its own.

    Args:
        connection: in a transaction.
        mapped: the table.
        rows: no two with the same key.
        latest: columns of which the greater counts instead of the sum.
    """
    if not rows:
        return
    table = table_of(mapped)
    insert = _insert(connection)(table)
    columns = [one for one in table.columns if not one.primary_key]
    changes = {
        one.name: _greater(connection, one, insert.excluded[one.name])
        if one.name in latest
        else one + insert.excluded[one.name]
        for one in columns
    }
    # In the order of keys: PostgreSQL locks row by row.
    ordered = sorted(rows, key=lambda row: [row[one.name] for one in table.primary_key.columns])
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changes), ordered
    )


def replace(
    connection: Connection, mapped: type[Base], rows: Sequence[Mapping[str, Any]], key: Collection[str] = ()
) -> None:
    """Insert rows; where there is one with the same key, put the new one in its place.

    Args:
        connection: in a transaction.
        mapped: the table.
        rows: no two with the same key.
        key: columns of a unique constraint; the primary key where left out.
    """
    if not rows:
        return
    table = table_of(mapped)
    insert = _insert(connection)(table)
    named = key or [one.name for one in table.primary_key.columns]
    changes = {name: insert.excluded[name] for name in rows[0] if name not in named}
    connection.execute(insert.on_conflict_do_update(index_elements=list(named), set_=changes), list(rows))


def _insert(connection: Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def _greater(connection: Connection, one: Any, other: Any) -> Any:
    return func.greatest(one, other) if connection.dialect.name == "postgresql" else func.max(one, other)
