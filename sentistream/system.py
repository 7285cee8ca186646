"""The whole system for the length of a command: stack, stream and worker started here, or those that run already."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self

import click
from pydantic import Field

from prompts.profile import SHIPPED_MODEL
from schemas.connections import KafkaSettings, RedisSettings
from schemas.event import Policy
from schemas.topics import TopicNames
from sentistream.commands.up import UpSettings
from sentistream.consumer_groups import group_state
from sentistream.embedded import EmbeddedStack
from sentistream.errors import InterruptedStartError, ServiceError, TopicError
from sentistream.options import load
from sentistream.services import Services, environment_of
from sentistream.shutdown import stop_requests
from streams.errors import StreamsError
from streams.topic_facts import TopicFacts, topic_facts
from worker.settings import EngineName

#: What shells expect of a process that Ctrl-C ended.
INTERRUPTED: Final = 130
_POLL_S: Final = 0.1
#: Our own services in Kafka: the same in every run, so that a killed run's partitions are taken over at once.
_REPLICA: Final = "local"


class SystemSettings(UpSettings):
    """Which system a command works with."""

    attach: bool = Field(
        default=False, description="Use the stream and the worker that run already on KAFKA_BOOTSTRAP_SERVERS."
    )
    engine: EngineName = Field(
        default="vllm", description="The real model in vLLM, an OpenAI-compatible server, or `scripted` for trying out."
    )
    model: str = Field(default=SHIPPED_MODEL, description="Model folder, or the name of one that ships.")
    policy: Policy = Field(
        default="calibrated", validation_alias="SANM_POLICY", description="When the model checks its own answer."
    )
    worker_id: str = Field(default=_REPLICA, description="The worker's name in Kafka.")
    streams_instance: str = Field(default=_REPLICA, description="The stream's name in Kafka.")
    streams_group: str = Field(default="sentistream-streams", description="The stream's consumer group.")
    worker_group: str = Field(default="sentistream-worker", description="The worker's consumer group.")
    kafka_session_timeout_ms: int = Field(
        default=10_000, ge=1_000, description="A killed run's partitions are free again after so long."
    )
    start_deadline_s: float = Field(default=300.0, gt=0, description="How long the worker may take to start.")


class Progress(Protocol):
    """Tells a person what is being started."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """One thing that takes a while."""


class System:
    """Everything that a message needs on its way.

    Args:
        settings: which.
        given: the command's options, for the connections.
        taxonomy: label set of the run; None for the model's usual one.
        progress: is told the steps.

    Attributes:
        kafka: how to reach Kafka.
        names: of the topics.
        facts: of ``chat.messages``, once started.
        interrupted: True once nobody wants to wait for the start any more.
    """

    facts: TopicFacts
    interrupted: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(
        self,
        settings: SystemSettings,
        given: Mapping[str, Any],
        *,
        taxonomy: str | None,
        progress: Progress,
    ) -> None:
        self.settings = settings
        self.names = load(TopicNames, given)
        self.kafka = load(KafkaSettings, given)
        self._kafka_is_given = "kafka_bootstrap_servers" in self.kafka.model_fields_set
        self._redis = load(RedisSettings, given)
        self._taxonomy = taxonomy
        self._progress = progress
        self._stack: EmbeddedStack | None = None
        self._services: Services | None = None
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Start what has to be started, and wait until messages would be answered."""
        with self._exit:
            if self.settings.attach:
                self._attach()
            else:
                self._start()
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started."""
        self._exit.close()

    @property
    def logs(self) -> list[str]:
        """Files that the services write to; none where they were not started here."""
        return [str(path) for path in self._services.logs] if self._services else []

    @property
    def addresses(self) -> dict[str, str]:
        """How another terminal reaches what runs here."""
        found = self._stack.environment() if self._stack else {}
        return {name: value for name, value in found.items() if value}

    @property
    def console_environment(self) -> dict[str, str]:
        """What a console beside it has to know."""
        settings = self.settings
        own = environment_of(self.kafka, self._redis) if self._stack is None else self._environment(self._stack)
        groups = {"STREAMS_GROUP": settings.streams_group, "WORKER_GROUP": settings.worker_group}
        metrics = self._services.metrics if self._services else {}
        addresses = {f"CONSOLE_{name.upper()}_METRICS": address for name, address in metrics.items()}
        return {**own, **groups, "MODEL": settings.model, "TOPIC_PREFIX": self.names.topic_prefix, **addresses}

    def check(self) -> None:
        """ServiceError if a service that was started here has ended."""
        if self._services is not None:
            self._services.check()

    def kill(self) -> None:
        """End everything at once; for a second Ctrl-C."""
        if self._services is not None:
            self._services.kill()
        if self._stack is not None:
            self._stack.kill()

    def _attach(self) -> None:
        if not self._kafka_is_given:
            raise ServiceError("--attach needs the Kafka of the running services: set KAFKA_BOOTSTRAP_SERVERS")
        with self._progress.step("looking for the running stream and worker"):
            self._read_facts()
            for name, group, topic in self._groups():
                if not group_state(self.kafka, group, topic).members:
                    raise ServiceError(
                        f"no {name} runs in group {group} on {self.kafka.kafka_bootstrap_servers}: start "
                        f"`sentistream {name}`, or leave --attach out to have all started here"
                    )
            self._wait_for_partitions()

    def _start(self) -> None:
        settings = self.settings
        stack = EmbeddedStack(
            settings.data,
            names=self.names,
            partitions=settings.partitions,
            kafka=self.kafka,
            redis=self._redis,
            profile=settings.topic_profile,
        )
        self._stack = stack
        with self._progress.step("Kafka and Redis"):
            self._exit.enter_context(stack)
            self.kafka = stack.kafka
            self._read_facts()
            self._refuse_company()
        if self.interrupted():
            raise InterruptedStartError("stopped while Kafka and Redis were starting")
        self._services = Services(settings.data, self._environment(stack))
        self._exit.enter_context(self._services)
        with self._progress.step("stream (faust)"):
            self._services.wait_until_ready("streams", settings.start_deadline_s, self.interrupted)
        engine = {"vllm": "vLLM loads the model", "openai": "server", "scripted": "scripted engine"}[settings.engine]
        with self._progress.step(f"worker ({engine})"):
            self._services.wait_until_ready("worker", settings.start_deadline_s, self.interrupted)

    def _environment(self, stack: EmbeddedStack) -> dict[str, str]:
        settings = self.settings
        own = {
            "MODEL": settings.model,
            "ENGINE": settings.engine,
            "SANM_POLICY": settings.policy,
            "WORKER_ID": settings.worker_id,
            "STREAMS_INSTANCE": settings.streams_instance,
            "STREAMS_GROUP": settings.streams_group,
            "WORKER_GROUP": settings.worker_group,
            "KAFKA_SESSION_TIMEOUT_MS": str(settings.kafka_session_timeout_ms),
        }
        if self._taxonomy is not None:
            own["TAXONOMY"] = self._taxonomy
        return {**environment_of(stack.kafka, stack.redis), **stack.environment(), **own}

    def _read_facts(self) -> None:
        try:
            self.facts = topic_facts(self.kafka, self.names)
        except StreamsError as error:
            raise TopicError(str(error)) from error

    def _groups(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("streams", self.settings.streams_group, self.names.messages),
            ("worker", self.settings.worker_group, self.names.requests),
        )

    def _refuse_company(self) -> None:
        """On a Kafka of somebody's own: their services would answer with settings of theirs."""
        if not self._kafka_is_given:
            return
        for name, group, topic in self._groups():
            others = set(group_state(self.kafka, group, topic).members) - {
                self.settings.worker_id,
                self.settings.streams_instance,
            }
            if others:
                raise ServiceError(
                    f"a {name} runs already in group {group} on {self.kafka.kafka_bootstrap_servers}: use it with "
                    "--attach, stop it, or keep apart from it with TOPIC_PREFIX, STREAMS_GROUP and WORKER_GROUP"
                )

    def _wait_for_partitions(self) -> None:
        deadline = time.monotonic() + self.settings.start_deadline_s
        for name, group, topic in self._groups():
            while group_state(self.kafka, group, topic).partitions < self.facts.partitions:
                self.check()
                if self.interrupted():
                    raise InterruptedStartError(f"stopped while sentistream {name} was joining its group")
                if time.monotonic() > deadline:
                    raise ServiceError(f"{name} did not take all partitions of {topic} in its group {group} in time")
                time.sleep(_POLL_S)


@contextmanager
def until_interrupted(system: System) -> Iterator[threading.Event]:
    """The system for the length of a command; yields what Ctrl-C sets. A second Ctrl-C ends everything at once.

    Ctrl-C during the start ends the process with the status that shells expect.
    """
    with stop_requests(on_second=system.kill) as asked:
        system.interrupted = asked.is_set
        try:
            with system:
                yield asked
        except InterruptedStartError as error:
            click.echo(str(error), err=True)
            sys.exit(INTERRUPTED)
