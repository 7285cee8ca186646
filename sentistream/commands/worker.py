"""`sentistream worker`: labels requests until it is stopped."""

import sys
from typing import Any

import click

from sentistream.options import load, settings_options
from worker.settings import WorkerSettings


@click.command(name="worker")
@settings_options(WorkerSettings)
def command(**given: Any) -> None:
    """Read sanm.requests, ask the model, and write one event for each, exactly once.

    SIGTERM or Ctrl-C finishes what is in flight, commits, and exits with 0. Other exit codes say why it stopped
    (worker/errors.py lists them). Give each replica a WORKER_ID of its own that it keeps over restarts.
    """
    settings = load(WorkerSettings, given)

    from prompts.errors import PromptError
    from worker.model_side import ModelSide
    from worker.process import run_until_signalled
    from worker.service import WorkerService

    try:
        service = WorkerService(settings, ModelSide(settings))
    except PromptError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(run_until_signalled(service))
