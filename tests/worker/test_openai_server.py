"""The engine behind HTTP: what it sends, what it makes of answers, and whose fault a failure is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from prompts.roles import ChatTurn, Prompt
from schemas.taxonomy import Label
from tests.worker.model_folder import TAXONOMY, make_folder, parts_of, roles_of
from tests.worker.openai_double import TOO_LONG, Asked, OpenAIDouble, error
from worker.engines.contract import (
    Adapter,
    AdapterRefusedError,
    EngineError,
    EngineUnavailableError,
    PromptRefusedError,
)
from worker.engines.openai_http import Server
from worker.engines.openai_server import OpenAIServerEngine

LABELS = TAXONOMY.labels
WORDS = [label.word for label in LABELS]
SECRET = "nobody may read this"
CHAT = Prompt(chat=(ChatTurn("system", "say"), ChatTurn("user", SECRET)))
IDS = Prompt((4, 5, 6))


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble().running() as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


def engine_at(double: OpenAIDouble, folder: Path, **changed: Any) -> OpenAIServerEngine:
    given: dict[str, Any] = {"base_url": double.url, "model": "little", "timeout_s": 20.0}
    return OpenAIServerEngine(Server(**(given | changed)), roles_of(folder))


@pytest.fixture
async def engine(double: OpenAIDouble, folder: Path) -> AsyncIterator[OpenAIServerEngine]:
    one = engine_at(double, folder, api_key="k-1")
    yield one
    await one.close()


async def test_completion_prompts_go_as_numbers_and_the_answer_is_one_of_the_labels_tokens(
    double: OpenAIDouble, engine: OpenAIServerEngine, folder: Path
) -> None:
    await engine.choose(IDS, LABELS)
    await engine.choose(IDS, LABELS, sample_seed=2**40 + 3)
    greedy, drawn = double.bodies("completions")
    assert double.requests[0].headers["Authorization"] == "Bearer k-1"
    assert (greedy["model"], greedy["prompt"], greedy["max_tokens"]) == ("little", [4, 5, 6], 1)
    assert greedy["allowed_token_ids"] == list(roles_of(folder).label_ids(LABELS))
    assert greedy["temperature"] == 0
    assert "seed" not in greedy
    assert (drawn["temperature"], drawn["seed"]) == (1, 3)


async def test_chat_prompts_go_as_messages_and_the_label_is_read_from_words(
    double: OpenAIDouble, engine: OpenAIServerEngine
) -> None:
    choice = await engine.choose(CHAT, LABELS)
    (body,) = double.bodies("chat/completions")
    assert body["messages"] == [{"role": "system", "content": "say"}, {"role": "user", "content": SECRET}]
    assert body["structured_outputs"] == {"choice": WORDS}
    assert choice.label in {label.name for label in LABELS}
    # "x" is no label; " Anger" is one, whatever its case.
    assert set(choice.logprobs) == {choice.label, "anger"}
    assert (choice.prompt_tokens, choice.completion_tokens) == (50, 7)


async def test_reasoned_answers_are_held_to_the_schema_of_what_the_role_was_asked(
    double: OpenAIDouble, engine: OpenAIServerEngine, tmp_path: Path
) -> None:
    (tmp_path / "chat").mkdir()
    roles = roles_of(make_folder(tmp_path / "chat", "chat"))
    prompt = roles.ask(roles.open(parts_of("bad news", "chat")), mode="reasoned")
    writing = await engine.write(prompt, max_tokens=99)
    (body,) = double.bodies("chat/completions")
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["scenario", "people", "relationships", "reason", "label"]
    assert schema["properties"]["label"]["enum"] == WORDS
    assert (body["max_tokens"], writing.completion_tokens) == (99, 7)
    assert '"scenario"' in writing.text


async def test_a_server_that_lacks_a_form_is_asked_in_the_next_best_one_from_then_on(
    double: OpenAIDouble, engine: OpenAIServerEngine
) -> None:
    double.lacking = {"structured_outputs", "logprobs", "json_schema"}
    prompt = Prompt(chat=(ChatTurn("user", "- joy\n- anger"),), form={"type": "object"})
    for _ in range(2):
        choice = await engine.choose(prompt, LABELS)
        assert (choice.label in {"joy", "anger"}, choice.logprobs) == (True, {})
        await engine.write(prompt, max_tokens=9)
    sent = double.bodies("chat/completions")
    # Three forms of a choice, two of words; then the one that was taken.
    assert len(sent) == 5 + 2
    assert "structured_outputs" not in sent[-2]
    assert sent[-1]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, TOO_LONG),
        error(400, "The input is too long"),
        (400, {"error": {"message": "no", "code": "context_length_exceeded"}}),
        (400, {"error": {"message": "no", "code": "content_filter"}}),
        (400, {"error": {"message": "no", "type": "exceed_context_size_error"}}),
        (413, "too large"),
        (422, {"error": "`inputs` must have less than 512 tokens: maximum total tokens", "message": "too many tokens"}),
    ],
)
async def test_what_names_the_prompt_is_the_prompts_problem(
    double: OpenAIDouble, engine: OpenAIServerEngine, refusal: tuple[int, Any]
) -> None:
    double.override = lambda _: refusal
    for prompt in (IDS, CHAT):
        double.requests.clear()
        with pytest.raises(PromptRefusedError):
            await engine.choose(prompt, LABELS)
        assert len(double.requests) == 1


async def test_a_refusal_without_a_known_reason_is_put_to_the_test(
    double: OpenAIDouble, engine: OpenAIServerEngine
) -> None:
    def dislikes_some(asked: Asked) -> tuple[int, Any] | None:
        return error(400, "no") if SECRET in str(asked.body) or 6 in asked.body.get("prompt", ()) else None

    double.override = dislikes_some
    for prompt in (IDS, CHAT):
        with pytest.raises(PromptRefusedError):
            await engine.choose(prompt, LABELS)
    double.override = lambda _: error(400, "unknown parameter")
    for prompt in (IDS, CHAT):
        with pytest.raises(EngineUnavailableError, match="whatever it is asked"):
            await engine.choose(prompt, LABELS)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "OPENAI_MODEL"), (429, "MAX_IN_FLIGHT")]
    + [(status, f"HTTP {status}") for status in (302, 405, 500, 502, 503, 504, 599)],
)
async def test_load_and_set_up_are_outages_and_say_what_to_do(
    double: OpenAIDouble, engine: OpenAIServerEngine, status: int, words: str
) -> None:
    double.override = lambda _: error(status, f"quotes: {SECRET}", "SomeError")
    for prompt in (IDS, CHAT):
        with pytest.raises(EngineUnavailableError, match=words) as caught:
            await engine.choose(prompt, LABELS)
        assert SECRET not in str(caught.value)
    double.override = lambda _: None
    assert (await engine.choose(IDS, LABELS)).label


@pytest.mark.parametrize(
    "answer",
    ["<html>", "[]", {}, {"choices": []}, {"choices": [{"message": {"content": 3}, "text": 3}]}, {"choices": ["x"]}],
)
async def test_an_answer_that_is_none_is_an_outage(
    double: OpenAIDouble, engine: OpenAIServerEngine, answer: Any
) -> None:
    double.override = lambda _: (200, answer)
    for prompt in (IDS, CHAT):
        with pytest.raises(EngineUnavailableError, match="cannot be read"):
            await engine.choose(prompt, LABELS)


async def test_servers_that_say_less_still_decide(double: OpenAIDouble, engine: OpenAIServerEngine) -> None:
    bare = {"choices": [{"text": " Joy", "logprobs": None, "message": {"content": "Joy."}}]}
    double.override = lambda _: (200, bare)
    for prompt in (IDS, CHAT):
        choice = await engine.choose(prompt, LABELS)
        assert (choice.label, choice.logprobs, choice.prompt_tokens) == ("joy", {}, 0)
    double.override = lambda _: (200, {"choices": [{"text": "ecstasy", "message": {"content": None}}]})
    for prompt in (IDS, CHAT):
        assert (await engine.choose(prompt, LABELS)).label is None


async def test_probabilities_of_other_labels_alone_are_none(double: OpenAIDouble, engine: OpenAIServerEngine) -> None:
    """A label of several tokens has no probability of its own; those of the rest would say nothing of it."""
    labels = (*LABELS, Label(name="ambivalent", word="mixed feelings"))
    top = [{"token": "mixed", "logprob": -0.1}, {"token": "joy", "logprob": -2.0}]
    said = {"message": {"content": "mixed feelings"}, "logprobs": {"content": [{"top_logprobs": top}]}}
    double.override = lambda _: (200, {"choices": [said]})
    choice = await engine.choose(CHAT, labels)
    assert (choice.label, choice.logprobs) == ("ambivalent", {})


async def test_silence_and_absence_are_outages(double: OpenAIDouble, folder: Path) -> None:
    double.delay_s = 30
    slow = engine_at(double, folder, timeout_s=0.05)
    with pytest.raises(EngineUnavailableError, match="does not answer"):
        await slow.choose(IDS, LABELS)
    await slow.close()
    gone = engine_at(double, folder, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(EngineUnavailableError, match="is it up"):
        await gone.start()
    await gone.close()


async def test_a_login_in_the_address_is_used_and_not_told(double: OpenAIDouble, folder: Path) -> None:
    address = double.url.replace("//", "//me:hunter2@")
    logged_in = engine_at(double, folder, base_url=address, model="another")
    with pytest.raises(EngineUnavailableError, match="has no model") as refused:
        await logged_in.start()
    assert double.requests[0].headers["Authorization"].startswith("Basic ")
    with pytest.raises(EngineUnavailableError, match="is not loaded at") as unknown:
        await logged_in.choose(IDS, LABELS, adapter="v7")
    double.override = lambda _: (500, {})
    with pytest.raises(EngineUnavailableError, match="HTTP 500") as failed:
        await logged_in.choose(IDS, LABELS)
    await logged_in.close()
    gone = engine_at(double, folder, base_url="http://me:hunter2@127.0.0.1:9/v1")
    with pytest.raises(EngineUnavailableError, match="is it up") as away:
        await gone.start()
    await gone.close()
    assert not [one for one in (refused, unknown, failed, away) if "hunter2" in str(one.value)]
    assert "k-1" not in repr(Server("http://127.0.0.1:9/v1", "little", "k-1"))


async def test_what_waits_while_it_is_closed_meets_an_outage(double: OpenAIDouble, engine: OpenAIServerEngine) -> None:
    double.delay_s = 30
    calls = [asyncio.create_task(engine.choose(IDS, LABELS)) for _ in range(3)]
    async with asyncio.timeout(20):
        for _ in calls:
            await double.arrived.acquire()
        await engine.close()
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in answers] == [EngineUnavailableError] * 3


async def test_another_model_than_the_servers_is_seen_at_the_start(double: OpenAIDouble, folder: Path) -> None:
    await engine_at(double, folder).start()
    with pytest.raises(EngineUnavailableError, match="it has little"):
        await engine_at(double, folder, model="large").start()


async def test_words_of_several_tokens_and_of_one_for_two_are_the_requests_problem(
    double: OpenAIDouble, engine: OpenAIServerEngine
) -> None:
    for labels in (
        (Label(name="a", word="mixed feelings"), LABELS[0]),
        (Label(name="a", word="Joy"), Label(name="b", word="joy")),
    ):
        with pytest.raises(PromptRefusedError):
            await engine.choose(IDS, labels)
    assert double.requests == []


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "adapter_config.json").write_text("{}")
    return Adapter("v1", tmp_path / "v1")


async def test_two_workers_share_the_adapters_of_one_server(
    double: OpenAIDouble, engine: OpenAIServerEngine, folder: Path, adapter: Adapter
) -> None:
    beside = engine_at(double, folder)
    await engine.load_adapter(adapter)
    await beside.load_adapter(adapter)
    expected = await engine.choose(IDS, LABELS, adapter="v1")
    assert double.bodies("completions")[-1]["model"] == "little-v1"
    # The one drops it, or the server starts anew: the other has it loaded again and goes on.
    await beside.drop_adapter("v1")
    assert double.loras == {}
    assert (await engine.choose(IDS, LABELS, adapter="v1")).logprobs == expected.logprobs
    double.loras.clear()
    await engine.drop_adapter("v1")
    await beside.close()


async def test_a_server_that_cannot_load_refuses_and_one_that_is_out_is_out(
    double: OpenAIDouble, engine: OpenAIServerEngine, adapter: Adapter, tmp_path: Path
) -> None:
    with pytest.raises(AdapterRefusedError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        await engine.load_adapter(Adapter("v0", tmp_path / "nowhere"))
    troubles: list[tuple[int, type[EngineError]]] = [
        (500, AdapterRefusedError),
        (400, AdapterRefusedError),
        (503, EngineUnavailableError),
    ]
    for status, kind in troubles:
        refusal = error(status, "rank 99")
        double.override = lambda asked, refusal=refusal: refusal if "load" in asked.path else None  # type: ignore[misc]
        with pytest.raises(kind):
            await engine.load_adapter(adapter)
    double.override = lambda _: None
    await engine.load_adapter(adapter)
