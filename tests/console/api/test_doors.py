"""Sessions, links, host names, sizes, rates and headers."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from console.api.guards import MAX_BODY_BYTES
from tests.console.api.conftest import new_store
from tests.console.api.rig import ADDRESS, Rig

WRITES = {"X-Requested-With": "sentistream"}


def signed_in(rig: Rig) -> TestClient:
    client = rig.client(None)
    link = rig.tokens.create_link("me", "operator")
    assert client.get(f"/open?token={link}", follow_redirects=False).status_code == 303
    return client


def test_a_link_signs_in_once(empty: Rig) -> None:
    link = empty.tokens.create_link("me", "operator")
    first, second = empty.client(None), empty.client(None)
    answer = first.get(f"/open?token={link}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert first.get("/api/v1/me").json()["name"] == "me"
    refused = second.get(f"/open?token={link}", follow_redirects=False)
    assert refused.status_code == 401
    assert "sentistream console link" in refused.text
    assert ("This link cannot be used" in refused.text, "此链接无法使用" in refused.text) == (True, True)
    assert second.get("/api/v1/me").status_code == 401
    # A link is no token.
    second.headers["Authorization"] = f"Bearer {link}"
    assert second.get("/api/v1/me").status_code == 401


def test_writes_by_cookie_come_from_the_page_alone(rig: Rig) -> None:
    client = signed_in(rig)
    label = {"event_id": "chat-topic:0:2", "label": "joy"}
    assert client.post("/api/v1/labels", json=label).status_code == 403
    foreign = WRITES | {"Origin": "https://elsewhere.example"}
    assert client.post("/api/v1/labels", json=label, headers=foreign).status_code == 403
    assert rig.outside.sent == []
    assert client.post("/api/v1/labels", json=label, headers=WRITES | {"Origin": ADDRESS}).status_code == 201


def test_signing_in_with_a_token_and_out_again(rig: Rig) -> None:
    token = rig.tokens.create("mei", "reviewer", "acme", timedelta(minutes=5))
    client = rig.client(None)
    assert client.post("/api/v1/session", json={"token": token}).status_code == 403
    me = client.post("/api/v1/session", json={"token": token}, headers=WRITES).json()
    assert (me["name"], me["role"], me["tenant"]) == ("mei", "reviewer", "acme")
    assert client.get("/api/v1/me").json()["expires_at"] is not None
    cookie = dict(client.cookies)
    assert client.delete("/api/v1/session", headers=WRITES).status_code == 204
    # The session itself has ended, not the browser's memory of it alone.
    assert rig.client(None, cookies=cookie).get("/api/v1/me").status_code == 401


def test_a_revoked_token_ends_its_sessions(rig: Rig) -> None:
    token = rig.tokens.create("mei", "reviewer", None, None)
    client = rig.client(None)
    client.post("/api/v1/session", json={"token": token}, headers=WRITES)
    assert client.get("/api/v1/me").status_code == 200
    rig.tokens.revoke("mei")
    assert client.get("/api/v1/me").status_code == 401


def test_an_expired_token_is_none(rig: Rig) -> None:
    token = rig.tokens.create("old", "viewer", None, timedelta(microseconds=1))
    client = rig.client(None, headers={"Authorization": f"Bearer {token}"})
    assert client.get("/api/v1/me").status_code == 401


def test_a_body_has_a_limit(shared: Rig) -> None:
    client = shared.client("reviewer")
    answer = client.post("/api/v1/labels", content=b" " * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    # Without a length that says so before.
    chunks = (b" " * 10_000 for _ in range(8))
    assert client.post("/api/v1/labels", content=chunks).status_code == 413
    json = {"Content-Type": "application/json"}
    assert client.post("/api/v1/labels", content=b" " * MAX_BODY_BYTES, headers=json).status_code == 400


def test_too_many_requests_are_told_when_to_come_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    for database in new_store(tmp_path_factory.mktemp("rates") / "events.db"):
        rig = Rig(database, console_rate=5, console_write_rate=2, console_sign_in_rate=3)
        client, other = rig.client("viewer"), rig.client("viewer")
        answers = [client.get("/api/v1/me") for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].json()["type"] == "/problems/rate-limit"
        # Another token has a measure of its own.
        assert other.get("/api/v1/me").status_code == 200
        writer = rig.client("reviewer")
        label = {"event_id": "chat-topic:0:2", "label": "joy"}
        assert [writer.post("/api/v1/labels", json=label).status_code for _ in range(3)] == [404, 404, 429]
        guesser = rig.client(None, headers={"Authorization": "Bearer st_guess"})
        assert [guesser.get("/api/v1/me").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_other_host_names_are_refused(shared: Rig) -> None:
    client = shared.client("viewer")
    for name in ("evil.example", "evil.example:80", "[::2]", ""):
        assert client.get("/api/v1/me", headers={"Host": name}).status_code == 400
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8080"}).json() == {"status": "ok"}
    for name in ("localhost:8080", "127.0.0.1", "[::1]:80"):
        assert client.get("/api/v1/me", headers={"Host": name}).status_code == 200


def test_every_answer_has_the_headers_that_guard_it(shared: Rig) -> None:
    client = shared.client("viewer")
    for path in ("/", "/api/v1/events", "/api/v1/nothing", "/api/v1/docs", "/open?token=x", "/nothing.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert client.get("/api/v1/events").headers["cache-control"] == "no-store"


def test_the_reference_page_needs_nothing_from_elsewhere(shared: Rig) -> None:
    client = shared.client(None)
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "//cdn" not in page.text
    assert "GET /api/v1/events/{event_id}" in page.text
    assert client.get("/reference.css").status_code == 200


def test_a_path_that_is_not_there_is_a_problem_too(shared: Rig) -> None:
    client = shared.client("viewer")
    for answer, status in ((client.get("/api/v1/nothing"), 404), (client.put("/api/v1/events"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "/api/v1/docs" in answer.json()["detail"]
    labels = client.put("/api/v1/labels")
    assert (labels.status_code, labels.headers["allow"]) == (405, "GET, POST")
    assert client.get("/api/v1/adapters/rollback").headers["allow"] == "POST"
