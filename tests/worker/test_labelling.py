"""From a request to its event, on the scripted engine: every policy, both modes, and what may go wrong."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from prompts.errors import ProfileError
from prompts.parts import DEDUCTION_TOKENS
from prompts.profile import ModelProfile
from prompts.roles import Prompt
from schemas.chat import Source
from schemas.event import EmotionEvent, Policy
from schemas.request import SanmRequest
from schemas.taxonomy import Label
from tests.worker.model_folder import TAXONOMY, Style, make_folder, parts_of, request_of, roles_of
from worker.calibration import Trust
from worker.engines.contract import Choice, EngineUnavailableError, PromptRefusedError, Writing
from worker.engines.scripted import Script, ScriptedEngine
from worker.labelling import SanmLabeller, SanmOptions

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Recorder(ScriptedEngine):
    """Keeps what it was asked."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__("little", script)
        self.asked: list[tuple[Prompt, str | None, int | None]] = []

    async def choose(
        self, prompt: Prompt, labels: Sequence[Label], *, adapter: str | None = None, sample_seed: int | None = None
    ) -> Choice:
        self.asked.append((prompt, adapter, sample_seed))
        return await super().choose(prompt, labels, adapter=adapter, sample_seed=sample_seed)

    async def write(
        self, prompt: Prompt, *, max_tokens: int, adapter: str | None = None, sample_seed: int | None = None
    ) -> Writing:
        self.asked.append((prompt, adapter, sample_seed))
        return await super().write(prompt, max_tokens=max_tokens, adapter=adapter, sample_seed=sample_seed)


class Hold:
    """An adapter that turns into the next one whenever it is asked for."""

    def __init__(self, *versions: str) -> None:
        self._versions = iter(versions)
        self.held: list[str | None] = []
        self.trusted: dict[str | None, Trust] = {}

    def acquire(self) -> str | None:
        self.held.append(next(self._versions))
        return self.held[-1]

    def trust(self, version: str | None) -> Trust | None:
        return self.trusted.get(version)

    def release(self, version: str | None) -> None:
        self.held.remove(version)


class Bench:
    """A labeller and the engine under it."""

    def __init__(
        self,
        folder: Path,
        style: Style = "completion",
        *,
        script: Script | None = None,
        hold: Hold | None = None,
        threshold: float = 0.5,
        **options: Any,
    ) -> None:
        make_folder(folder, style, threshold=threshold, temperature=1.3)
        self.engine = Recorder(script)
        profile = ModelProfile.read(folder)
        self.labeller = SanmLabeller(self.engine, profile, roles_of(folder), SanmOptions(**options), hold)

    async def label(self, request: SanmRequest) -> EmotionEvent:
        return await self.labeller.label(request, taken_at=NOW)


def texts(count: int) -> list[str]:
    words = ["good", "bad", "news", "so", "what"]
    return [f"{words[at % 5]} {words[at // 5 % 5]} {words[at // 25 % 5]}" for at in range(count)]


def apart(offset: int) -> dict[str, Any]:
    """A conversation of its own for each message."""
    message = request_of(parts_of("so", "chat")).message.model_copy(update={"conversation_id": f"c-{offset}"})
    return {"message": message}


def decisions(event: EmotionEvent) -> list[str | None]:
    """G1, D1, G2, … as far as they were asked."""
    return [answer.label for one in event.rounds for answer in (one.generator, one.discriminator) if answer is not None]


@pytest.mark.parametrize("policy", ["one-pass", "paper", "calibrated", "vote3"])
@pytest.mark.parametrize("mode", ["direct", "reasoned"])
async def test_every_policy_accounts_for_every_call(tmp_path: Path, policy: Policy, mode: Any) -> None:
    style: Style = "chat" if mode == "reasoned" else "completion"
    bench = Bench(tmp_path, style, policy=policy, mode=mode)
    for offset, text in enumerate(texts(40)):
        bench.engine.asked.clear()
        event = await bench.label(request_of(parts_of(text, style), offset))
        assert event.usage.model_calls == len(bench.engine.asked) == len(decisions(event))
        assert event.first_label == decisions(event)[0]
        assert (event.mode, event.policy, event.status == "outlier") == (mode, policy, event.label is None)
        if mode == "direct":
            assert event.usage.prompt_tokens == sum(len(prompt.token_ids) for prompt, *_ in bench.engine.asked)
            assert event.usage.completion_tokens == len(bench.engine.asked)
        if policy == "one-pass":
            assert len(bench.engine.asked) == 1
        if policy == "vote3":
            assert len({seed for *_, seed in bench.engine.asked}) == 3
        if policy == "paper":
            assert len(bench.engine.asked) > 1


@pytest.mark.parametrize("mode", ["direct", "reasoned"])
async def test_a_policy_that_is_given_with_a_message_is_used_and_named(tmp_path: Path, mode: Any) -> None:
    style: Style = "chat" if mode == "reasoned" else "completion"
    bench = Bench(tmp_path, style, policy="paper", mode=mode)
    request = request_of(parts_of("so what", style), 0)
    quick = await bench.labeller.label(request, taken_at=NOW, policy="one-pass")
    assert (quick.policy, quick.usage.model_calls) == ("one-pass", 1)
    usual = await bench.labeller.label(request, taken_at=NOW)
    assert usual.policy == "paper"
    assert usual.usage.model_calls > 1


async def test_calibrated_pays_for_doubts_only_and_else_goes_on_as_paper(tmp_path: Path) -> None:
    requests = [request_of(parts_of(text), offset) for offset, text in enumerate(texts(60))]
    paper = Bench(tmp_path, policy="paper")
    calibrated = Bench(tmp_path, policy="calibrated", threshold=0.3)
    asked = []
    for request in requests:
        event, full = await calibrated.label(request), await paper.label(request)
        ranked = sorted(event.rounds[0].generator.scores.values(), reverse=True)
        sure = ranked[0] - ranked[1] >= 0.3
        assert decisions(event) == (decisions(full)[:1] if sure else decisions(full))
        asked.append(sure)
    assert set(asked) == {True, False}


async def test_a_label_comes_with_its_sentiment_and_the_mean_of_those_who_agreed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, policy="paper")
    seen = set()
    for offset, text in enumerate(texts(60)):
        event = await bench.label(request_of(parts_of(text), offset))
        if event.label is None:
            continue
        answers = [one for pair in event.rounds for one in (pair.generator, pair.discriminator) if one is not None]
        agreed = answers[-2:]
        assert [one.label for one in agreed] == [event.label] * 2
        mean = sum(one.scores[event.label] for one in agreed) / 2
        assert event.confidence == pytest.approx(mean)
        assert sum(event.scores.values()) == pytest.approx(1)
        assert event.sentiment == TAXONOMY.sentiment(event.label, event.scores)
        assert event.candidates == ()
        seen.add(len(event.rounds))
    assert len(seen) > 1, "no message needed a second round: the script is too agreeable"


async def test_an_outlier_has_no_label_but_what_was_on_the_table(tmp_path: Path) -> None:
    bench = Bench(tmp_path, policy="paper", rounds=1)
    outliers = []
    for offset, text in enumerate(texts(60)):
        event = await bench.label(request_of(parts_of(text), offset))
        if event.outlier:
            outliers.append(event)
    assert outliers
    for event in outliers:
        assert (event.label, event.sentiment, event.confidence) == (None, None, None)
        assert set(event.candidates) == set(decisions(event))
        assert len(event.candidates) == 2


async def test_each_question_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, policy="paper")
    for offset, text in enumerate(texts(20)):
        bench.engine.asked.clear()
        await bench.label(request_of(parts_of(text), offset))
        prompts = [prompt.token_ids for prompt, *_ in bench.engine.asked]
        for before, after in itertools.pairwise(prompts):
            assert after[: len(before)] == before


async def test_the_same_request_has_the_same_event_but_for_the_clock(tmp_path: Path) -> None:
    for policy in ("paper", "vote3"):
        request = request_of(parts_of("bad news"), 7)
        first, again = [await Bench(tmp_path, policy=policy).label(request) for _ in range(2)]
        assert first.model_dump(exclude={"times", "usage"}) == again.model_dump(exclude={"times", "usage"})
        assert first.event_id == "t:0:7"


async def test_facts_of_the_request_reach_the_event(tmp_path: Path) -> None:
    bench = Bench(tmp_path, policy="one-pass", event_text=False)
    prompt = parts_of("good news")
    message = request_of(prompt).message.model_copy(update={"replay_of": Source(topic_id="t", partition=0, offset=1)})
    event = await bench.label(request_of(prompt, 3, degraded=True, message=message))
    assert (event.text, event.degraded, event.replay, event.prompt_hash) == (None, True, True, "h")
    assert event.times.taken_at == NOW
    assert event.times.decided_at > event.times.taken_at
    assert (await Bench(tmp_path, policy="one-pass").label(request_of(prompt))).text == "good news"


async def test_a_language_that_the_model_does_not_know_costs_no_call(tmp_path: Path) -> None:
    hold = Hold()
    bench = Bench(tmp_path, policy="paper", hold=hold)
    event = await bench.label(request_of(parts_of("坏消息", language="zh")))
    assert (event.status, event.label, event.first_label, event.adapter) == ("unsupported", None, None, None)
    assert (event.usage.model_calls, event.rounds, bench.engine.asked) == (0, (), [])


async def test_one_version_answers_a_message_whatever_is_released_meanwhile(tmp_path: Path) -> None:
    hold = Hold("v1", "v2")
    bench = Bench(tmp_path, policy="paper", hold=hold)
    bench.engine._adapters |= {"v1", "v2"}
    events = [await bench.label(request_of(parts_of("bad news"), offset)) for offset in range(2)]
    assert [event.adapter for event in events] == ["v1", "v2"]
    assert [version for _, version, _ in bench.engine.asked] == (
        ["v1"] * events[0].usage.model_calls + ["v2"] * events[1].usage.model_calls
    )
    assert hold.held == []


async def test_each_version_is_trusted_as_far_as_it_says(tmp_path: Path) -> None:
    hold = Hold("v1", "v2", "v1", "v3")
    hold.trusted = {"v1": Trust(1.0, 1.0), "v2": Trust(50.0, 0.0)}
    bench = Bench(tmp_path, policy="calibrated", hold=hold, threshold=0.0)
    bench.engine._adapters |= {"v1", "v2", "v3"}
    prompt = parts_of("bad news")
    v1, v2, again, untold = [await bench.label(request_of(prompt, at)) for at in range(4)]
    assert [event.adapter for event in (v1, v2, again, untold)] == ["v1", "v2", "v1", "v3"]
    # No margin clears 1, any clears 0.
    assert v1.usage.model_calls == again.usage.model_calls > 1
    assert v2.usage.model_calls == untold.usage.model_calls == 1
    first = {event.adapter: event.rounds[0].generator.scores for event in (v1, v2, untold)}
    # Divided by 50, scores are nearly alike.
    assert max(first["v2"].values()) < 1 / len(prompt.labels) + 0.1 < max(first["v3"].values())
    assert v1.rounds == again.rounds


async def test_an_outage_and_a_refusal_reach_the_caller_and_hold_nothing(tmp_path: Path) -> None:
    hold = Hold("v1", "v1", "v1", "v1")
    bench = Bench(tmp_path, policy="paper", hold=hold, script=Script(unavailable=1))
    with pytest.raises(EngineUnavailableError):
        await bench.label(request_of(parts_of("bad news")))
    bench.engine._adapters.add("v1")
    assert (await bench.label(request_of(parts_of("bad news")))).adapter == "v1"
    token = bench.labeller._roles.tokenizer.word("bad")
    refusing = Bench(tmp_path, policy="paper", hold=hold, script=Script(refuse_token=token))
    refusing.engine._adapters.add("v1")
    with pytest.raises(PromptRefusedError):
        await refusing.label(request_of(parts_of("bad news")))
    assert hold.held == []


async def test_a_label_word_that_the_model_cannot_say_is_that_requests_problem(tmp_path: Path) -> None:
    bench = Bench(tmp_path, policy="paper")
    prompt = parts_of("bad news")
    labels = (*prompt.labels[:-1], Label(name="mixed", word="mixed feelings"))
    one_pass = Bench(tmp_path, policy="one-pass")
    for offset, text in enumerate(texts(60)):
        request = request_of(parts_of(text).model_copy(update={"labels": labels}), offset)
        if (await one_pass.label(request)).label == "mixed":
            break
    # The scripted engine names any label; the next role's prompt cannot hold this one.
    with pytest.raises(PromptRefusedError, match="mixed feelings"):
        await bench.label(request)


async def test_reasoned_mode_keeps_the_deduction_for_some_messages(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "chat", policy="one-pass", mode="reasoned", deduction_every=3)
    events = [await bench.label(request_of(parts_of(text, "chat"), at)) for at, text in enumerate(texts(7))]
    made = [event.deduction for event in events]
    assert all(made)
    assert made[0] == made[1] == made[2] != made[3] == made[4] == made[5] != made[6]
    # It is shown to the model while it is kept, and then the model is not asked for another.
    for at, (prompt, *_) in enumerate(bench.engine.asked):
        system, user = (turn.content for turn in prompt.chat)
        deduction = made[at]
        assert deduction is not None
        assert (deduction.scenario in user) == (at % 3 != 0)
        assert ('"scenario"' in system) == (at % 3 == 0)


async def test_the_discriminator_and_later_rounds_build_on_the_first_deduction(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "chat", policy="paper", mode="reasoned")
    for offset, text in enumerate(texts(10)):
        bench.engine.asked.clear()
        event = await bench.label(request_of(parts_of(text, "chat"), offset * 100, **apart(offset)))
        assert event.deduction is not None
        first, *later = [prompt.chat for prompt, *_ in bench.engine.asked]
        assert '"scenario"' in first[0].content
        for system, user in later:
            assert event.deduction.scenario in user.content
            assert '"scenario"' not in system.content


async def test_votes_are_drawn_from_one_prompt(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "chat", policy="vote3", mode="reasoned")
    event = await bench.label(request_of(parts_of("bad news", "chat")))
    assert len({prompt.chat for prompt, *_ in bench.engine.asked}) == 1
    assert event.deduction is not None


async def test_a_wordy_deduction_is_cut_to_the_room_that_is_kept_for_it(tmp_path: Path) -> None:
    class Wordy(Recorder):
        async def write(self, prompt: Prompt, **_: Any) -> Writing:
            self.asked.append((prompt, None, None))
            said = dict.fromkeys(("scenario", "people", "relationships"), "so good news " * 50)
            return Writing(json.dumps(said | {"label": "joy"}), 10, 5, 0.1)

    make_folder(tmp_path, "chat")
    engine, roles = Wordy(), roles_of(tmp_path)
    options = SanmOptions(policy="paper", mode="reasoned")
    labeller = SanmLabeller(engine, ModelProfile.read(tmp_path), roles, options)
    event = await labeller.label(request_of(parts_of("bad news", "chat")), taken_at=NOW)
    assert event.deduction is not None
    user = engine.asked[1][0].chat[1].content
    shown = user[user.index("Inferred") : user.index("generator: ")]
    assert DEDUCTION_TOKENS // 2 < len(roles.tokenizer.encode(shown)) <= DEDUCTION_TOKENS


async def test_without_e_nothing_is_deduced(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "chat", policy="one-pass", mode="reasoned")
    for offset in range(3):
        await bench.label(request_of(parts_of("bad news", "chat", parts=("I", "H", "L")), offset))
    for prompt, *_ in bench.engine.asked:
        assert "scenario" not in "".join(turn.content for turn in prompt.chat)


async def test_the_critique_is_shown_from_round_two_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "chat", policy="paper", mode="reasoned", script=Script(seed=5))
    longest = 0
    for offset, text in enumerate(texts(20)):
        bench.engine.asked.clear()
        event = await bench.label(request_of(parts_of(text, "chat"), offset))
        for at, (prompt, *_) in enumerate(bench.engine.asked):
            shown = prompt.chat[1].content
            assert shown.count("because of script 5") == at
            assert ("discriminator: " in shown) == (at >= 2)
            assert "reviewer disagreed" in prompt.chat[0].content or at not in (2, 4)
        assert all(one.generator.reason == "because of script 5" for one in event.rounds)
        longest = max(longest, len(event.rounds))
    assert longest == 3


async def test_nonsense_is_no_decision(tmp_path: Path) -> None:
    class Rambling(Recorder):
        async def write(self, prompt: Prompt, **_: Any) -> Writing:
            del prompt
            return Writing("As a language model, I feel nothing", 10, 5, 0.1)

    make_folder(tmp_path, "chat")
    options = SanmOptions(policy="paper", mode="reasoned")
    labeller = SanmLabeller(Rambling(), ModelProfile.read(tmp_path), roles_of(tmp_path), options)
    event = await labeller.label(request_of(parts_of("bad news", "chat")), taken_at=NOW)
    assert (event.status, event.candidates, event.usage.model_calls) == ("outlier", (), 6)
    assert decisions(event) == [None] * 6
    assert event.usage.model_seconds == pytest.approx(0.6)
    assert EmotionEvent.model_validate_json(event.model_dump_json(exclude_none=True)) == event


async def test_reasoned_mode_is_refused_at_the_start_where_the_model_only_knows_labels(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="SANM_MODE=direct"):
        Bench(tmp_path, "completion", policy="paper", mode="reasoned")
