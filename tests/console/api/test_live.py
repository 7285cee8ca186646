"""The live stream on a real server: what comes, what is left out, and that a resumed one loses and doubles nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from console.api.feed import Seen
from tests.console.api.rig import Rig
from tests.console.api.served import Message, served, stream
from tests.console.store.making import make_event, make_label

COUNT = 1_500


@pytest.fixture
def address(rig: Rig) -> Iterator[str]:
    with served(rig) as found:
        yield found


def fresh(number: int, **fields: Any) -> Any:
    return make_event(10_000 + number, sent_at=datetime.now(UTC), **fields)


def of_kind(found: Iterator[Message], kind: str) -> Message:
    return next(one for one in found if one.kind == kind)


def new_events(found: Iterator[Message]) -> Message:
    return next(one for one in found if one.kind == "events" and one.data["events"])


def test_new_events_and_changed_labels_come_by_themselves(rig: Rig, address: str) -> None:
    token = rig.tokens.create("me", "viewer", None, None)
    with stream(address, token, "?backlog=3") as found:
        backlog = new_events(found).data["events"]
        assert [one["event_id"] for one in backlog] == [f"chat-topic:0:{number}" for number in (117, 118, 119)]
        assert of_kind(found, "pulse").data["total"] == 120
        event = fresh(0)
        rig.filler.write(event)
        assert [one["event_id"] for one in new_events(found).data["events"]] == [event.event_id]
        rig.filler.write(make_label(event, "anger", by="me"))
        changed = of_kind(found, "changes").data["events"]
        assert [(one["event_id"], one["label"], one["my_label"]) for one in changed] == [
            (event.event_id, "anger", "anger")
        ]


def test_filters_and_tenants_hold_live_too(rig: Rig, address: str) -> None:
    token = rig.tokens.create("acme", "viewer", "acme", None)
    with stream(address, token, "?label=anger") as found:
        of_kind(found, "pulse")
        wanted, foreign = fresh(1, label="anger"), fresh(2, label="anger", tenant="globex")
        rig.filler.write(fresh(3, label="joy"), foreign, wanted)
        assert [one["event_id"] for one in new_events(found).data["events"]] == [wanted.event_id]
        # It is no anger any more, which whoever sees it as such must be told; what globex does, nobody here.
        rig.filler.write(make_label(foreign, "joy"), make_label(wanted, "joy"))
        assert [one["event_id"] for one in of_kind(found, "changes").data["events"]] == [wanted.event_id]
        assert of_kind(found, "pulse").data["total"] < 100


def test_a_resumed_stream_loses_and_doubles_nothing(rig: Rig, address: str) -> None:
    token = rig.tokens.create("me", "viewer", None, None)
    written: list[str] = []

    def write() -> None:
        for start in range(0, COUNT, 25):
            events = [fresh(number) for number in range(start, start + 25)]
            rig.filler.write(*events)
            written.extend(one.event_id for one in events)

    writing = threading.Thread(target=write)
    seen: list[str] = []
    last: str | None = None
    with stream(address, token, "?every=true") as found:
        last = of_kind(found, "pulse").id
    writing.start()
    # Cut off after each batch of events, and resumed by its id; in between the store goes on.
    while len(seen) < COUNT:
        with stream(address, token, "?every=true", last) as found:
            for _ in range(1 + len(seen) % 3):
                message = new_events(found)
                seen += [one["event_id"] for one in message.data["events"]]
                last = message.id
                if len(seen) >= COUNT:
                    break
    writing.join()
    assert seen == written


def test_without_every_a_flood_is_cut_and_says_so(rig: Rig, address: str) -> None:
    token = rig.tokens.create("me", "viewer", None, None)
    with stream(address, token) as found:
        of_kind(found, "pulse")
        rig.filler.write(*(fresh(number) for number in range(700)))
        message = new_events(found)
    assert len(message.data["events"]) == 200
    assert message.data["skipped"] == 500
    assert message.data["events"][-1]["event_id"] == "chat-topic:0:10699"


def test_an_id_of_another_store_says_so(rig: Rig, address: str) -> None:
    token = rig.tokens.create("me", "viewer", None, None)
    with stream(address, token, last="999999-0") as found:
        assert next(found).kind == "reset"
        rig.filler.write(fresh(0))
        assert len(new_events(found).data["events"]) == 1


def test_a_revoked_token_s_stream_ends(rig: Rig, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.api.live._CHECK_S", 0.2)
    token = rig.tokens.create("me", "viewer", None, None)
    with stream(address, token) as found:
        of_kind(found, "pulse")
        rig.tokens.revoke("me")
        assert all(one.kind in ("pulse", "events") for one in found)


def test_streams_of_one_token_are_counted(rig: Rig) -> None:
    most = rig.app.state.parts.settings.console_streams
    token = rig.tokens.create("me", "viewer", None, None)
    holder = rig.tokens.holder(token, "token")
    assert holder is not None
    rig.app.state.parts.open_streams[holder.token_id] = most
    answer = rig.client(None, headers={"Authorization": f"Bearer {token}"}).get("/api/v1/events/stream")
    assert answer.status_code == 429


@pytest.mark.parametrize("text", ["", "-", "1", "1-", "a-b", "1-2-3", "٣-٤", "9" * 50 + "-1", "1.5-2", "-1-2"])
def test_an_id_that_is_none_is_ignored(text: str) -> None:
    assert Seen.parse(text) is None
