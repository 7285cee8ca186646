"""`sentistream trainer run`: the lock, the steps and the run's folder put together."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from confluent_kafka.admin import AdminClient

from schemas.kafka_refusals import login_refusal
from trainer.errors import MisconfiguredError, StoppedError
from trainer.lock import Lease, lock_name
from trainer.outcome import Outcome
from trainer.refresh import Refresh, Rules, Seams
from trainer.refresh_settings import RefreshSettings
from trainer.refresh_steps import RefreshSteps


def refresh(
    settings: RefreshSettings,
    *,
    stop: threading.Event,
    showing: Callable[[str], AbstractContextManager[None]],
    force: bool = False,
    seams: Seams | None = None,
) -> Outcome:
    """One refresh of the model's adapter.

    Args:
        settings: all.
        stop: once set, the run ends at the next training step, and can be gone on with.
        showing: wraps each step for a person to see.
        force: train though there is nothing new.
        seams: for tests.

    Raises:
        TrainerError: it failed or was stopped; ``exit_code`` says how.
        PromptError: the model's folder cannot be used.
    """

    def halt() -> None:
        if stop.is_set():
            raise StoppedError("stopped; the next run goes on from here")

    if refusal := login_refusal(settings.kafka, AdminClient):
        raise MisconfiguredError(refusal)
    steps = RefreshSteps(settings, halt)
    trainer = settings.trainer
    with Lease(settings.redis, lock_name(settings.names.topic_prefix, steps.model), trainer.lease_seconds) as lease:
        return Refresh(
            steps,
            settings.folder / steps.model / "runs",
            Rules(trainer.least_news, trainer.keep_runs, force),
            lease,
            stop=halt,
            showing=showing,
            seams=seams,
        ).run()
