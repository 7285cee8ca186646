"""Whatever people type and clients send is data: shown as it is, searched as it is, refused where it fits nowhere."""

from urllib.parse import quote

import pytest

from tests.console.api.rig import Rig
from tests.console.store.making import make_event

TEXTS = (
    "<script>alert(1)</script>",
    "x" * 8_000,
    "\u202eabc\u2066",
    "👨‍👩‍👧‍👦" * 50,
    "100% _under\\score'\"; DROP TABLE events; --",
)
FIELDS = ("label", "language", "tenant", "conversation_id", "adapter")


def test_texts_come_back_as_they_were(empty: Rig) -> None:
    events = [
        make_event(number, text=text, conversation_id=f"c {text[:40]}", speaker=text[:200])
        for number, text in enumerate(TEXTS)
    ]
    empty.filler.write(*events)
    client = empty.client("viewer")
    shown = {one["event_id"]: one for one in client.get("/api/v1/events").json()["events"]}
    for event in events:
        assert (shown[event.event_id]["text"], shown[event.event_id]["speaker"]) == (event.text, event.speaker)
        found = client.get(f"/api/v1/conversations/{quote(event.conversation_id, safe='')}")
        assert found.status_code == 200
        assert found.json()["turns"][0]["text"] == event.text


@pytest.mark.parametrize("text", ["%", "_", "acme%", "' OR 1=1 --", "*", "[a-z]", "a" * 256])
def test_no_character_is_a_wildcard(shared: Rig, text: str) -> None:
    client = shared.client("viewer")
    for name in FIELDS:
        assert client.get("/api/v1/events", params={name: text}).json()["events"] == []
    assert client.get("/api/v1/labels", params={"by": text}).json()["labels"] == []
    assert client.get(f"/api/v1/conversations/{quote(text, safe='')}").status_code == 404
    assert client.get(f"/api/v1/events/{quote(text, safe='')}").status_code == 404


@pytest.mark.parametrize("raw", ["%00", "a%00b", "%0a", "%7f", "a" * 257, ""])
def test_what_no_name_has_is_refused(shared: Rig, raw: str) -> None:
    client = shared.client("viewer")
    for name in FIELDS:
        answer = client.get(f"/api/v1/events?{name}={raw}")
        assert answer.status_code == 422, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert name in answer.json()["errors"][0]["place"]


def test_bytes_that_are_no_utf8_find_nothing(shared: Rig) -> None:
    client = shared.client("viewer")
    assert client.get("/api/v1/events?label=%ff%fe%ed%a0%80").json()["events"] == []
    assert client.get("/api/v1/events/%ff%ed%a0%80").status_code in (404, 422)


@pytest.mark.parametrize(
    "body",
    [
        '{"event_id": "\\ud800", "label": "joy"}',
        '{"event_id": "a\\u0000b", "label": "joy"}',
        '{"event_id": "a", "label": "\\udfff"}',
        '{"event_id": {"$ne": 1}, "label": "joy"}',
        '{"event_id": 1e999, "label": "joy"}',
        '{"event_id": "a", "label": ' + '"' + "x" * 10_000 + '"}',
        "[" * 20_000,
        "null",
        "",
        "{",
        "\x00",
    ],
)
def test_bodies_that_are_no_label_are_refused(shared: Rig, body: str) -> None:
    client = shared.client("reviewer")
    answer = client.post("/api/v1/labels", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]
    assert shared.outside.sent == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=1e3", "limit=99999999999999999999", "cursor=%21", "min_confidence=nan",
        "min_confidence=2", "max_confidence=-1", "since=yesterday", "since=0001-01-01T00:00:00%2B23:59",
        "until=9999-12-31T23:59:59-23:59", "lable=joy", "corrected=perhaps", "status=broken",
        "&".join(["label=joy"] * 21),
    ],
)  # fmt: skip
def test_parameters_that_fit_nowhere_are_refused(shared: Rig, query: str) -> None:
    answer = shared.client("viewer").get(f"/api/v1/events?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "cursor", ["AAAA", "MC4x-", "Li4u", "bmFuLjE", "MWU5OTkuMQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS4x", "_"]
)
def test_cursors_of_somebody_else_s_are_refused_or_lead_to_an_end(shared: Rig, cursor: str) -> None:
    client = shared.client("viewer")
    for path in ("events", "conversations", "review", "labels", "alerts", "conversations/acme-room-1", "dead-letters"):
        assert client.get(f"/api/v1/{path}?cursor={cursor}").status_code in (200, 400), path


def test_pages_hold_everything_once(shared: Rig) -> None:
    client = shared.client("viewer")
    for path, key, name in (
        ("events?limit=7", "events", "event_id"),
        ("events?limit=7&status=labelled&language=en&tenant=acme", "events", "event_id"),
        ("events?limit=3&label=joy&label=anger&tenant=globex", "events", "event_id"),
        ("conversations?limit=3", "conversations", "conversation_id"),
        ("conversations?limit=2&language=zh", "conversations", "conversation_id"),
        ("review?limit=9", "items", "event_id"),
        ("review?limit=9&language=en", "items", "event_id"),
        ("review?limit=2&labelled=others", "items", "event_id"),
        ("labels?limit=5", "labels", None),
        ("dead-letters?limit=7", "letters", "place"),
    ):
        whole = client.get(f"/api/v1/{path.partition('?')[0]}", params=_parameters(path) | {"limit": "100"})
        expected = whole.json()[key]
        found, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/api/v1/{path}{f'&cursor={cursor}' if cursor else ''}").json()
            found += page[key]
            cursor = page["next_cursor"]
        assert found[: len(expected)] == expected, path
        if name is not None:
            assert len({one[name] for one in found}) == len(found), path


def _parameters(path: str) -> dict[str, list[str] | str]:
    found: dict[str, list[str] | str] = {}
    for pair in path.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        found[name] = [*found.get(name, []), value]
    return found
