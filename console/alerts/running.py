"""What a store process runs for alerts: rules, which look at what its writer stores, and the webhooks' thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from console.alerts.evaluation import Alerts
from console.alerts.rules_file import load_rules
from console.alerts.sender import WebhookSender
from console.settings import StoreSettings
from console.store.database import Database, database_url
from console.store.events import Observer

log = structlog.get_logger()


@contextmanager
def running_alerts(settings: StoreSettings) -> Iterator[list[Observer]]:
    """Observers for the writer; webhooks are told for the length of the block.

    Raises:
        RulesError: the rules' file cannot be used.
    """
    found = load_rules(settings.alert_rules)
    if not found.rules:
        yield []
        return
    log.info("alert_rules", rules=[rule.name for rule in found.rules], webhooks=sorted(found.webhooks))
    database = Database(database_url(settings), readers=1)
    sender = WebhookSender(database, found.webhooks, settings)
    sender.start()
    try:
        yield [Alerts(found, settings.alert_max_age_minutes * 60)]
    finally:
        sender.stop()
        database.close()
