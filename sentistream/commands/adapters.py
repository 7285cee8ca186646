"""`sentistream adapters`: the versions there are, which one is live, and the decision to change that."""

from typing import Any

import click
import orjson
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from rich.console import Console
from rich.table import Table

from prompts.errors import ProfileError
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from schemas.connections import KafkaSettings
from schemas.release import AdapterRelease
from schemas.topics import TopicNames
from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from sentistream.start_progress import quiet_unless_asked
from trainer.errors import TrainerError
from trainer.registry.settings import RegistrySettings
from trainer.registry.store import Registry, StoredAdapter
from trainer.releases import Releases


class AdaptersSettings(RegistrySettings, KafkaSettings, TopicNames):
    """What the commands need."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    model: str = Field(default=SHIPPED_MODEL, description="Model folder, or a model's name.")

    @property
    def model_name(self) -> str:
        """As events carry it; this machine need not have the model."""
        try:
            return ModelProfile.read(find_model(self.model)).name
        except ProfileError:
            return self.model


_options = settings_options(AdaptersSettings)
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        """The trainer's errors are already one line with what to do."""
        try:
            return super().invoke(ctx)
        except TrainerError as error:
            raise SentistreamError(str(error)) from error


@click.group(name="adapters", cls=_Group)
def command() -> None:
    """Look at a model's adapters, and choose the one that is live.

    \b
    sentistream adapters list
    sentistream adapters show 20261121T031500Z-3f2a
    sentistream adapters release 20261121T031500Z-3f2a --reason "tried by hand"
    sentistream adapters rollback --reason "too many corrections"
    """  # noqa: D301 - \b keeps the lines apart
    quiet_unless_asked()


@command.command(name="list")
@_json_option
@_options
def list_versions(*, as_json: bool, **given: Any) -> None:
    """Every published version, when it was made, what the gate measured, and which one is live."""
    settings, registry, releases = _open(given)
    live = releases.live(settings.model_name)
    versions = registry.versions(settings.model_name)
    if as_json:
        facts = [_facts(one, live) for one in versions]
        click.echo(orjson.dumps({"model": settings.model_name, "live": _live_version(live), "versions": facts}))
        return
    if versions:
        Console(width=None if Console().is_terminal else 160).print(_table(versions, live))
    click.echo(f"{len(versions)} versions of {settings.model_name}; live: {_live_version(live) or 'no adapter'}")


@command.command(name="show")
@click.argument("version")
@_json_option
@_options
def show(*, version: str, as_json: bool, **given: Any) -> None:
    """One version: how it was made, what the gate measured, and every decision about it. Its checksums are checked."""
    settings, registry, releases = _open(given)
    stored = registry.find(settings.model_name, version)
    checksum = registry.checksum(settings.model_name, version)
    decisions = [one for one in releases.history(settings.model_name) if one.version == version]
    if as_json:
        facts = _facts(stored, releases.live(settings.model_name)) | {
            "sha256": checksum,
            "metadata": stored.metadata.model_dump(mode="json"),
            "decisions": [one.model_dump(mode="json") for one in decisions],
        }
        click.echo(orjson.dumps(facts))
        return
    shown = {"uri": stored.uri, "sha256": f"{checksum} (checked)"} | stored.metadata.model_dump(
        mode="json", exclude={"schema_version", "data", "interpolation"}
    )
    if (choice := stored.metadata.interpolation) is not None:
        shown["interpolation"] = f"{choice.share:g} of the way: {choice.reason}"
    for name, value in shown.items():
        click.echo(f"{name:>13}  {value}")
    for span in stored.metadata.data:
        click.echo(f"{'data':>13}  {span.topic}[{span.partition}] {span.start} to {span.end}")
    for one in decisions:
        click.echo(f"{one.status:>13}  {_when(one)}{f': {one.reason}' if one.reason else ''}")


@command.command(name="release")
@click.argument("version")
@click.option("--reason", help="Why, for the history.", default="by hand", show_default=True)
@_json_option
@_options
def release(*, version: str, reason: str, as_json: bool, **given: Any) -> None:
    """Make VERSION live, whatever the gate said: check its files, and return when Kafka has the decision."""
    settings, _, releases = _open(given)
    _tell(releases.release(settings.model_name, version, reason=reason), as_json=as_json)


@command.command(name="rollback")
@click.option(
    "--to", metavar="VERSION", help="A version, or `base` for no adapter. Default: the one that was live before."
)
@click.option("--reason", help="Why, for the history.", default="by hand", show_default=True)
@_json_option
@_options
def rollback(*, to: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Go back to the version that was live before; workers follow within seconds."""
    settings, _, releases = _open(given)
    _tell(releases.roll_back(settings.model_name, reason, to=to), as_json=as_json)


def _open(given: dict[str, Any]) -> tuple[AdaptersSettings, Registry, Releases]:
    settings = load(AdaptersSettings, given)
    registry = Registry(settings.registry_address)
    return settings, registry, Releases(settings, settings.releases, registry)


def _live_version(live: AdapterRelease | None) -> str | None:
    return live.version if live else None


def _facts(stored: StoredAdapter, live: AdapterRelease | None) -> dict[str, Any]:
    return {
        "version": stored.version,
        "live": stored.version == _live_version(live),
        "made_at": stored.metadata.made_at.isoformat(),
        "parent": stored.metadata.parent,
        "metrics": stored.metadata.metrics,
        "uri": stored.uri,
    }


def _table(versions: tuple[StoredAdapter, ...], live: AdapterRelease | None) -> Table:
    table = Table("version", "live", "made at", "parent", "metrics", box=None, pad_edge=False)
    for one in versions:
        metrics = " ".join(f"{name}={value:.4g}" for name, value in one.metadata.metrics.items())
        made = one.metadata.made_at.strftime("%Y-%m-%d %H:%M:%S %Z")
        is_live = "live" if one.version == _live_version(live) else ""
        table.add_row(one.version, is_live, made, one.metadata.parent or "base", metrics)
    return table


def _tell(decision: AdapterRelease, *, as_json: bool) -> None:
    if as_json:
        click.echo(decision.model_dump_json(exclude_none=True))
        return
    click.echo(
        f"live: {decision.version or 'no adapter'} ({decision.status} {_when(decision)}); workers follow in seconds"
    )


def _when(decision: AdapterRelease) -> str:
    return decision.decided_at.strftime("%Y-%m-%d %H:%M:%S %Z")
