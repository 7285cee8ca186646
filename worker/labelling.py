"""One request in, one event out: the roles are asked as the policy says, by one adapter version."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from prompts.errors import ProfileError, PromptError
from prompts.profile import ModelProfile
from prompts.roles import Question, RolePrompts, Said, next_role
from prompts.template import load_template
from schemas.event import Deduction, EmotionEvent, Mode, Policy, Times, Usage
from schemas.request import SanmRequest
from schemas.taxonomy import Taxonomy
from worker.calibration import Trust, calibrated
from worker.current_trace import CURRENT_TRACE
from worker.deductions import Deductions
from worker.engines.contract import Choice, Engine, PromptRefusedError, Writing
from worker.negotiation import Accept, Agreement, Decision, margin, negotiate, vote
from worker.reasoning import read_answer

_VOTES = 3
_MAX_WRITTEN_TOKENS = 320


class AdapterHold(Protocol):
    """The adapter version that is live now, kept loaded for as long as it is held."""

    def acquire(self) -> str | None:
        """The live version; None for the base model."""

    def trust(self, version: str | None) -> Trust | None:
        """How far the answers of a held version are trusted; None for the model's own figures."""

    def release(self, version: str | None) -> None:
        """Done with it."""


class NoAdapters:
    """The base model, always."""

    def acquire(self) -> str | None:
        """No version."""
        return None

    def trust(self, version: str | None) -> Trust | None:
        """As far as the model."""

    def release(self, version: str | None) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class SanmOptions:
    """How labels are negotiated.

    Attributes:
        rounds: most rounds before a message is an outlier.
        deduction_every: messages of a conversation after which its deduction is made anew.
        event_text: events carry the message's text.
    """

    policy: Policy
    mode: Mode = "direct"
    rounds: int = 3
    deduction_every: int = 4
    event_text: bool = True


@dataclass(slots=True)
class _Case:
    """One message while it is worked on."""

    request: SanmRequest
    question: Question
    adapter: str | None
    trust: Trust
    policy: Policy
    deduction: Deduction | None = None
    asked: list[Choice | Writing] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        return Usage(
            model_calls=len(self.asked),
            prompt_tokens=sum(one.prompt_tokens for one in self.asked),
            completion_tokens=sum(one.completion_tokens for one in self.asked),
            model_seconds=sum(one.seconds for one in self.asked),
        )


class SanmLabeller:
    """Labels requests with one engine."""

    def __init__(
        self,
        engine: Engine,
        profile: ModelProfile,
        roles: RolePrompts,
        options: SanmOptions,
        adapters: AdapterHold | None = None,
    ) -> None:
        """ProfileError where the model cannot be asked in this mode: better now than at every message."""
        style = load_template(profile.template, profile.languages[0]).style
        if options.mode == "reasoned" and style == "completion":
            raise ProfileError(
                f"model {profile.name} answers by labels only, so mode reasoned is not for it: set SANM_MODE=direct, "
                "or MODEL to a folder whose template is for chat models, and ENGINE=openai"
            )
        self._engine = engine
        self._profile = profile
        self._roles = roles
        self._options = options
        self._adapters = adapters or NoAdapters()
        self._deductions = Deductions(options.deduction_every)

    async def label(self, request: SanmRequest, *, taken_at: datetime, policy: Policy | None = None) -> EmotionEvent:
        """Negotiate the label of one message; raises as the seam says (worker/labelling_contract.py)."""
        if request.prompt.language not in self._profile.languages:
            return self._event(request, taken_at, policy or self._options.policy, status="unsupported")
        # Held from the first question to the last: one version answers all of them, and the event names it.
        version = self._adapters.acquire()
        try:
            question = self._open(request)
            trust = self._adapters.trust(version) or Trust.of(self._profile, request.prompt.taxonomy)
            case = _Case(request, question, version, trust, policy or self._options.policy, question.deduction)
            agreement = await self._decide(case)
        except PromptError as error:
            raise PromptRefusedError(str(error)) from error
        finally:
            self._adapters.release(version)
        return self._event(request, taken_at, case.policy, **self._facts(case, agreement))

    def _open(self, request: SanmRequest) -> Question:
        message = request.message
        deduction = None
        if self._options.mode == "reasoned" and "E" in request.prompt.parts:
            deduction = self._deductions.get(message.tenant, message.conversation_id)
        return self._roles.open(request.prompt, deduction)

    async def _decide(self, case: _Case) -> Agreement:
        if case.policy == "vote3":
            seed = zlib.crc32(case.request.source.event_id.encode())
            return await vote([partial(self._ask, case, (), seed + number) for number in range(_VOTES)])
        return await negotiate(partial(self._ask, case), self._options.rounds, self._accept(case.policy, case.trust))

    @staticmethod
    def _accept(policy: Policy, trust: Trust) -> Accept:
        if policy == "one-pass":
            return lambda _: True
        if policy == "calibrated":
            return lambda decision: margin(decision) >= trust.threshold
        return lambda _: False

    async def _ask(self, case: _Case, said: Sequence[Said], seed: int | None = None) -> Decision:
        answer = self._reason if self._options.mode == "reasoned" else self._choose
        trace = CURRENT_TRACE.get()
        if trace is None:
            return await answer(case, said, seed)
        number = len(said) // 2 + 1 if seed is None else len(case.asked) + 1
        with trace.call(next_role(said), number, self._engine.model, case.adapter) as call:
            decision = await answer(case, said, seed)
            call.answered(decision.label, case.asked[-1])
        return decision

    async def _choose(self, case: _Case, said: Sequence[Said], seed: int | None) -> Decision:
        choice = await self._engine.choose(
            self._roles.ask(case.question, said),
            case.request.prompt.labels,
            adapter=case.adapter,
            sample_seed=seed,
        )
        case.asked.append(choice)
        return Decision(choice.label, calibrated(choice.logprobs, case.trust.temperature))

    async def _reason(self, case: _Case, said: Sequence[Said], seed: int | None) -> Decision:
        prompt = self._roles.ask(case.question, said, "reasoned")
        writing = await self._engine.write(
            prompt, max_tokens=_MAX_WRITTEN_TOKENS, adapter=case.adapter, sample_seed=seed
        )
        case.asked.append(writing)
        answer = read_answer(writing.text, case.request.prompt.labels)
        # A model that was shown E may write it again unasked; what is kept counts until it is due.
        if answer.deduction is not None and case.deduction is None and next_role(said) == "generator":
            case.deduction = self._roles.fitted(case.request.prompt, answer.deduction)
            message = case.request.message
            self._deductions.put(message.tenant, message.conversation_id, case.deduction)
            if seed is None:  # D and later rounds build on it; votes are drawn from one and the same prompt
                case.question = replace(case.question, deduction=case.deduction)
        return Decision(answer.label, reason=answer.reason)

    def _facts(self, case: _Case, agreement: Agreement) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "status": agreement.status,
            "scores": dict(agreement.scores),
            "first_label": agreement.rounds[0].generator.label,
            "candidates": agreement.candidates if agreement.label is None else (),
            "rounds": agreement.rounds,
            "deduction": case.deduction,
            "adapter": case.adapter,
            "usage": case.usage,
        }
        if agreement.label is not None:
            prompt = case.request.prompt
            taxonomy = Taxonomy.model_construct(name=prompt.taxonomy, title="", labels=prompt.labels)
            facts["label"] = agreement.label
            facts["sentiment"] = taxonomy.sentiment(agreement.label, dict(agreement.scores))
            score = agreement.scores.get(agreement.label)
            facts["confidence"] = None if score is None else min(score, 1.0)
        return facts

    def _event(self, request: SanmRequest, taken_at: datetime, policy: Policy, **facts: Any) -> EmotionEvent:
        message = request.message
        return EmotionEvent(
            event_id=request.source.event_id,
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            tenant=message.tenant,
            speaker=message.speaker,
            text=message.text if self._options.event_text else None,
            language=request.prompt.language,
            taxonomy=request.prompt.taxonomy,
            mode=self._options.mode,
            policy=policy,
            model=self._engine.model,
            prompt_hash=request.prompt_hash,
            degraded=request.degraded,
            replay=message.replay_of is not None,
            source=request.source,
            times=Times(
                sent_at=message.sent_at,
                received_at=request.received_at,
                requested_at=request.requested_at,
                taken_at=taken_at,
                decided_at=datetime.now(UTC),
            ),
            **facts,
        )
