"""Running the cells: what is done already is passed over, and what was interrupted goes on."""

import asyncio
import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import structlog

from prompts.profile import ModelProfile, find_model
from prompts.template import load_template
from schemas.adapter import weights_sha256
from schemas.event import Policy
from sentistream.ablation.settings import AblateSettings
from sentistream.evaluation.asking import Way, ask_all
from sentistream.evaluation.kept_answers import AnswerFile, KeptAnswers
from sentistream.evaluation.progress import counting
from sentistream.evaluation.subject import EvaluateSettings, Subject, served_at, subject_of
from trainer.ablation.prompting import CorpusFile, Prompting
from trainer.ablation.tables import TABLES, Table, TableName, Variant
from trainer.calibration import fit_temperature, probabilities
from trainer.errors import MisconfiguredError
from trainer.evaluation.answered import Outcome, outcome
from trainer.evaluation.figures import Asked, figures
from trainer.evaluation.material import Material
from trainer.examples import Example
from trainer.gate.sets import LabelSet, targets
from trainer.lora.recipe import Recipe
from trainer.lora.train import train_adapter
from trainer.metrics import calibration_error

log = structlog.get_logger()

#: Another number asks and trains everything anew.
_VERSION: Final = 3
_LEAST: Final = 1e-30


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant of one table."""

    table: TableName
    name: str
    variant: Variant

    @property
    def file(self) -> str:
        """The cell's name as a file's."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()) + ".json"


def ablate(settings: AblateSettings) -> list[str]:
    """Run every cell that can be run; what is left out, and why."""
    left_out: list[str] = []
    cells = [Cell(name, cell, one) for name in settings.tables for cell, one in TABLES[name].cells.items()]
    for cell in cells:
        path = settings.out / cell.table / cell.file
        try:
            key = _key(settings, cell)
            if path.is_file() and orjson.loads(path.read_bytes()).get("key") == key:
                continue
            found = _run(settings, cell, key)
        except MisconfiguredError as error:
            left_out.append(f"{cell.table}, {cell.name}: {error}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
        partial.replace(path)
        log.info("cell_done", table=cell.table, cell=cell.name, weighted_f1=round(found["weighted_f1"], 4))
    return left_out


def _trains(settings: AblateSettings, table: Table) -> bool:
    return table.trained or settings.train_all


def _key(settings: AblateSettings, cell: Cell) -> str:
    """All that decides a cell's figures."""
    trains = _trains(settings, TABLES[cell.table])
    files = [*settings.dev, *(settings.train if trains or cell.variant.neighbours else ())]
    parsed = [CorpusFile.parse(one) for one in files]
    folder = find_model(settings.model)
    profile = ModelProfile.read(folder)
    facts = [
        _VERSION,
        dataclasses.asdict(cell.variant),
        weights_sha256(folder),
        profile.model_dump(mode="json"),
        served_at(settings.engine, settings.model, profile),
        [(one.format, hashlib.sha256(one.path.read_bytes()).hexdigest()) for one in parsed],
        settings.messages,
        settings.engine,
        _recipe(settings, cell.variant).model_dump() if trains else None,
    ]
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()[:32]


def _recipe(settings: AblateSettings, variant: Variant) -> Recipe:
    base = Recipe.load(settings.recipe).model_dump()
    size = {"batch_size": settings.batch_size, "micro_batch": settings.batch_size, "epochs": 1000, "patience": None}
    budget = {"max_steps": max(settings.budget_steps, 1), "continue_from_live": False, "checkpoint_steps": 10}
    return Recipe.model_validate({**base, **size, **budget, **variant.recipe})


def _run(settings: AblateSettings, cell: Cell, key: str) -> dict[str, Any]:
    table, folder = TABLES[cell.table], find_model(settings.model)
    prompting = Prompting(folder, cell.variant, unified=table.unified, scenes=table.scenes)
    _check(settings, cell, table, prompting)
    trains = _trains(settings, table)
    dev, train = ([CorpusFile.parse(one) for one in files] for files in (settings.dev, settings.train))
    recipe = _recipe(settings, cell.variant)
    taught = prompting.taught(train, settings.budget_steps * settings.batch_size) if trains else []
    known = prompting.taught(train, 10**9) if cell.variant.neighbours and not trains else taught
    asked = prompting.asked(dev, settings.messages, known)
    if not asked:
        raise MisconfiguredError(f"no development file {_wanted(table)}: add one to --dev")
    adapter = _train(settings, table, recipe, taught, folder, key) if trains else None
    material = _material(dev, asked)
    found, subject = _answers(settings, cell, prompting, material, adapter)
    trust = subject.trust_in(material.asked)
    how = Asked(
        subject.engine.model,
        settings.engine,
        cell.variant.mode,
        3,
        adapter.name if adapter else None,
        trust.temperature,
        trust.threshold,
    )
    return {
        "key": key,
        "table": cell.table,
        "cell": cell.name,
        "title": table.title,
        "variant": dataclasses.asdict(cell.variant),
        "budget_steps": settings.budget_steps if trains else 0,
        "train_messages": len(taught),
        "command": _words(settings, cell.table, trains=trains),
        "asked_files": _names(settings.dev).split(","),
        "files": [f"{one.format}:{one.path.name}" for one in (*dev, *(train if trains else ()))],
        **figures(material, found, how),
        **_refitted(found, material, subject),
    }


def _words(settings: AblateSettings, table: TableName, *, trains: bool) -> str:
    """The command that makes the cell's table again, without the paths of this machine."""
    asked = {"tables": table, "dev": _names(settings.dev), "messages": settings.messages}
    if trains:
        asked |= {"train": _names(settings.train), "recipe": settings.recipe, "budget-steps": settings.budget_steps}
        asked |= {"batch-size": settings.batch_size}
    if settings.train_all:
        asked |= {"train-all": ""}
    if settings.engine != "local":
        asked |= {"engine": settings.engine}
    words = " ".join(f"--{name} {value}".rstrip() for name, value in asked.items())
    return f"sentistream ablate --model {Path(settings.model).name} {words}"


def _names(files: Sequence[str]) -> str:
    parsed = [CorpusFile.parse(one) for one in files]
    return ",".join(f"{one.format}:{one.path.name}" for one in parsed)


def _check(settings: AblateSettings, cell: Cell, table: Table, prompting: Prompting) -> None:
    """MisconfiguredError where a cell cannot be run with this model and these settings."""
    language = cell.variant.language
    if language is not None and language not in prompting.profile.languages:
        raise MisconfiguredError(f"model {prompting.profile.name} does not know language {language}")
    style = load_template(prompting.profile.template, prompting.profile.languages[0]).style
    if cell.name in table.reasoned and (style == "completion" or settings.engine == "local"):
        raise MisconfiguredError("mode reasoned needs a chat model behind a server: --engine openai")
    if _trains(settings, table) and (not settings.train or not settings.budget_steps or settings.engine != "local"):
        raise MisconfiguredError("it trains: give --train, --budget-steps above 0 and the local engine")
    if cell.variant.neighbours and not settings.train:
        raise MisconfiguredError("its neighbours come from training messages: give --train")


def _wanted(table: Table) -> str:
    if table.scenes:
        return "has scene descriptions"
    return "is in its language and has labels that map to the model's usual ones" if table.unified else "has labels"


def _train(
    settings: AblateSettings, table: Table, recipe: Recipe, taught: Sequence[Example], folder: Path, key: str
) -> Path:
    out = settings.work / key / "adapter"
    if not (out / "adapter_config.json").is_file():
        if not taught:
            raise MisconfiguredError(f"no training file {_wanted(table)}: add one to --train")
        train_adapter(folder, recipe, taught, (), settings.work / key / "checkpoints", out)
    return out


def _material(files: Sequence[CorpusFile], asked: list[Example]) -> Material:
    labels = LabelSet(asked)
    corpus = asked[0].question.parts.taxonomy
    names = "+".join(dict.fromkeys(one.format for one in files))
    return Material(names, corpus, corpus, asked, labels.names, labels.of(targets(asked)), 0)


def _answers(
    settings: AblateSettings, cell: Cell, prompting: Prompting, material: Material, adapter: Path | None
) -> tuple[Outcome, Subject]:
    wanted = EvaluateSettings.model_validate(
        {"MODEL": settings.model, "engine": settings.engine, "mode": cell.variant.mode, "answers": settings.answers}
    )
    wanted = wanted.model_copy(update={"adapter": None if adapter is None else str(adapter)})
    subject = dataclasses.replace(subject_of(wanted), builder=prompting.builder)
    with AnswerFile(settings.answers, subject.identity | {"mode": cell.variant.mode}) as answers:
        return asyncio.run(_ask(cell, subject, material, answers)), subject


async def _ask(cell: Cell, subject: Subject, material: Material, answers: AnswerFile) -> Outcome:
    policy: Policy = cell.variant.policy
    at_once = len(material.examples) if subject.draws else 32
    engine = KeptAnswers(subject.engine, answers, draws=subject.draws, at_once=at_once)
    await engine.start()
    try:
        if subject.adapter is not None:
            await engine.load_adapter(subject.adapter)
        title = f"{cell.table}, {cell.name}"
        with counting(title, len(material.examples)) as done:
            said, seconds = await ask_all(subject, engine, material.examples, Way(policy, cell.variant.mode), done)
        return outcome(policy, material, said, seconds)
    finally:
        await engine.close()


def _refitted(found: Outcome, material: Material, subject: Subject) -> dict[str, float]:
    """What a temperature fitted on these very messages would make of the calibration."""
    names = material.names
    if not all(one.first_scores for one in found.answers):
        return {}
    # Of several taxonomies each message has its own labels, and no chance for the others'.
    scores = np.array([[one.first_scores.get(name, 0.0) for name in names] for one in found.answers])
    temperatures = [[subject.trust_in(one.question.parts.taxonomy).temperature] for one in material.examples]
    logits = np.log(np.maximum(scores, _LEAST)) * np.array(temperatures)
    fitted = fit_temperature(logits, material.truth)
    confidence = probabilities(logits, fitted).max(-1)
    return {
        "temperature_fitted": fitted,
        "ece_fitted": calibration_error(confidence, found.first == material.truth),
    }
