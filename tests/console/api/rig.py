"""The real app over a store with data, and stand-ins for what the rest of the product does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.testclient import TestClient

from console.access.tokens import Tokens
from console.api.app import Made, make_app
from console.api.models.access import Role
from console.api.models.adapters import Decision
from console.api.models.alerts import AlertRule, AlertRules
from console.api.models.dead_letters import ReplayAttempt, ReplayOrder
from console.api.settings import ApiSettings
from console.errors import PortError
from console.ports import AdapterState, GroupLag, Letter, Ports, PublishedAdapter
from console.queries.reader import Reader
from console.store.database import Database
from console.store.upsert import table_of
from console.store.watch_tables import AlertOccurrence, WebhookDelivery
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from tests.console.store.making import START, Filler, make_event, make_label

TENANTS = ("acme", "globex")
LABELS = ("joy", "anger", "sadness", "neutral")
#: A host name that the app answers to.
ADDRESS = "http://127.0.0.1"


@dataclass
class FakeOutside:
    """Kafka and the registry, as the ports show them.

    Attributes:
        down: nothing answers.
    """

    down: bool = False
    sent: list[EmotionLabel] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    replayed: list[ReplayOrder] = field(default_factory=list)

    def send(self, label: EmotionLabel) -> tuple[int, int]:
        self._check()
        self.sent.append(label)
        return 0, len(self.sent) - 1

    def state(self) -> AdapterState:
        if self.down:
            return AdapterState("a-model", (), (), None, (self._away(),))
        versions = tuple(PublishedAdapter(name, START, None, {"macro_f1": 0.4}, None) for name in ("v1", "v2"))
        return AdapterState("a-model", versions, tuple(self.decisions), self.decisions[-1] if self.decisions else None)

    def release(self, version: str, reason: str) -> Decision:
        self._check()
        if version not in ("v1", "v2"):
            raise PortError(f"{version} does not exist", refused=True)
        return self._decide(version, "released", reason)

    def roll_back(self, to: str | None, reason: str) -> Decision:
        self._check()
        if not self.decisions:
            raise PortError("there is nothing to roll back", refused=True)
        return self._decide(to, "rolled_back", reason)

    def letters(self) -> Sequence[Letter]:
        self._check()
        return [
            Letter(
                f"0:{number}", "not_json", "it is no JSON", START, "chat.messages", 0, number, None, 5, replayed=False
            )
            for number in range(30)
        ]

    def replay(self, order: ReplayOrder) -> Sequence[ReplayAttempt]:
        self._check()
        self.replayed.append(order)
        return [ReplayAttempt(place=place, outcome="not_readable", detail="") for place in order.places]

    def lags(self) -> Sequence[GroupLag]:
        self._check()
        return [GroupLag(name, f"sentistream-{name}", "topic", 1, 0, 0.0) for name in ("streams", "worker", "store")]

    def _decide(self, version: str | None, status: Literal["released", "rolled_back"], reason: str) -> Decision:
        decision = Decision(version=version, status=status, previous=None, reason=reason, decided_at=START)
        self.decisions.append(decision)
        return decision

    def _check(self) -> None:
        if self.down:
            raise self._away()

    def _away(self) -> PortError:
        return PortError("Kafka does not answer: see KAFKA_BOOTSTRAP_SERVERS", code="kafka_away")


def rules(reader: Reader) -> AlertRules:
    every = (
        AlertRule(name="angry", severity="warning", text="anger", tenant=None, definition={}),
        AlertRule(name="globex-only", severity="info", text="joy", tenant="globex", definition={}),
    )
    return AlertRules(
        rules=tuple(one for one in every if one.tenant is None or reader.sees(one.tenant)), file=None, webhook=False
    )


class Rig:
    """An app over a database, with tokens for every role."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.outside = FakeOutside()
        self.filler = Filler(database)
        self.tokens = Tokens(database)
        ports = Ports(labels=self.outside, adapters=self.outside, dead_letters=self.outside, pipeline=self.outside)
        self.app: FastAPI = make_app(ApiSettings(**settings), Made(database, ports, rules))

    def client(self, role: Role | None = "operator", tenant: str | None = None, **options: Any) -> TestClient:
        """Somebody with a token, or without."""
        client = TestClient(self.app, base_url=ADDRESS, **options)
        if role is not None:
            name = f"{role}-{tenant or 'all'}"
            known = [one.name for one in self.tokens.all() if one.state == "good"]
            number = sum(one.startswith(name) for one in known)
            client.headers["Authorization"] = f"Bearer {self.tokens.create(f'{name}-{number}', role, tenant, None)}"
        return client


def conversation_events(count: int = 120) -> list[EmotionEvent]:
    """Events of two tenants in conversations of several turns, the latest a moment ago, some of them outliers."""
    begin = datetime.now(UTC) - timedelta(seconds=count + 30)
    found = []
    for number in range(count):
        tenant = TENANTS[number % 2]
        label = None if number % 11 == 0 else LABELS[number % len(LABELS)]
        scores = {name: 0.7 if name == label else 0.1 for name in LABELS}
        found.append(
            make_event(
                number,
                tenant=tenant,
                conversation_id=f"{tenant}-room-{number // 20}",
                speaker=("ann", "ben")[number % 3 == 0],
                label=label,
                language=("en", "zh")[number % 5 == 0],
                confidence=None if label is None else (number % 10 + 1) / 10,
                scores=scores,
                candidates=("joy", "anger") if label is None else (),
                text=f"{tenant} says {number}",
                sent_at=begin + timedelta(seconds=number),
                adapter=("v1", None)[number % 7 == 0],
            )
        )
    return found


def people_labels(events: Sequence[EmotionEvent]) -> list[EmotionLabel]:
    """Two people label every tenth event, and disagree now and then."""
    found = []
    for number, event in enumerate(events[::10]):
        found.append(make_label(event, "anger", by="ben", after_s=1))
        found.append(make_label(event, "anger" if number % 3 else "joy", by="cleo", after_s=2))
    return found


def came_true(database: Database) -> None:
    """An alert of each tenant and one about all of them; the first is to be sent, and was tried."""
    seen_ms = int(datetime.now(UTC).timestamp() * 1000)
    about: list[dict[str, Any]] = [
        {
            "tenant": tenant, "conversation_id": f"{tenant}-room-1", "speaker": "ann", "value": 3.0, "threshold": 3.0,
            "event_id": f"chat-topic:0:{number}", "ended_ms": seen_ms, "facts": {"definition": {"kind": "turns"}},
        }
        for number, tenant in enumerate(TENANTS)
    ]  # fmt: skip
    about.append(
        dict.fromkeys(("tenant", "conversation_id", "speaker", "event_id", "ended_ms"))
        | {"value": 0.5, "threshold": 0.4, "facts": {"messages": 30, "counted": 15, "minutes": 10}}
    )
    with database.writing() as connection:
        for number, facts in enumerate(about):
            row = {
                "rule": "angry", "occurrence_key": f"{number}", "severity": "warning", "title": "anger in a turn",
                "seen_ms": seen_ms, "created_ms": seen_ms,
            }  # fmt: skip
            connection.execute(table_of(AlertOccurrence).insert().values(row | facts))
        delivery = {
            "webhook": "desk",
            "state": "pending",
            "attempts": 2,
            "next_ms": seen_ms,
            "last_error": "HTTP 500",
        }
        connection.execute(table_of(WebhookDelivery).insert().values(delivery | {"occurrence_id": 1}))
