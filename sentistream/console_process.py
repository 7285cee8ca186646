"""The console as a process: the event store's consumer on a thread, the web server in front."""

import asyncio
import getpass
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
import uvicorn
from fastapi import FastAPI

from console.access.tokens import Tokens
from console.alerts.rules import Rules
from console.alerts.rules_file import load_rules
from console.api.app import Made, feed_of, make_app
from console.api.label_sink import KafkaLabels
from console.api.models.alerts import AlertRule, AlertRules
from console.api.settings import ApiSettings
from console.errors import ConsoleError
from console.ports import Ports
from console.queries.reader import Reader
from console.settings import StoreSettings
from console.store.database import Database, database_url
from console.store.migrate import migrate
from console.store.process import run_store
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream.console_lags import KafkaPipeline, Service
from sentistream.console_ports import KafkaDeadLetters, RegistryAdapters
from sentistream.errors import ServiceError

log = structlog.get_logger()

#: Connections that are still open when the server stops have so long.
_GRACE_S: Final = 5
_READERS: Final = 16


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """All settings of a console.

    Attributes:
        registry: its address.
        model: the name that the registry has it by.
        groups: the consumer groups of the stream and of the worker.
        with_store: fill the event store in this process too.
    """

    api: ApiSettings
    store: StoreSettings
    kafka: KafkaSettings
    names: TopicNames
    registry: str
    model: str
    groups: Mapping[str, str]
    with_store: bool = True


class Console:
    """A console from its settings.

    Args:
        parts: the settings.

    Raises:
        ServiceError: the address is taken, or the rules or the database cannot be used.
    """

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._failed: str | None = None
        with _told():
            self._rules = load_rules(parts.store.alert_rules)
            self._database = Database(database_url(parts.store), _READERS)
            migrate(self._database)
        self.tokens = Tokens(self._database)
        self._socket = _bind(parts.api)
        self.app = self._make_app()
        self._server = _Server(self.app)
        if not parts.api.is_local and not self.tokens.any_good():
            # Not refused: in a container the first token is made beside the running process.
            log.warning(
                "console_without_tokens", host=parts.api.console_host, to_do="nobody can sign in before "
                "`sentistream console token create NAME --role operator` has run where this process runs",
            )  # fmt: skip

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host, port = self._socket.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    def link(self) -> str:
        """Where to go to: signed in at once on this machine, as long as there are no tokens."""
        if self._parts.api.is_local and not self.tokens.any_good():
            return f"{self.address}/open?token={self.tokens.create_link(person(), 'operator')}"
        return f"{self.address}/"

    def run(self, asked: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until the event is set.

        Raises:
            ServiceError: the event store's consumer or the web server ended.
        """
        with ExitStack() as exits:
            exits.callback(self._database.close)
            exits.callback(self._pipeline.close)
            if self._parts.with_store:
                store = threading.Thread(target=self._run_store, name="console-store")
                store.start()
                exits.callback(store.join)
                exits.callback(self._stop.set)
            serving = threading.Thread(target=self._serve, name="console-web")
            serving.start()
            exits.callback(serving.join)
            exits.callback(self._server.ask_to_stop)
            ready()
            while not asked.wait(0.2) and self._failed is None and serving.is_alive():
                pass
            if not asked.is_set() and self._failed is None:
                self._failed = "the web server ended by itself; standard error says why. Start the console again"
        if self._failed is not None:
            raise ServiceError(self._failed)

    def _serve(self) -> None:
        asyncio.run(self._server.serve([self._socket]))

    def _run_store(self) -> None:
        try:
            # With the alert rules, which are settings of the store.
            run_store(self._parts.store, self._stop)
        except ConsoleError as error:
            self._failed = str(error)
        except Exception as error:
            log.exception("store_failed")
            self._failed = f"the event store's consumer has a fault: {type(error).__name__}; the log says more"

    def _make_app(self) -> FastAPI:
        parts = self._parts
        groups: tuple[tuple[Service, str, str], ...] = (
            ("streams", parts.groups["streams"], parts.names.messages),
            ("worker", parts.groups["worker"], parts.names.requests),
            ("store", parts.store.store_group, parts.names.events),
        )
        stored = (parts.names.events, parts.names.labels) if parts.with_store else ()
        self._pipeline = KafkaPipeline(parts.kafka, groups, stored)
        ports = Ports(
            labels=KafkaLabels(parts.kafka, parts.names.labels),
            adapters=RegistryAdapters(parts.kafka, parts.names, parts.registry, parts.model),
            dead_letters=KafkaDeadLetters(parts.kafka, parts.names),
            pipeline=self._pipeline,
        )
        file = parts.store.alert_rules
        rules = shown_rules(self._rules, None if file is None else file.name)
        return make_app(parts.api, Made(self._database, ports, rules, parts.store.taxonomies))


def person() -> str:
    """Who sits at this machine, for the labels given without a token of one's own."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"local-{secrets.token_hex(2)}"


def shown_rules(rules: Rules, file: str | None) -> Callable[[Reader], AlertRules]:
    """The rules as the API shows them; a tenant's own are for those who see it."""
    every = [
        AlertRule(name=one.name, severity=one.severity, text=one.text, tenant=one.tenant, definition=one.definition)
        for one in rules.rules
    ]

    def show(reader: Reader) -> AlertRules:
        seen = tuple(one for one in every if one.tenant is None or reader.sees(one.tenant))
        return AlertRules(rules=seen, file=file, webhook=bool(rules.webhooks))

    return show


class _Server(uvicorn.Server):
    """Ends live streams before it waits for connections to close; signals are the command's."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
                ws="none",
                lifespan="on",
            )
        )
        self._feed = feed_of(app)

    def ask_to_stop(self) -> None:
        """Safe from another thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, once the streams know."""
        self._feed.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them."""
        yield


def _bind(settings: ApiSettings) -> socket.socket:
    where = f"{settings.console_host}:{settings.console_port}"
    try:
        found: Any = socket.getaddrinfo(settings.console_host, settings.console_port, type=socket.SOCK_STREAM)
        family, kind, _, _, address = found[0]
        made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError as error:
        raise ServiceError(
            f"the console cannot be bound to {where}: {error.strerror or error}. Set CONSOLE_PORT to another port"
        ) from error
    return made


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ConsoleError as error:
        raise ServiceError(str(error)) from error
