"""Which adapter version labelled what."""

from collections import defaultdict

from sqlalchemy import Connection, func, select

from console.api.models.adapters import Labelled
from console.queries.reader import Reader
from console.queries.times import to_time
from console.store.tables import NONE, AdapterCount


def labelled(connection: Connection, reader: Reader) -> tuple[Labelled, ...]:
    """Every version that stored events have, the latest at work first."""
    sums = (func.sum(AdapterCount.events).label("events"), func.sum(AdapterCount.corrected).label("corrected"))
    rows = connection.execute(
        select(
            AdapterCount.model, AdapterCount.adapter, AdapterCount.label, *sums,
            func.max(AdapterCount.last_ms).label("last_ms"),
        )
        .where(*reader.narrow(AdapterCount.tenant))
        .group_by(AdapterCount.model, AdapterCount.adapter, AdapterCount.label)
    )  # fmt: skip
    versions = defaultdict(list)
    for row in rows:
        versions[row.model, row.adapter].append(row)
    found = [
        Labelled(
            version=None if adapter == NONE else adapter,
            model=model,
            events=sum(int(row.events) for row in rows),
            unlabelled=sum(int(row.events) for row in rows if row.label == NONE),
            corrected=sum(int(row.corrected) for row in rows),
            labels={row.label: int(row.events) for row in sorted(rows, key=lambda one: one.label) if row.label != NONE},
            last_at=to_time(max(row.last_ms for row in rows)),
        )
        for (model, adapter), rows in versions.items()
    ]
    return tuple(sorted(found, key=lambda one: one.last_at, reverse=True))
