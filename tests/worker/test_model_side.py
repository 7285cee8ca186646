"""The worker as it runs, on the real Kafka: its settings choose engine and mode, and releases choose the adapter."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from prompts.errors import ProfileError
from prompts.tokenizer import PromptTokenizer
from schemas.adapter import folder_sha256
from schemas.codec import encode
from schemas.event import EmotionEvent
from schemas.release import AdapterRelease
from schemas.request import SanmRequest
from tests.waiting import wait_for
from tests.worker.adapter_folder import make_adapter_folder
from tests.worker.kafka_rig import Rig, RunningWorker, running
from tests.worker.model_folder import TAXONOMY, Style, make_folder, parts_of, request_of
from tests.worker.openai_double import OpenAIDouble
from worker.errors import EngineStartError
from worker.model_side import ModelSide
from worker.settings import WorkerSettings

pytestmark = pytest.mark.kafka
MESSAGES = 30


@pytest.fixture
def double() -> Iterator[OpenAIDouble]:
    """The server on a loop of its own, as another process would be."""
    one = OpenAIDouble()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = one.running()
    asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(20)
    try:
        yield one
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def requests(folder: Path, style: Style, count: int, first: int = 0) -> list[SanmRequest]:
    words = ["good", "bad", "news", "so", "what"]
    checksum = PromptTokenizer(folder).sha256
    return [
        request_of(parts_of(f"{words[at % 5]} {words[at // 5 % 5]}", style), at, tokenizer=checksum)
        for at in range(first, first + count)
    ]


@contextmanager
def worker(rig: Rig, folder: Path, **changed: Any) -> Iterator[RunningWorker]:
    given: dict[str, Any] = {"model": str(folder), "adapters_cache": folder / "cache"}
    settings = rig.settings(**(given | changed))
    with running(settings, ModelSide(settings)) as one:
        yield one


@pytest.mark.parametrize("engine", ["scripted", "openai"])
@pytest.mark.parametrize("mode", ["direct", "reasoned"])
def test_every_message_is_negotiated_and_its_rounds_are_told(
    rig: Callable[..., Rig], double: OpenAIDouble, tmp_path: Path, engine: str, mode: str
) -> None:
    style: Style = "chat" if mode == "reasoned" else "completion"
    one, folder = rig(), make_folder(tmp_path, style)
    one.publish(requests(folder, style, MESSAGES))
    chosen = {"engine": engine, "sanm_mode": mode, "sanm_policy": "paper", "openai_base_url": double.url}
    with worker(one, folder, **chosen):
        seen = one.events(at_least=MESSAGES)
    assert seen.offsets(0) == list(range(MESSAGES))
    for event in seen.events:
        assert_negotiated(event, mode)
    assert len({len(event.rounds) for event in seen.events}) > 1, "nothing was negotiated"
    if engine == "openai":
        assert len(double.bodies("completions" if mode == "direct" else "chat/completions")) == sum(
            event.usage.model_calls for event in seen.events
        )


def assert_negotiated(event: EmotionEvent, mode: str) -> None:
    answers = [answer for pair in event.rounds for answer in (pair.generator, pair.discriminator) if answer is not None]
    assert event.usage.model_calls == len(answers) >= 2
    assert (event.mode, event.policy, event.model) == (mode, "paper", "little")
    labels = {label.name for label in TAXONOMY.labels}
    assert {answer.label for answer in answers} <= labels
    assert event.outlier or answers[-1].label == answers[-2].label == event.label
    if mode == "reasoned":
        assert all(answer.reason for answer in answers)
        assert event.deduction is not None
    else:
        assert all(answer.scores.keys() == labels for answer in answers)


def test_an_adapter_is_live_before_the_first_message_and_changes_between_messages(
    rig: Callable[..., Rig], double: OpenAIDouble, tmp_path: Path
) -> None:
    one, folder = rig(), make_folder(tmp_path)

    def release(version: str | None, **changed: Any) -> None:
        given: dict[str, Any] = {"model": "little", "version": version, "status": "released"}
        if version is not None:
            adapter = make_adapter_folder(tmp_path / version, version, "little")
            given |= {"uri": str(adapter), "sha256": folder_sha256(adapter)}
        producer = Producer({"bootstrap.servers": one.settings().kafka_bootstrap_servers})
        record = AdapterRelease(**(given | changed), decided_at=datetime.now(UTC))
        producer.produce(one.names.releases, encode(record), b"little")
        assert producer.flush(30) == 0

    release("v1")
    at = 0
    with worker(one, folder, engine="openai", openai_base_url=double.url):

        def until(version: str | None) -> None:
            nonlocal at
            for _ in range(200):
                one.publish(requests(folder, "completion", 1, at))
                at += 1
                if one.events(at_least=at).events[-1].adapter == version:
                    return
            raise AssertionError(f"{version} never came")

        until("v1")
        assert at == 1, "the first event already names it"
        release("v2")
        until("v2")
        release("broken", sha256="0" * 64)
        release(None, status="rolled_back")
        until(None)
        wait_for(lambda: not double.loras, "the server to forget them")
    seen = [event.adapter for event in one.events(at_least=at).events]
    # One after the other, none of them twice, and never the broken one.
    assert [version for version, before in zip(seen, [object(), *seen], strict=False) if version != before] == [
        "v1",
        "v2",
        None,
    ]


def test_a_server_that_is_not_there_ends_the_start(rig: Callable[..., Rig], tmp_path: Path) -> None:
    settings: WorkerSettings = rig().settings(
        model=str(make_folder(tmp_path)), engine="openai", openai_base_url="http://127.0.0.1:9/v1"
    )
    worker_ = RunningWorker(settings, ModelSide(settings), None)
    error = worker_.join()
    assert isinstance(error, EngineStartError)
    assert "OPENAI_BASE_URL" in str(error)


def test_reasons_of_a_model_that_has_none_are_refused_before_anything_is_read(
    rig: Callable[..., Rig], tmp_path: Path
) -> None:
    folder = make_folder(tmp_path)
    with pytest.raises(ProfileError, match="SANM_MODE"):
        ModelSide(rig().settings(model=str(folder), engine="scripted", sanm_mode="reasoned"))
