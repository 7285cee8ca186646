"""What Kafka does not show to the console's login is said in its health, and nothing is guessed."""

from collections.abc import Sequence
from unittest.mock import patch

from console.ports import GroupLag
from tests.console.api.rig import Rig

RIGHT = "Describe on group sentistream-worker"
LACKING = f"cannot be seen: the console's login lacks {RIGHT}"


def lags(hidden: str) -> Sequence[GroupLag]:
    return [
        GroupLag(name, f"sentistream-{name}", "topic", None, 0, 0.0, (RIGHT,))
        if name == hidden
        else GroupLag(name, f"sentistream-{name}", "topic", 1, 0, 0.0)
        for name in ("streams", "worker", "store")
    ]


def test_a_service_that_is_not_shown_is_unknown_and_kafka_is_well(rig: Rig) -> None:
    with patch.object(rig.outside, "lags", lambda: lags("worker")):
        health = rig.client("viewer").get("/api/v1/health").json()
    assert (health["kafka"], health["state"], health["store"]["state"]) == ("ok", "unknown", "ok")
    assert health["text"] == f"worker: {LACKING}"
    (worker,) = [one for one in health["groups"] if one["service"] == "worker"]
    assert [worker[name] for name in ("members", "lag_records", "lag_seconds")] == [None, None, None]
    assert "deploy/acls/console.sh" in worker["to_do"]
    assert worker["findings"] == [{"code": "hidden", "facts": {"lacking": RIGHT}}]


def test_a_store_that_may_not_read_is_not_called_well(rig: Rig) -> None:
    with patch.object(rig.outside, "lags", lambda: lags("store")):
        health = rig.client("viewer").get("/api/v1/health").json()
    assert (health["state"], health["store"]["state"]) == ("unknown", "unknown")
    assert LACKING in health["store"]["text"]
