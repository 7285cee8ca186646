"""What an adapter answers to messages as the stream would put them, through the policy that is live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prompts.parts import PartsBuilder
from prompts.roles import RolePrompts
from schemas.event import Status
from schemas.prompt import PromptParts
from trainer.calibration import probabilities
from trainer.examples import Example
from trainer.gate.answers import Serving, Trust, answer
from trainer.metrics import OUTLIER


@dataclass(frozen=True, slots=True)
class Answered:
    """One message's answer.

    Attributes:
        scores: of G's first answer, temperature-scaled probability by label; the worker's event has the mean of the
            decisions that agreed.
        confidence: the first answer's own probability; None where nothing was asked.
    """

    status: Status
    label: str | None = None
    first_label: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Answerer:
    """One version of an adapter, and how it is asked.

    Attributes:
        version: None for the base model.
        model: as `trainer.predict.label_logits` takes it.
    """

    version: str | None
    model: Any
    roles: RolePrompts
    serving: Serving
    trust: Trust

    @classmethod
    def of(
        cls, version: str | None, model: Any, builder: PartsBuilder, serving: Serving, trust: Trust | None = None
    ) -> "Answerer":
        """With the roles of the builder's model; as far as its profile trusts it unless told otherwise."""
        profile = builder.profile
        roles = RolePrompts(profile, builder.tokenizer)
        return cls(version, model, roles, serving, trust or Trust.of(profile))

    def answer(self, asked: Sequence[PromptParts]) -> list[Answered]:
        """Answer each; a language that the model does not know is not asked about, as in the worker."""
        known = [parts for parts in asked if parts.language in self.roles.profile.languages]
        found = iter(self._known(known) if known else ())
        return [
            next(found) if parts.language in self.roles.profile.languages else Answered("unsupported")
            for parts in asked
        ]

    def _known(self, asked: Sequence[PromptParts]) -> list[Answered]:
        examples = [
            Example("", self.roles.open(parts), self.roles.label_ids(parts.labels), target=0) for parts in asked
        ]
        said = answer(self.model, self.roles, examples, self.serving, self.trust)
        found = []
        for row, parts in enumerate(asked):
            names = [label.name for label in parts.labels]
            scores = probabilities(said.logits[row, : len(names)], self.trust.within(parts.taxonomy).temperature)
            first, final = int(said.first[row]), int(said.final[row])
            found.append(
                Answered(
                    status="outlier" if final == OUTLIER else "labelled",
                    label=None if final == OUTLIER else names[final],
                    first_label=None if first == OUTLIER else names[first],
                    # Numbers that decide for nothing are none.
                    scores={}
                    if first == OUTLIER
                    else {name: round(float(score), 4) for name, score in zip(names, scores, strict=True)},
                    confidence=None if first == OUTLIER else float(scores[first]),
                )
            )
        return found
