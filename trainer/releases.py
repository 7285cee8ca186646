"""Which adapter is live: one record on ``adapter.releases``, and every decision in the registry's history.

The topic is what workers follow, so Kafka has a decision before the history has it. A process that dies between the
two leaves the topic right; the next decision writes down the one that is missing.
"""

from datetime import UTC, datetime
from typing import Any

import structlog

from schemas.connections import KafkaSettings
from schemas.release import AdapterRelease
from trainer.registry.errors import DecisionRefusedError, OvertakenError, RegistryUnavailableError
from trainer.registry.store import Registry
from trainer.registry.topic import ReleaseTopic

log = structlog.get_logger()


class Releases:
    """Reads and makes decisions.

    No lock keeps two at once apart. Refreshes have the trainer's lock; `sentistream adapters` and `sentistream trainer
    watch` take none, so that a rollback never waits for hours of training. A refresh therefore asks what is live again
    before it publishes and releases, and each decision asks once more when all is read and checked that it needs. Of
    two within the same moment after that, workers follow the later record, and the history has both.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, registry: Registry) -> None:
        self._topic = ReleaseTopic(kafka, topic)
        self._registry = registry

    def live(self, model: str) -> AdapterRelease | None:
        """The decision that workers follow; None where there was none yet. ReleaseError where Kafka is out."""
        return self._topic.latest(model)

    def history(self, model: str) -> tuple[AdapterRelease, ...]:
        """All decisions, oldest first, the live one included."""
        noted = self._registry.history(model)
        live = self.live(model)
        return noted if live is None or live in noted else (*noted, live)

    def release(self, model: str, version: str, *, reason: str | None = None) -> AdapterRelease:
        """Check a published version and make it live; return when Kafka has it. The live one again changes nothing.

        Raises:
            OvertakenError: another decision came meanwhile.
            RegistryError: it is not there, is damaged, or the store or Kafka is out.
        """
        live = self.live(model)
        if live is not None and live.version == version:
            self._registry.note(live)
            return live
        return self._decide(self._record(model, version, "released", live.version if live else None, reason), live)

    def roll_back(
        self, model: str, reason: str, *, to: str | None = None, judged: AdapterRelease | None = None
    ) -> AdapterRelease:
        """Go back to the version that was live before the live one; return when Kafka has it.

        Args:
            model: its name.
            reason: why, for the history.
            to: another version than that; the word ``base`` is the model without an adapter.
            judged: the decision that is taken back, where nothing but that one may be; whatever is live if None.

        Raises:
            OvertakenError: another decision came meanwhile.
            RegistryError: there is nothing to go back to, it is damaged, or the store or Kafka is out.
        """
        live = self.live(model)
        if judged is not None:
            _same(model, judged, live)
        if live is None or (live.version is None and to is None):
            raise DecisionRefusedError(f"{model} serves without an adapter: there is nothing to roll back")
        target = live.previous if to is None else None if to == "base" else to
        if target == live.version:
            raise DecisionRefusedError(f"{target or 'the model without an adapter'} is live already")
        return self._decide(self._record(model, target, "rolled_back", self._before(model, target), reason), live)

    def _before(self, model: str, version: str | None) -> str | None:
        """What was live before a version was released: the next rollback goes there, and never round in a circle."""
        made = [one for one in self._registry.history(model) if one.version == version and one.status == "released"]
        return made[-1].previous if made else None

    def _record(
        self, model: str, version: str | None, status: Any, previous: str | None, reason: str | None
    ) -> AdapterRelease:
        given: dict[str, Any] = {"model": model, "status": status, "previous": previous, "reason": reason}
        if version is not None:
            stored = self._registry.find(model, version)
            given |= {
                "version": version,
                "uri": stored.uri,
                "sha256": self._registry.checksum(model, version),
                "base_sha256": stored.metadata.base_sha256,
                "metrics": stored.metadata.metrics,
            }
        return AdapterRelease(**given, decided_at=datetime.now(UTC))

    def _decide(self, decision: AdapterRelease, live: AdapterRelease | None) -> AdapterRelease:
        if live is not None:
            self._registry.note(live)
        # All of the version was read and checked since, which takes minutes from a slow store.
        _same(decision.model, live, self.live(decision.model))
        self._topic.publish(decision)
        log.info(
            "adapter_decided", model=decision.model, version=decision.version, status=decision.status,
            before=live.version if live else None, reason=decision.reason,
        )  # fmt: skip
        try:
            self._registry.note(decision)
        except RegistryUnavailableError as error:
            # Workers follow it already: an error would say that nothing has happened.
            log.warning(
                "decision_not_noted", model=decision.model, version=decision.version,
                error=str(error.__cause__ or error),
                to_do="let this process write to TRAINER_REGISTRY; the next decision notes this one too",
            )  # fmt: skip
        return decision


def _same(model: str, before: AdapterRelease | None, now: AdapterRelease | None) -> None:
    if before == now:
        return
    version = (now.version if now else None) or f"{model} without an adapter"
    raise OvertakenError(
        f"{version} went live meanwhile, and this decision was about what was live before: nothing was changed. See "
        "`sentistream adapters list`, and decide anew"
    )
