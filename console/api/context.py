"""What the routes work with."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from console.access.holder import Holder
from console.access.tokens import Tokens
from console.api.feed import Feed
from console.api.health_report import HealthReport
from console.api.models.alerts import AlertRules
from console.api.rates import Rates
from console.api.refreshed import Refreshed
from console.api.settings import ApiSettings
from console.ports import AdapterState, Letter, Ports
from console.queries.reader import Reader
from console.queries.totals import KnownTotals
from console.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """All of one running console.

    Attributes:
        rules: what the rules' file has, for a reader.
        taxonomies: a folder of the platform's own.
        open_streams: by token.
        adapters: the registry's state, looked up in the background; letters likewise.
    """

    settings: ApiSettings
    database: Database
    ports: Ports
    rules: Callable[[Reader], AlertRules]
    taxonomies: Path | None
    tokens: Tokens
    rates: Rates
    feed: Feed
    health: HealthReport
    adapters: Refreshed[AdapterState]
    letters: Refreshed[tuple[Letter, ...]]
    totals: KnownTotals = field(default_factory=KnownTotals)
    open_streams: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what answers."""

    holder: Holder
    parts: Parts

    @property
    def reader(self) -> Reader:
        """For the queries."""
        return Reader(self.holder.name, self.holder.tenant)
