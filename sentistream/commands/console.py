"""`sentistream console`: the web page and the API, and who may use them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

import click
import orjson
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import SettingsConfigDict
from rich.console import Console as Terminal
from rich.table import Table

from console.api.models.access import Role
from console.api.settings import ApiSettings
from console.errors import ConsoleError
from console.settings import DatabaseSettings, StoreSettings
from prompts.errors import ProfileError
from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from schemas.base import Identifier
from schemas.topics import TopicNames
from sentistream.errors import SentistreamError
from sentistream.options import load, settings_options
from sentistream.shutdown import stop_requests
from sentistream.start_progress import quiet_unless_asked
from trainer.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from console.access.tokens import TokenFacts, Tokens

#: As the labels that carry it are checked.
_NAME: Final[TypeAdapter[str]] = TypeAdapter(Identifier)


class ConsoleOptions(RegistrySettings):
    """What the console shows of the rest."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    model: str = Field(default=SHIPPED_MODEL, description="Model folder, or a model's name.")
    streams_group: str = Field(default="sentistream-streams", description="The stream's consumer group.")
    worker_group: str = Field(default="sentistream-worker", description="The worker's consumer group.")
    store: bool = Field(
        default=True, validation_alias="CONSOLE_STORE", description="Fill the event store in this process too."
    )

    @property
    def model_name(self) -> str:
        """As events carry it; this machine need not have the model."""
        try:
            return ModelProfile.read(find_model(self.model)).name
        except ProfileError:
            return self.model


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        """The console's errors are already one text with what to do."""
        try:
            return super().invoke(ctx)
        except ConsoleError as error:
            raise SentistreamError(str(error)) from error


@click.group(name="console", cls=_Group, invoke_without_command=True)
@settings_options(ConsoleOptions, ApiSettings, StoreSettings)
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Watch conversations, correct what the model got wrong, see whether the pipeline is well; in a browser.

    It follows KAFKA_BOOTSTRAP_SERVERS, keeps what it shows in STORE_DATABASE, and serves the page and the API on
    CONSOLE_HOST and CONSOLE_PORT. On this machine, without any token made, it prints a link that signs in once.

    \b
    sentistream console
    sentistream console link                               # another link
    sentistream console token create mei --role reviewer   # for a colleague or a program
    """  # noqa: D301 - \b keeps the lines apart
    if ctx.invoked_subcommand is not None:
        return
    # The web server takes a while to import: the help shall not wait for it.
    from sentistream.console_process import Console, ConsoleParts

    options, store = load(ConsoleOptions, given), load(StoreSettings, given)
    console = Console(
        ConsoleParts(
            api=load(ApiSettings, given),
            store=store,
            kafka=store,
            names=load(TopicNames, given),
            registry=options.registry_address,
            model=options.model_name,
            groups={"streams": options.streams_group, "worker": options.worker_group},
            with_store=options.store,
        )
    )
    with stop_requests(on_second=lambda: None) as asked:
        console.run(asked, lambda: click.echo(f"The console is at {console.link()}"))


@command.command(name="link")
@click.option("--name", default=None, help="Whose name stands at the labels. Default: yours on this machine.")
@settings_options(DatabaseSettings, ApiSettings)
def link(*, name: str | None, **given: Any) -> None:
    """Print another link that signs an operator in once, within a day."""
    from sentistream.console_process import person

    settings = load(ApiSettings, given)
    secret = _tokens(given).create_link(_checked(name or person()), "operator")
    host = settings.console_host if settings.is_local else "127.0.0.1"
    click.echo(f"http://{f'[{host}]' if ':' in host else host}:{settings.console_port}/open?token={secret}")


@command.group(name="token")
def token() -> None:
    """Make, list and revoke tokens."""
    quiet_unless_asked()


@token.command(name="create")
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(Role)), default="viewer", show_default=True, help="What it may do.")
@click.option("--tenant", default=None, help="The only tenant that it sees. Default: all.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True, max=36500), help="Default: until it is revoked.")
@settings_options(DatabaseSettings)
def create(*, name: str, role: Role, tenant: str | None, days: float | None, **given: Any) -> None:
    """Make a token for NAME, and print it: it is shown this once and kept nowhere."""
    life = None if days is None else timedelta(days=days)
    click.echo(_tokens(given).create(_checked(name), role, tenant, life))


@token.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@settings_options(DatabaseSettings)
def list_tokens(*, as_json: bool, **given: Any) -> None:
    """Every token: its name, what it may do, and until when."""
    found = _tokens(given).all()
    if as_json:
        click.echo(orjson.dumps([_facts(one) for one in found]))
        return
    table = Table("name", "role", "tenant", "created", "expires", "state", box=None, pad_edge=False)
    for one in found:
        table.add_row(*(str(value) for value in _facts(one).values()))
    if found:
        Terminal(width=None if Terminal().is_terminal else 160).print(table)
    click.echo(f"{len(found)} tokens")


@token.command(name="revoke")
@click.argument("name")
@settings_options(DatabaseSettings)
def revoke(*, name: str, **given: Any) -> None:
    """End the token of NAME, and every session that was made from it."""
    _tokens(given).revoke(name)
    click.echo(f"revoked: {name}")


def _tokens(given: dict[str, Any]) -> "Tokens":
    # Images of the other services do not have what a database needs.
    from console.access.tokens import Tokens
    from console.store.database import Database, database_url
    from console.store.migrate import migrate

    database = Database(database_url(load(DatabaseSettings, given)))
    migrate(database)
    return Tokens(database)


def _checked(name: str) -> str:
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        raise click.UsageError("a name is 1 to 256 characters, none of them a control character") from None


def _facts(one: "TokenFacts") -> dict[str, str]:
    return {
        "name": one.name,
        "role": one.role,
        "tenant": one.tenant or "all",
        "created": one.created_at.isoformat(timespec="seconds"),
        "expires": one.expires_at.isoformat(timespec="seconds") if one.expires_at else "never",
        "state": one.state,
    }
