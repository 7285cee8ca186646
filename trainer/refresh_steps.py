"""The steps of a refresh on the real topics, model and registry."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import structlog

from prompts.roles import RolePrompts
from prompts.settings import ServedBuilders
from schemas.adapter import AdapterMetadata, OffsetSpan, weights_sha256
from trainer.corpora import read
from trainer.errors import CorpusError, MisconfiguredError, UnknownFormatError
from trainer.examples import Example, ExampleBuilder
from trainer.feedback.archive import Archive, archive_folder
from trainer.feedback.collect import collect
from trainer.feedback.corpora import load_corpora, unified
from trainer.feedback.labelled import to_example
from trainer.feedback.mix import Categories, MixRule, mix
from trainer.feedback.spans import current_spans, news
from trainer.feedback.store import read_collected, write_collected
from trainer.gate.answers import Serving, Trust
from trainer.gate.judge import judge
from trainer.gate.sets import FrozenSets, LiveSide
from trainer.live_adapter import LiveAdapter
from trainer.lora.launch import Job, train_on
from trainer.lora.launched import do
from trainer.lora.loading import answering_device, load_for_answers
from trainer.lora.recipe import Recipe
from trainer.lora.share_file import read_choice
from trainer.refresh_contract import Halt
from trainer.refresh_settings import RefreshSettings
from trainer.registry.store import Registry
from trainer.releases import Releases
from trainer.revision import code_revision
from trainer.run_folder import Run
from trainer.stages import DataSummary, Ground, Verdict
from trainer.watch.answers import Answerer
from trainer.watch.shadow import ShadowOptions, shadow

log = structlog.get_logger()

_PARTS: Final = {"train": "train on", "held_out": "judge on"}


class RefreshSteps:
    """See `trainer.refresh.Steps`.

    Args:
        settings: all.
        halt: raises what ends the run, while topics are read.
    """

    def __init__(self, settings: RefreshSettings, halt: Halt) -> None:
        """Read the recipe and the model's profile; RecipeError or ProfileError where they cannot be used."""
        self._settings = settings
        self._halt = halt
        self._recipe = Recipe.load(settings.trainer.recipe)
        self._builders = ServedBuilders(settings.prompts)
        self._registry = Registry(settings.registry.registry_address)
        self._releases = Releases(settings.kafka, settings.names.releases, self._registry)
        self._live = LiveAdapter(self._registry, self._releases, self.model, settings.folder / self.model / "live")

    @property
    def model(self) -> str:
        """Its name."""
        return self._builders.profile.name

    def ground(self) -> Ground:
        """From the topic of releases, the model's folder and the settings."""
        live = self._live.metadata
        return Ground(
            model=self.model,
            base_sha256=self._base_sha256,
            parent=live.version if live else None,
            recipe_sha256=self._settings.checksum(self._recipe),
            seen=live.data if live else (),
        )

    def live(self) -> str | None:
        """From the topic of releases, each time."""
        return self._live.version_now()

    def was_released(self, run: Run) -> bool:
        """By the topic and the registry's history."""
        return any(one.version == run.version for one in self._releases.history(self.model))

    def spans(self) -> tuple[OffsetSpan, ...]:
        """Where labels, events and messages begin and end now."""
        return current_spans(self._settings.kafka, self._settings.names)

    def news(self, spans: tuple[OffsetSpan, ...], seen: tuple[OffsetSpan, ...]) -> int:
        """Label records, by their offsets."""
        return news(spans, seen, self._settings.names)

    def collect(self, run: Run, into: Path) -> DataSummary:
        """One JSON Lines file for each part of the split."""
        given = self._settings
        live = self._live.metadata
        found = collect(
            given.kafka,
            given.names,
            self._builders,
            run.spans,
            seen=live.data if live else (),
            not_people=given.feedback.trainer_not_people,
            archive=self._archive,
            halt=self._halt,
        )
        if given.feedback.trainer_archive_days:
            self._archive.add(found.labelled, found.withdrawn)
        self._archive.drop_old()
        policy = given.serving.sanm_policy
        if found.policy not in (None, policy):
            log.warning("policy_differs", setting=policy, events=found.policy, likely="SANM_POLICY is not the worker's")
        parts = write_collected(found, into).split
        sizes = {"train": len(parts.train), "development": len(parts.development), "held_out": len(parts.held_out)}
        return DataSummary(
            labelled=found.counts.labelled,
            kept=found.counts.kept,
            annotated=found.counts.annotated,
            ties=found.ties,
            hash_mismatches=found.hash_mismatches,
            agreement=found.agreement,
            too_little=self._too_little(sizes),
            policy=found.policy,
            **sizes,
        )

    def train(self, run: Run, data: Path, checkpoints: Path, into: Path, halt: Halt) -> None:
        """PEFT's folder, and beside it how training went."""
        feedback = self._settings.feedback
        parts = read_collected(data).split
        corpora = load_corpora(
            feedback.trainer_corpora,
            self._builders,
            (*parts.held_out, *parts.development),
            feedback.trainer_seed,
        )
        mixed = mix(
            parts.train,
            corpora.train,
            MixRule(feedback.trainer_mixing, feedback.trainer_replay_share, feedback.trainer_seed),
            lambda one: to_example(one, self._roles),
            Categories(self._builders.usual, self._settings.prompts.taxonomies),
        )
        settings = self._settings.trainer
        job = Job(
            base=self._builders.folder,
            recipe=self._recipe,
            train=mixed.examples,
            development=[to_example(one, self._roles) for one in parts.development],
            guards=corpora.development,
            calibration_error=self._settings.gate.gate_calibration_error,
            work=checkpoints,
            out=into,
            parent=self._live.folder(),
            name=run.version,
            tracker=settings.tracker,
            board=self._settings.folder / "tensorboard",
            watched=os.getpid(),
        )
        if settings.processes > 1:
            train_on(settings.processes, job, halt)
        else:
            do(job, halt)

    def judge(self, run: Run, data: Path, adapter: Path, into: Path, halt: Halt) -> Verdict:
        """By the gate, on the frozen part of the labels and the guards."""
        halt()
        parts = read_collected(data).split
        live = self._live.folder()
        found = judge(
            self._builders.folder,
            LiveSide.read(live) if live else None,
            adapter,
            FrozenSets(
                held_out=[to_example(one, self._roles) for one in parts.held_out],
                # Without the corpora: the base has seen them, and would be too sure of what it says elsewhere.
                development=[to_example(one, self._roles) for one in parts.development],
                guards=dict(map(self._guard, self._settings.trainer.guards)),
            ),
            self._serving,
            self._settings.gate,
            into,
            name=run.version,
            answered_by=DataSummary.read(data).policy,
            halt=halt,
        )
        return Verdict(
            released=found.released,
            reasons=found.reasons,
            metrics=found.metrics,
            temperature=found.temperature,
            threshold=found.threshold,
        )

    def shadows(self) -> bool:
        """Where the settings ask for messages and time."""
        return self._settings.shadow.shadow_messages > 0 and self._settings.shadow.shadow_seconds > 0

    def shadow(self, run: Run, adapter: Path, verdict: Verdict, into: Path, halt: Halt) -> None:
        """`shadow.json`, `shadow.md` and `shadow.jsonl`, which go into the registry beside the gate's report."""
        wanted = self._settings.shadow
        candidate = Answerer.of(
            run.version,
            load_for_answers(self._builders.folder, adapter, device=answering_device()),
            self._builders.of(),
            self._serving,
            Trust(verdict.temperature, verdict.threshold),
        )
        shadow(
            self._settings.kafka,
            self._settings.names,
            self._builders.of,
            candidate,
            ShadowOptions(wanted.shadow_messages, wanted.shadow_seconds, wanted.shadow_share),
            into,
            halt,
        )

    def publish(self, run: Run, adapter: Path, verdict: Verdict) -> None:
        """With all that is known of how it was made."""
        kept = DataSummary.read(adapter.parent / "data").kept
        metadata = AdapterMetadata(
            model=run.model,
            version=run.version,
            base_sha256=run.base_sha256,
            parent=run.parent,
            recipe=self._recipe.model_dump(mode="json"),
            data=run.spans,
            code_revision=self._revision,
            # The offsets alone would not tell.
            metrics=verdict.metrics | ({"messages_from_archive": float(kept)} if kept else {}),
            interpolation=read_choice(adapter),
            temperature=verdict.temperature,
            threshold=verdict.threshold,
            # The run's own time: a second try after a kill makes the same bytes.
            made_at=run.started_at,
        )
        with tempfile.TemporaryDirectory(prefix="reports-") as scratch:
            for stage in (adapter.parent / "gate", adapter.parent / "shadow"):
                if stage.is_dir():
                    shutil.copytree(stage, scratch, dirs_exist_ok=True)
            self._registry.publish(adapter, metadata, Path(scratch))

    def release(self, run: Run, verdict: Verdict) -> None:
        """A record on the topic of releases."""
        self._releases.release(run.model, run.version, reason=verdict.summary)

    @property
    def _serving(self) -> Serving:
        return Serving(self._settings.serving.sanm_policy, self._settings.serving.sanm_rounds)

    @property
    def _archive(self) -> Archive:
        given = self._settings
        folder = archive_folder(given.folder, self.model, given.names.topic_prefix)
        return Archive(folder, given.feedback.trainer_archive_days)

    @cached_property
    def _base_sha256(self) -> str:
        return weights_sha256(self._builders.folder)

    @cached_property
    def _revision(self) -> str:
        return code_revision()

    @cached_property
    def _roles(self) -> RolePrompts:
        return RolePrompts(self._builders.profile, self._builders.tokenizer)

    def _too_little(self, sizes: Mapping[str, int]) -> str | None:
        wanted = {"train": 1, "held_out": self._settings.gate.gate_min_messages}
        short = [f"{sizes[name]} to {words}" for name, words in _PARTS.items() if sizes[name] < wanted[name]]
        if not short:
            return None
        return (
            f"of the labelled messages, whose conversations are split for good, there are only {' and '.join(short)}; "
            f"{wanted['held_out']} are needed to judge (TRAINER_GATE_MIN_MESSAGES)"
        )

    def _guard(self, text: str) -> tuple[str, list[Example]]:
        corpus, _, path = text.partition(":")
        builder = ExampleBuilder(self._builders.profile, self._builders.tokenizer, self._builders.of)
        try:
            found = [unified(one, self._builders) for one in read(corpus, Path(path))]
        except (CorpusError, UnknownFormatError, OSError) as error:
            raise MisconfiguredError(f"TRAINER_GUARDS: {error}") from error
        return f"{corpus} ({Path(path).name})", list(builder.examples(found))
