"""One evaluation from a file to its figures: the policies of a run share the answers that they have in common."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from schemas.event import Policy
from sentistream.evaluation.asking import Way, ask_all
from sentistream.evaluation.kept_answers import AnswerFile, KeptAnswers
from sentistream.evaluation.progress import counting
from sentistream.evaluation.subject import EvaluateSettings, Subject, subject_of
from trainer.evaluation.answered import Outcome, outcome
from trainer.evaluation.baselines import Baseline, baselines
from trainer.evaluation.figures import Asked, figures
from trainer.evaluation.material import Material, conversations_of, material_of
from trainer.evaluation.taught import TrainingFile, taught

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """What is evaluated.

    Attributes:
        split: takes these conversations alone, where the file holds several splits.
        first: takes so many messages alone.
        baseline_train: what the baselines learn from.
    """

    file: Path
    corpus_format: str
    policies: tuple[Policy, ...]
    split: str | None = None
    first: int | None = None
    baseline_train: tuple[TrainingFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it: the policies in the order that they were asked for."""

    subject: Subject
    material: Material
    policies: list[tuple[Outcome, dict[str, Any]]]
    baselines: list[Baseline]


def evaluate(job: Job, settings: EvaluateSettings) -> Evaluation:
    """Ask and count; what was answered stays kept, whatever ends this.

    Raises:
        CorpusError: a file does not parse, or has no labels.
        MisconfiguredError: model and file do not fit.
        EngineError: the engine cannot be used, or is out for long.
    """
    subject = subject_of(settings)
    conversations = conversations_of(job.file, job.corpus_format, job.split)
    material = material_of(job.file, job.corpus_format, conversations, subject.builder, subject.profile)
    if job.first is not None:
        material = material.beginning(job.first)
    train = taught(job.baseline_train, material, conversations, subject.builder, subject.profile)
    compared = baselines(material, train)
    with AnswerFile(settings.answers, subject.identity | {"mode": settings.mode}) as answers:
        log.debug("answers_kept", file=str(answers.path), known=len(answers))
        outcomes = asyncio.run(_ask(job, settings, subject, material, answers))
    one_pass = next((one for one in outcomes if one.policy == "one-pass"), None)
    trust = subject.trust_in(material.asked)
    asked = Asked(
        model=subject.engine.model,
        engine=settings.engine,
        mode=settings.mode,
        rounds=settings.rounds,
        adapter=subject.adapter.version if subject.adapter else None,
        temperature=trust.temperature,
        threshold=trust.threshold,
    )
    found = [(one, figures(material, one, asked, one_pass)) for one in outcomes]
    return Evaluation(subject, material, found, compared)


async def _ask(
    job: Job, settings: EvaluateSettings, subject: Subject, material: Material, answers: AnswerFile
) -> list[Outcome]:
    # What waits in the local engine makes its batches; elsewhere it would run into the engine's time-out.
    at_once = max(len(material.examples), 1) if settings.engine == "local" else settings.at_once
    engine = KeptAnswers(subject.engine, answers, draws=subject.draws, at_once=at_once)
    await engine.start()
    try:
        if subject.adapter is not None:
            await engine.load_adapter(subject.adapter)
        found = []
        for policy in job.policies:
            way = Way(policy, settings.mode, settings.rounds)
            with counting(f"{material.corpus_format}, {policy}", len(material.examples)) as done:
                said, seconds = await ask_all(subject, engine, material.examples, way, done)
            found.append(outcome(policy, material, said, seconds))
        return found
    finally:
        await engine.close()


def as_json(found: Evaluation) -> dict[str, Any]:
    """The first policy's figures flat, all policies' by name, and the baselines'."""
    from trainer.evaluation.baselines import as_json as baseline_json

    first = found.policies[0][1]
    return first | {
        "policies": {one["policy"]: one for _, one in found.policies},
        "baselines": baseline_json(found.baselines),
    }
