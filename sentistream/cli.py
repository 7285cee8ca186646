"""The `sentistream` command."""

import click


@click.group()
@click.version_option(package_name="sentistream")
def main() -> None:
    """One emotion event for each chat message."""
