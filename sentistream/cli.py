"""The `sentistream` command: one module in `sentistream/commands/` per subcommand, imported when it is asked for."""

import importlib
import pkgutil
from typing import Any

import click

from sentistream import commands
from sentistream.errors import SentistreamError
from sentistream.logs import LogSettings, configure_logging
from sentistream.options import give_variables, load, settings_options


class CommandFolder(click.Group):
    """A group whose subcommands are the modules of `sentistream.commands`; each has a click command named `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every module's name, with hyphens."""
        del ctx
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        give_variables(command, (cmd_name,))
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Show our own errors as one readable text; anything else is a bug and keeps its traceback."""
        try:
            return super().invoke(ctx)
        except SentistreamError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=CommandFolder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="sentistream")
@settings_options(LogSettings)
def main(**given: Any) -> None:
    """One emotion event for each chat message."""
    configure_logging(load(LogSettings, given))
