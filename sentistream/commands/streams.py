"""`sentistream streams`: turns chat messages into requests until it is stopped."""

import sys
from typing import Any

import click

from sentistream.options import load, settings_options
from streams.settings import StreamsSettings


@click.command(name="streams")
@settings_options(StreamsSettings)
def command(**given: Any) -> None:
    """Read chat.messages, keep each conversation's window in Redis, and write sanm.requests.

    SIGTERM or Ctrl-C finishes the batch at hand, commits, and exits with 0.
    """
    settings = load(StreamsSettings, given)

    from prompts.errors import PromptError
    from schemas.errors import SchemaError
    from streams.errors import StreamsError
    from streams.service import run

    try:
        status = run(settings)
    except (StreamsError, PromptError, SchemaError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)
