"""Who may do what, for every path that the document has."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.console.api.rig import Rig

#: A request of each path that its role may make. A path that is not here fails the test: say who may.
PATHS: dict[tuple[str, str], tuple[str, str | None, Any]] = {
    # method and path: a path that is there, the role it needs, a body
    ("get", "/api/v1/me"): ("/api/v1/me", "viewer", None),
    ("post", "/api/v1/session"): ("/api/v1/session", None, {"token": "st_nothing"}),
    ("delete", "/api/v1/session"): ("/api/v1/session", "viewer", None),
    ("get", "/api/v1/taxonomies"): ("/api/v1/taxonomies", "viewer", None),
    ("get", "/api/v1/events"): ("/api/v1/events", "viewer", None),
    ("get", "/api/v1/events/stream"): ("/api/v1/events/stream", "viewer", None),
    ("get", "/api/v1/events/{event_id}"): ("/api/v1/events/chat-topic:0:2", "viewer", None),
    ("get", "/api/v1/conversations"): ("/api/v1/conversations", "viewer", None),
    ("get", "/api/v1/conversations/{conversation_id}"): ("/api/v1/conversations/acme-room-1", "viewer", None),
    ("get", "/api/v1/trends"): ("/api/v1/trends", "viewer", None),
    ("get", "/api/v1/review"): ("/api/v1/review", "viewer", None),
    ("get", "/api/v1/labels"): ("/api/v1/labels", "viewer", None),
    ("post", "/api/v1/labels"): ("/api/v1/labels", "reviewer", {"event_id": "chat-topic:0:2", "label": "joy"}),
    ("delete", "/api/v1/labels/{event_id}"): ("/api/v1/labels/chat-topic:0:2", "reviewer", None),
    ("get", "/api/v1/agreement"): ("/api/v1/agreement", "viewer", None),
    ("get", "/api/v1/alerts"): ("/api/v1/alerts", "viewer", None),
    ("get", "/api/v1/alerts/rules"): ("/api/v1/alerts/rules", "viewer", None),
    ("get", "/api/v1/adapters"): ("/api/v1/adapters", "viewer", None),
    ("post", "/api/v1/adapters/{version}/release"): ("/api/v1/adapters/v1/release", "operator", {}),
    ("post", "/api/v1/adapters/rollback"): ("/api/v1/adapters/rollback", "operator", {}),
    ("get", "/api/v1/health"): ("/api/v1/health", "viewer", None),
    ("get", "/api/v1/dead-letters"): ("/api/v1/dead-letters", "viewer", None),
    ("post", "/api/v1/dead-letters/replay"): ("/api/v1/dead-letters/replay", "operator", {"places": ["0:1"]}),
}
#: What concerns all tenants is not for whoever sees one.
OF_ALL = {
    ("get", "/api/v1/dead-letters"),
    ("post", "/api/v1/dead-letters/replay"),
    ("post", "/api/v1/adapters/{version}/release"),
    ("post", "/api/v1/adapters/rollback"),
}
RANKS = ("viewer", "reviewer", "operator")


def operations(rig: Rig) -> Iterator[tuple[str, str]]:
    """Of the document."""
    for path, item in rig.app.openapi()["paths"].items():
        for method in item:
            yield method, path


def ask(client: TestClient, operation: tuple[str, str]) -> int:
    path, _, body = PATHS[operation]
    return client.request(operation[0], path, json=body).status_code


@pytest.fixture
def ended(rig: Rig) -> Rig:
    """Live streams end at once."""
    rig.app.state.parts.feed.stop()
    return rig


def test_every_path_is_known_here(rig: Rig) -> None:
    assert set(operations(rig)) == set(PATHS)


def test_nobody_gets_anything_without_a_token(ended: Rig) -> None:
    nobody = ended.client(None)
    answers = {one: ask(nobody, one) for one in operations(ended)}
    assert {status for one, status in answers.items() if one != ("post", "/api/v1/session")} == {401}
    wrong = ended.client(None)
    wrong.headers["Authorization"] = "Bearer st_something"
    assert ask(wrong, ("get", "/api/v1/events")) == 401


def test_each_role_may_what_it_is_for_and_nothing_above(ended: Rig) -> None:
    for role in RANKS:
        client = ended.client(role)  # type: ignore[arg-type]
        for operation in operations(ended):
            needed = PATHS[operation][1]
            if needed is None:
                continue
            status = ask(client, operation)
            if RANKS.index(role) >= RANKS.index(needed):
                assert status < 300, (role, operation, status)
            else:
                assert status == 403, (role, operation, status)


def test_a_viewer_changes_nothing(ended: Rig) -> None:
    viewer = ended.client("viewer")
    for operation in operations(ended):
        ask(viewer, operation)
    assert (ended.outside.sent, ended.outside.decisions, ended.outside.replayed) == ([], [], [])


def test_whoever_sees_one_tenant_decides_nothing_for_all(ended: Rig) -> None:
    for role in RANKS:
        client = ended.client(role, "acme")  # type: ignore[arg-type]
        assert {ask(client, one) for one in OF_ALL} == {403}
    assert (ended.outside.decisions, ended.outside.replayed) == ([], [])


def test_a_label_carries_the_token_s_name_whatever_the_client_says(rig: Rig) -> None:
    reviewer = rig.client("reviewer")
    name = reviewer.get("/api/v1/me").json()["name"]
    claimed = {"event_id": "chat-topic:0:2", "label": "joy", "labelled_by": "somebody else"}
    assert reviewer.post("/api/v1/labels", json=claimed).status_code == 422
    del claimed["labelled_by"]
    assert reviewer.post("/api/v1/labels", json=claimed).json()["label"]["labelled_by"] == name
    assert [one.labelled_by for one in rig.outside.sent] == [name]


def test_a_label_is_one_of_the_event_s_own(rig: Rig) -> None:
    reviewer = rig.client("reviewer")
    refused = reviewer.post("/api/v1/labels", json={"event_id": "chat-topic:0:2", "label": "boredom"})
    assert refused.status_code == 422
    assert "sadness" in refused.json()["detail"]
    gone = reviewer.post("/api/v1/labels", json={"event_id": "chat-topic:0:9999", "label": "joy"})
    assert gone.status_code == 404
    assert rig.outside.sent == []
