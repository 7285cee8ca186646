"""Each view's data, from the real app over a store with events; on both databases."""

from typing import Any

from console.store.database import Database
from tests.console.api.rig import Rig, came_true, conversation_events, people_labels

PATHS = (
    "me", "taxonomies", "events", "events?label=joy&label=anger&tenant=acme&language=en&min_confidence=0.5",
    "events?conversation_id=acme-room-1", "events?corrected=true&adapter=base", "conversations",
    "conversations?language=zh", "conversations?sort=rising", "conversations/acme-room-1", "trends",
    "trends?since=2020-01-01&tenant=acme", "review", "review?language=zh", "review?labelled=others", "labels",
    "agreement", "agreement?taxonomy=meld", "alerts", "alerts?limit=1&rule=angry&severity=warning",
    "alerts/rules", "adapters", "health", "dead-letters",
)  # fmt: skip


def test_every_view_answers_with_data_on_both_databases(database: Database) -> None:
    rig = Rig(database)
    events = conversation_events()
    rig.filler.write(*events)
    rig.filler.write(*people_labels(events))
    came_true(database)
    client = rig.client("viewer")
    answers = {path: client.get(f"/api/v1/{path}").status_code for path in PATHS}
    assert set(answers.values()) == {200}, answers
    totals = client.get("/api/v1/trends?language=en").json()["totals"]
    english = [one for one in events if one.language == "en"]
    assert totals["events"] == len(english)
    assert totals["outliers"] == sum(one.status == "outlier" for one in english)
    assert sum(totals["labels"].values()) == totals["labelled"]


def test_every_view_answers_without_data(empty: Rig) -> None:
    client = empty.client("viewer")
    for path in PATHS:
        assert client.get(f"/api/v1/{path}").status_code == (404 if "room" in path and "/" in path else 200), path


def test_a_label_shows_in_every_view_once_the_store_has_it(rig: Rig) -> None:
    reviewer = rig.client("reviewer")
    event_id = "chat-topic:0:2"

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = reviewer.get(f"/api/v1/events/{event_id}").json()
        return found

    assert shown()["my_label"] is None
    reviewer.post("/api/v1/labels", json={"event_id": event_id, "label": "joy"})
    rig.filler.write(*rig.outside.sent)
    assert (shown()["label"], shown()["my_label"], shown()["labels"][0]["label"]) == ("joy", "joy", "joy")
    reviewer.delete(f"/api/v1/labels/{event_id}")
    rig.filler.write(rig.outside.sent[-1])
    assert (shown()["label"], shown()["my_label"], shown()["corrected"]) == ("sadness", None, False)


def test_review_asks_for_outliers_first_and_not_twice(rig: Rig) -> None:
    reviewer = rig.client("reviewer")
    queue = reviewer.get("/api/v1/review?limit=100").json()
    whys = [one["why"] for one in queue["items"]]
    assert whys[0] == "outlier"
    assert "outlier" not in whys[whys.index("uncertain") :]
    confidences = [one["confidence"] for one in queue["items"] if one["why"] == "uncertain"]
    assert confidences == sorted(confidences)
    first = queue["items"][0]
    assert first["candidates"] == ["joy", "anger"]
    assert first["context"]
    reviewer.post("/api/v1/labels", json={"event_id": first["event_id"], "label": "joy"})
    rig.filler.write(*rig.outside.sent)
    again = reviewer.get("/api/v1/review?limit=100").json()
    assert first["event_id"] not in [one["event_id"] for one in again["items"]]
    assert again["remaining"] == queue["remaining"] - 1
    # Somebody else is asked for a second opinion, and this one is not.
    others = rig.client("reviewer").get("/api/v1/review?labelled=others&limit=100").json()["items"]
    mine = reviewer.get("/api/v1/review?labelled=others&limit=100").json()["items"]
    assert first["event_id"] in [one["event_id"] for one in others]
    assert first["event_id"] not in [one["event_id"] for one in mine]


def test_alerts_come_by_page_and_a_tenant_sees_its_own(rig: Rig) -> None:
    def pages(tenant: str | None, query: str = "") -> list[dict[str, Any]]:
        client, found, cursor = rig.client("viewer", tenant), [], ""
        while cursor is not None:
            page = client.get(f"/api/v1/alerts?limit=1{query}{cursor and f'&cursor={cursor}'}").json()
            assert len(page["alerts"]) <= 1
            found += page["alerts"]
            cursor = page["next_cursor"]
        return found

    everything = pages(None)
    assert [one["tenant"] for one in everything] == [None, "globex", "acme"]
    assert everything[0]["facts"] == {"messages": 30, "counted": 15, "minutes": 10}
    assert (everything[0]["definition"], everything[2]["definition"]) == (None, {"kind": "turns"})
    assert (everything[0]["ended_at"], everything[0]["deliveries"]) == (None, [])
    (delivery,) = everything[2]["deliveries"]
    assert (delivery["webhook"], delivery["state"], delivery["attempts"]) == ("desk", "pending", 2)
    assert (delivery["last_error"], delivery["sent_at"]) == ("HTTP 500", None)
    # What is about all tenants is for those who see all.
    assert pages("globex") == everything[1:2]
    assert pages(None, "&tenant=acme") == everything[2:]
    assert pages("globex", "&tenant=acme") == pages(None, "&rule=none") == pages(None, "&severity=info") == []


def test_agreement_is_what_the_labels_say(rig: Rig) -> None:
    found = rig.client("viewer").get("/api/v1/agreement").json()
    pair = found["pairs"][0]
    assert (pair["first"], pair["second"], pair["messages"], found["messages"]) == ("ben", "cleo", 12, 12)
    # Ben says anger each time, Cleo in eight of twelve cases.
    assert pair["agreement"] == 8 / 12
    assert pair["kappa"] == 0
    assert [one["labels"] for one in found["reviewers"]] == [12, 12]


def test_what_is_down_is_said_and_never_a_fault(rig: Rig) -> None:
    rig.outside.down = True
    operator = rig.client("operator")
    health = operator.get("/api/v1/health")
    assert health.status_code == 200
    assert (health.json()["state"], health.json()["kafka"]) == ("down", "down")
    assert "KAFKA_BOOTSTRAP_SERVERS" in health.json()["text"]
    adapters = operator.get("/api/v1/adapters")
    assert adapters.status_code == 200
    assert "Kafka does not answer" in adapters.json()["trouble"]
    assert adapters.json()["labelled"]
    label = {"event_id": "chat-topic:0:2", "label": "joy"}
    for answer in (
        operator.get("/api/v1/dead-letters"),
        operator.post("/api/v1/labels", json=label),
        operator.post("/api/v1/adapters/v1/release", json={}),
    ):
        assert answer.status_code == 503
        assert "KAFKA_BOOTSTRAP_SERVERS" in answer.json()["detail"]
        assert answer.headers["retry-after"]


def test_a_release_is_shown_at_once_and_says_who(rig: Rig) -> None:
    operator = rig.client("operator")
    assert operator.get("/api/v1/adapters").json()["live"] is None
    made = operator.post("/api/v1/adapters/v2/release", json={"reason": "tried by hand"}).json()
    assert made["reason"] == "tried by hand (operator-all-0)"
    assert operator.get("/api/v1/adapters").json()["live"] == "v2"
    assert operator.post("/api/v1/adapters/v9/release", json={}).status_code == 409
