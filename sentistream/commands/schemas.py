"""`sentistream schemas`: JSON Schema and AsyncAPI for those who write or read our topics in another language."""

from importlib.metadata import version
from pathlib import Path

import click

from schemas.generate import outdated, write

_DISTRIBUTION = "sentistream"


@click.command(name="schemas")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs/schemas"),
    show_default=True,
    envvar="SCHEMAS_OUT",
    show_envvar=True,
    help="Folder of the documents.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a document is not as the models say.")
def command(folder: Path, *, check: bool) -> None:
    """Write a JSON Schema for each message and an AsyncAPI document for the topics."""
    if not check:
        changed = write(folder, version(_DISTRIBUTION))
        click.echo("\n".join(f"written {folder / name}" for name in changed) or f"{folder} is as the models say")
    elif changed := outdated(folder, version(_DISTRIBUTION)):
        raise click.ClickException(f"{folder}: not as the models say: {', '.join(changed)}. Run `sentistream schemas`.")
