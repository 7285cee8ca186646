"""A token for one tenant sees no other: not in lists, not by id, not in sums, not live."""

from typing import Any

import pytest

from tests.console.api.rig import Rig
from tests.console.store.making import make_event

LISTS = (
    "events", "events?tenant=globex", "events?label=joy&label=anger", "events?conversation_id=globex-room-1",
    "conversations", "conversations?tenant=globex", "conversations?sort=rising", "trends", "trends?tenant=globex",
    "review", "review?tenant=globex", "review?labelled=others", "labels", "labels?tenant=globex", "agreement",
    "agreement?tenant=globex", "alerts", "alerts?tenant=globex", "alerts?rule=angry",
    "alerts/rules", "adapters", "health", "taxonomies",
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_no_other_tenant_is_seen(shared: Rig, path: str) -> None:
    answer = shared.client("operator", "acme").get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert "globex" not in answer.text


def test_nothing_of_another_tenant_is_found_by_its_id(shared: Rig) -> None:
    client = shared.client("operator", "acme")
    other = "chat-topic:0:1"
    assert shared.client("viewer", "globex").get(f"/api/v1/events/{other}").status_code == 200
    assert client.get(f"/api/v1/events/{other}").status_code == 404
    assert client.get("/api/v1/conversations/globex-room-1").status_code == 404
    assert client.get("/api/v1/conversations/globex-room-1?tenant=globex").status_code == 404
    assert client.post("/api/v1/labels", json={"event_id": other, "label": "joy"}).status_code == 404
    assert client.delete(f"/api/v1/labels/{other}").status_code == 404
    assert shared.outside.sent == []


def test_the_parts_are_the_whole(shared: Rig) -> None:
    """What both tenants see adds up to what somebody sees who sees all."""

    def seen(tenant: str | None) -> dict[str, Any]:
        client = shared.client("viewer", tenant)
        found: dict[str, Any] = client.get("/api/v1/trends").json()["totals"]
        ids = {one["event_id"] for one in client.get("/api/v1/events?limit=500").json()["events"]}
        stored = client.get("/api/v1/health").json()["store"]["events"]
        labelled = sum(one["events"] for one in client.get("/api/v1/adapters").json()["labelled"])
        return {**found, "ids": ids, "stored": stored, "by_version": labelled}

    every, acme, globex = seen(None), seen("acme"), seen("globex")
    for name in ("events", "labelled", "outliers", "corrected", "stored", "by_version"):
        assert acme[name] + globex[name] == every[name], name
    assert acme["ids"] | globex["ids"] == every["ids"]
    assert not acme["ids"] & globex["ids"]


def test_one_conversation_id_of_two_tenants_asks_which(rig: Rig) -> None:
    rig.filler.write(
        make_event(900, tenant="acme", conversation_id="same"), make_event(901, tenant="globex", conversation_id="same")
    )
    everybody = rig.client("viewer")
    assert everybody.get("/api/v1/conversations/same").status_code == 409
    assert everybody.get("/api/v1/conversations/same?tenant=acme").json()["conversation"]["tenant"] == "acme"
    alone = rig.client("viewer", "globex").get("/api/v1/conversations/same").json()
    assert [one["event_id"] for one in alone["turns"]] == ["chat-topic:0:901"]
