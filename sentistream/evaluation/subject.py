"""Who is evaluated: a model folder, perhaps with an adapter, behind one of the engines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompts.profile import SHIPPED_MODEL, TOKENIZER_FILE, ModelProfile, find_model
from prompts.roles import RolePrompts
from prompts.tokenizer import PromptTokenizer
from schemas.adapter import METADATA_FILE, AdapterMetadata, weights_sha256
from schemas.event import Mode
from sentistream.errors import SentistreamError
from trainer.examples import ExampleBuilder
from trainer.registry.settings import RegistrySettings
from trainer.registry.store import Registry
from worker.calibration import Trust
from worker.engines.contract import Adapter, Engine

EngineKind = Literal["local", "openai", "vllm", "scripted"]


class EvaluateSettings(BaseSettings):
    """Who is asked and how; a server's address and key are the worker's settings (``OPENAI_BASE_URL`` and so on)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="EVALUATE_", protected_namespaces=())

    model: str = Field(
        default=SHIPPED_MODEL,
        validation_alias="MODEL",
        description="Model folder, or the name of one that ships.",
    )
    adapter: str | None = Field(default=None, description="An adapter's folder, or its version in the registry.")
    engine: EngineKind = Field(
        default="local", description="transformers in this process, a server, vLLM in this process, or a script."
    )
    mode: Mode = Field(default="direct", description="Labels only, or with deduction and reasons in words.")
    rounds: int = Field(default=3, ge=1, le=10, description="Most rounds before a message is an outlier.")
    at_once: int = Field(default=32, ge=1, description="Most calls that wait for a server or for vLLM at once.")
    answers: Path = Field(
        default=Path("~/.cache/sentistream/answers"),
        description="Answers are kept here, so that the same command goes on where it stopped.",
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that can be asked.

    Attributes:
        trust: how far its adapter's answers are trusted; None for the model's own figures.
        identity: all that decides its answer to a prompt.
        draws: whether its scores are complete, so that samples may be drawn from them.
    """

    profile: ModelProfile
    builder: ExampleBuilder
    engine: Engine
    adapter: Adapter | None
    trust: Trust | None
    identity: dict[str, Any]
    draws: bool

    @property
    def roles(self) -> RolePrompts:
        """Asks the roles of the model."""
        return self.builder.roles

    def trust_in(self, taxonomy: str) -> Trust:
        """How far its answers in one taxonomy are trusted."""
        return self.trust or Trust.of(self.profile, taxonomy)


def subject_of(settings: EvaluateSettings) -> Subject:
    """Open a model; nothing is loaded yet.

    Raises:
        ProfileError: the model's folder cannot be used.
        SentistreamError: the adapter cannot be used.
        RegistryError: the registry has no such adapter.
    """
    folder = find_model(settings.model)
    profile = ModelProfile.read(folder)
    builder = ExampleBuilder(profile, tokenizer := PromptTokenizer(folder))
    adapter, trust = _adapter(settings, folder, profile)
    engine = _engine(settings, folder, profile, builder.roles)
    identity = {
        "version": 1,
        "model": profile.name,
        # A server's too, where the folder has them: a model that was trained anew keeps its name.
        "weights": weights_sha256(folder) if settings.engine != "scripted" else None,
        "tokenizer": tokenizer.sha256 if (folder / TOKENIZER_FILE).is_file() else None,
        "adapter": None if adapter is None else {"version": adapter.version, "weights": weights_sha256(adapter.path)},
        "engine": settings.engine,
        **served_at(settings.engine, settings.model, profile),
    }
    return Subject(profile, builder, engine, adapter, trust, identity, draws=settings.engine == "local")


def _adapter(settings: EvaluateSettings, base: Path, profile: ModelProfile) -> tuple[Adapter | None, Trust | None]:
    if settings.adapter is None:
        return None, None
    folder = Path(settings.adapter)
    if not folder.is_dir():
        folder = _fetched(settings.adapter, settings.answers, profile)
    path = folder / METADATA_FILE
    if not path.is_file():  # one that was trained, and not yet judged by the gate
        return Adapter(folder.name, folder.resolve()), None
    try:
        metadata = AdapterMetadata.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise SentistreamError(f"{path}: no usable metadata of an adapter: {error}") from error
    if metadata.base_sha256 != weights_sha256(base):
        raise SentistreamError(
            f"{folder}: the adapter was made for other weights of {metadata.model} than those in {base}: choose --model"
        )
    return Adapter(metadata.version, folder.resolve()), Trust(metadata.temperature, metadata.threshold)


def _fetched(version: str, cache: Path, profile: ModelProfile) -> Path:
    registry = Registry(RegistrySettings().registry_address)
    folder = cache.expanduser() / "adapters" / profile.name / version
    if not (folder / METADATA_FILE).is_file():
        registry.fetch(profile.name, version, folder)
    return folder


def served_at(engine: str, model: str, profile: ModelProfile) -> dict[str, Any]:
    """What else decides the answers of an engine: a server's address and its name for the model, a script's seed."""
    if engine not in {"openai", "scripted"}:
        return {}
    from worker.settings import WorkerSettings

    served = WorkerSettings.model_validate({"model": model, "engine": engine})
    if engine == "scripted":
        return {"seed": served.scripted_seed}
    return {"address": served.openai_base_url, "served": served.openai_model or profile.name}


def _engine(settings: EvaluateSettings, folder: Path, profile: ModelProfile, roles: RolePrompts) -> Engine:
    if settings.engine == "local":
        from sentistream.evaluation.local_engine import LocalEngine

        return LocalEngine(folder, roles)
    from worker.model_side import build_engine
    from worker.settings import WorkerSettings

    return build_engine(WorkerSettings(model=settings.model, engine=settings.engine), folder, profile, roles)
