"""`sentistream store`: keeps the events that the console shows, until it is stopped."""

import sys
from typing import Any

import click

from console.settings import StoreSettings
from sentistream.options import load, settings_options
from sentistream.shutdown import stop_requests


@click.command(name="store")
@settings_options(StoreSettings)
def command(**given: Any) -> None:
    """Keep emotion.events and emotion.labels in a database, for the console.

    The database is a file (STORE_DATABASE) or PostgreSQL (STORE_DATABASE_URL); its tables are made and brought up to
    date at the start. One process writes; a second one on the same database stands by and takes over. `sentistream
    console` runs a store of its own unless told otherwise. SIGTERM or Ctrl-C ends it with 0; 64 means that settings,
    database or alert rules do not fit.
    """
    settings = load(StoreSettings, given)

    from console.errors import ConsoleError
    from console.store.process import run_store

    with stop_requests(on_second=lambda: None) as asked:
        try:
            run_store(settings, asked)
        except ConsoleError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(64)
