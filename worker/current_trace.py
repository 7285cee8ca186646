"""The trace of the message that a task labels: its shape alone, for while traces are off OpenTelemetry is not there."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, Protocol

from prompts.roles import Role
from worker.engines.contract import Choice, Writing
from worker.records import Outcome


class CallTrace(Protocol):
    """One call to the model."""

    def answered(self, label: str | None, answer: Choice | Writing) -> None:
        """What came of it."""


class MessageTrace(Protocol):
    """One message in this worker."""

    def begun(self) -> None:
        """It has a place in flight; from now on this task and those it makes belong to it."""

    def call(self, role: Role, number: int, model: str, adapter: str | None) -> AbstractContextManager[CallTrace]:
        """The model is asked in a role, in the round of this number."""

    def decided(self, outcome: Outcome) -> None:
        """Its outcome is known; the outcome's record carries the trace on."""

    def committed(self) -> None:
        """What was written can be seen."""

    def abandoned(self) -> None:
        """Its partition is another worker's, which does all of it again."""


#: Headers by which a model's server finds the span of the call that asks it; None while traces are off.
CALL_HEADERS: Final[ContextVar[Mapping[str, str] | None]] = ContextVar("call_headers", default=None)
#: None while traces are off.
CURRENT_TRACE: Final[ContextVar[MessageTrace | None]] = ContextVar("current_trace", default=None)
