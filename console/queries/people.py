"""People's labels, and how far people agree."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from sqlalchemy import Connection, select

from console.api.models.people import Agreement, LabelPage, Pair, Reviewer
from console.queries.cursors import Position
from console.queries.expressions import AnyRow, Condition
from console.queries.reader import Reader
from console.queries.rows import GIVEN, given_label
from console.queries.times import to_time
from console.store.tables import CurrentLabel, Event, LabelRecord
from schemas.agreement import krippendorff_alpha

#: Enough to tell agreement to a percentage point, and few enough to be counted while somebody waits.
_LATEST: Final = 10_000


def label_page(
    connection: Connection,
    reader: Reader,
    *,
    by: str | None,
    tenant: str | None,
    conversation_id: str | None,
    event_id: str | None,
    limit: int,
    after: Position | None,
) -> LabelPage:
    """Labels as they came, the newest first."""
    where: list[Condition] = [
        *reader.narrow(LabelRecord.tenant, tenant),
        *(
            column == value
            for column, value in (
                (LabelRecord.labelled_by, by),
                (LabelRecord.conversation_id, conversation_id),
                (LabelRecord.event_id, event_id),
            )
            if value is not None
        ),
        # What came before its event is shown once that is there.
        LabelRecord.event_id == Event.event_id,
    ]
    if after is not None:
        where.append(LabelRecord.id < after.id)
    rows = connection.execute(select(*GIVEN).where(*where).order_by(LabelRecord.id.desc()).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    return LabelPage(
        labels=tuple(given_label(row) for row in rows),
        next_cursor=Position(0, rows[-1].record_id).encode() if more else None,
    )


def agreement(
    connection: Connection, reader: Reader, *, tenant: str | None, taxonomy: str | None, since_ms: int | None
) -> Agreement:
    """Over the latest labels that stand."""
    rows = _standing(connection, reader, tenant, taxonomy, since_ms)
    given: dict[str, dict[str, str]] = defaultdict(dict)
    # Of many rows, unpacking takes a fraction of what names take.
    for event_id, labelled_by, label, _, _ in rows:
        given[event_id][labelled_by] = label
    units = [one for one in given.values() if len(one) > 1]
    return Agreement(
        reviewers=_reviewers(rows),
        pairs=_pairs(units),
        messages=len(units),
        alpha=krippendorff_alpha(list(one.values()) for one in units),
    )


def _standing(
    connection: Connection, reader: Reader, tenant: str | None, taxonomy: str | None, since_ms: int | None
) -> Sequence[AnyRow]:
    where = [CurrentLabel.label.is_not(None), *reader.narrow(CurrentLabel.tenant, tenant)]
    if since_ms is not None:
        where.append(CurrentLabel.labelled_ms >= since_ms)
    if taxonomy is not None:
        where.append(Event.taxonomy == taxonomy)
    columns = (CurrentLabel.event_id, CurrentLabel.labelled_by, CurrentLabel.label, CurrentLabel.labelled_ms)
    return connection.execute(
        select(*columns, Event.label.label("model_label"))
        .join(Event, Event.event_id == CurrentLabel.event_id)
        .where(*where)
        .order_by(CurrentLabel.labelled_ms.desc())
        .limit(_LATEST)
    ).all()


def _reviewers(rows: Sequence[AnyRow]) -> tuple[Reviewer, ...]:
    times: dict[str, list[int]] = defaultdict(list)
    agreed: dict[str, list[bool]] = defaultdict(list)
    for _, name, label, labelled_ms, model_label in rows:
        times[name].append(labelled_ms)
        if model_label is not None:
            agreed[name].append(label == model_label)
    return tuple(
        Reviewer(
            name=name,
            labels=len(given),
            last_at=to_time(max(given)),
            agreed_with_model=_share(agreed[name]),
        )
        for name, given in sorted(times.items(), key=lambda one: (-len(one[1]), one[0]))
    )


def _pairs(units: Sequence[Mapping[str, str]]) -> tuple[Pair, ...]:
    both: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for unit in units:
        for first, second in combinations(sorted(unit), 2):
            both[first, second].append((unit[first], unit[second]))
    return tuple(
        Pair(
            first=first,
            second=second,
            messages=len(given),
            agreement=sum(one == other for one, other in given) / len(given),
            kappa=_kappa(given),
        )
        for (first, second), given in sorted(both.items(), key=lambda one: (-len(one[1]), one[0]))
    )


def _kappa(given: Sequence[tuple[str, str]]) -> float | None:
    """Cohen, "A Coefficient of Agreement for Nominal Scales", 1960; None where chance alone would agree."""
    first, second = (Counter(one[side] for one in given) for side in (0, 1))
    count = len(given)
    expected = sum(first[label] * second[label] for label in first) / count**2
    if expected == 1:
        return None
    observed = sum(one == other for one, other in given) / count
    return max((observed - expected) / (1 - expected), -1.0)


def _share(given: Sequence[bool]) -> float | None:
    return sum(given) / len(given) if given else None
