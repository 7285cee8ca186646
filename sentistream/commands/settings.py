"""`sentistream settings`: every environment variable, its default and its meaning."""

import click

from sentistream.settings_table import markdown_table


@click.command(name="settings")
def command() -> None:
    """Print the table of all settings as Markdown; each is an option of its commands too."""
    click.echo(markdown_table())
