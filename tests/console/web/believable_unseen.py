"""Health where the console cannot see (Kafka is away, or hides a group), and Model without the registry."""

from typing import Literal

from console.api import models as m
from tests.console.web import believable_rest
from tests.console.web.believable import World

AWAY = "Kafka does not answer: 127.0.0.1:9092 in PLAINTEXT: no broker answers"
REGISTRY = "s3://models: the store failed by ConnectionError. See TRAINER_REGISTRY and try again"
LACKING = "cannot be seen: the console's login lacks Describe on group sentistream-worker"


def health(of: World, what: Literal["kafka", "worker"]) -> m.Health:
    """As the report makes it."""
    well = believable_rest.health(of)
    if what == "kafka":
        finding = m.Finding(code="kafka_away")
        hidden = {"state": "down", "text": AWAY, "kafka": "down", "kafka_finding": finding, "groups": ()}
        return well.model_copy(update=hidden | {"dead_letters": None})
    unseen = {
        "state": "unknown",
        "members": None,
        "lag_records": None,
        "lag_seconds": None,
        "text": LACKING,
        "to_do": "Give the console's login what deploy/acls/console.sh lists.",
        "findings": (m.Finding(code="hidden", facts={"lacking": "Describe on group sentistream-worker"}),),
    }
    groups = tuple(one.model_copy(update=unseen) if one.service == "worker" else one for one in well.groups)
    return well.model_copy(update={"state": "unknown", "text": f"worker: {LACKING}", "groups": groups})


def without_registry(adapters: m.Adapters) -> m.Adapters:
    """What Kafka alone knows."""
    update = {"versions": (), "trouble": REGISTRY, "findings": (m.Finding(code="registry_away"),)}
    return adapters.model_copy(update=update)
