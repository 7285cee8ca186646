"""The API against its own document: whatever fits it, and whatever does not, gets an answer that the document has."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from console.api.app import feed_of
from tests.console.api.conftest import new_store
from tests.console.api.rig import Rig, came_true, conversation_events, people_labels
from tests.waiting import wait_for

#: What is there to be found: ids out of nowhere lead to 404 alone.
_KNOWN = {"event_id": "chat-topic:0:7", "conversation_id": "acme-room-1", "version": "v1"}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An app that never says "too often", and whose live streams end at once."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    for database in new_store(folder / "events.db"):
        never = 10**9
        rig = Rig(
            database,
            console_names="testserver,localhost",
            console_rate=never,
            console_write_rate=never,
            console_sign_in_rate=never,
        )
        events = conversation_events(60)
        rig.filler.write(*events)
        rig.filler.write(*people_labels(events))
        came_true(database)
        feed_of(rig.app).stop()
        yield rig


@pytest.fixture(scope="module")
def token(fuzzed: Rig) -> str:
    return fuzzed.tokens.create("fuzzer", "operator", None, None)


def test_any_request_gets_an_answer_that_the_document_has(fuzzed: Rig, token: str) -> None:
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", fuzzed.app)
    asked = 0
    for found in document.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            asked += try_cases(operation.as_strategy(generation_mode=mode), token, fits=mode is GenerationMode.POSITIVE)
    assert asked > 100


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_whole_of_schemathesis_finds_nothing(fuzzed: Rig, token: str) -> None:
    """All its phases, the stateful one too, on a real server."""
    server = uvicorn.Server(uvicorn.Config(fuzzed.app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, "the server")
        port = server.servers[0].sockets[0].getsockname()[1]
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/api/v1/openapi.json",
                "--header", f"Authorization: Bearer {token}", "--no-color",
                "--max-examples", os.environ.get("FUZZ_EXAMPLES", "400"),
                "--exclude-checks", "positive_data_acceptance",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-20_000:]
    finally:
        server.should_exit = True
        thread.join()


def try_cases(cases: Any, token: str, *, fits: bool) -> int:
    """Send some; how many."""
    count = 0

    @given(case=cases)
    @settings(
        max_examples=4, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        if fits and count % 2:
            case.path_parameters = {name: _KNOWN.get(name, value) for name, value in case.path_parameters.items()}
            if isinstance(case.body, dict) and "event_id" in case.body:
                case.body["event_id"] = _KNOWN["event_id"]
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            # What fits the document can be refused all the same: an event that is not there, a span that ends too soon.
            # What does not fit may be a header alone, and ours is put in its place.
            excluded_checks=[positive_data_acceptance, negative_data_rejection],
        )

    ask()
    return count
