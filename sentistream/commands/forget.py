"""`sentistream forget`: a conversation's text out of all that can be changed, and what Kafka still holds."""

import sys
from typing import Any, Final

import click

from console.settings import DatabaseSettings
from prompts.errors import ProfileError
from prompts.profile import ModelProfile, find_model
from prompts.settings import PromptSettings
from schemas.connections import RedisSettings
from schemas.topics import TopicNames
from sentistream.options import load, settings_options
from trainer.settings import TrainerSettings

_NOT_ALL: Final = 69


@click.command(name="forget")
@click.argument("conversation")
@click.option("--tenant", default="default", show_default=True, help="Whose conversation it is.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON; asks nothing, so --yes is needed too.")
@settings_options(DatabaseSettings, RedisSettings, TopicNames, TrainerSettings, PromptSettings)
def command(*, conversation: str, tenant: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Remove CONVERSATION from the event store, from Redis and from what the trainer keeps, for good.

    Nothing of it is stored or learnt from again, also not of messages yet to come. Counts, which name nobody, stay.
    What Kafka was given it keeps until each topic's retention ends: that time is printed. An adapter that has learnt
    from the conversation is replaced by the next release.

    \b
    Exit status
      0    done in every place that is on this machine
      1    not confirmed
      2    an option is wrong, or --json without --yes
      69   not done everywhere: the text says where and why; a second try goes on
    """  # noqa: D301 - \b keeps the lines apart
    if as_json and not yes:
        raise click.UsageError("--json asks nothing: add --yes")
    database, topics = load(DatabaseSettings, given), load(TopicNames, given)
    redis, trainer = load(RedisSettings, given), load(TrainerSettings, given)
    model = _model_name(load(PromptSettings, given))
    if not yes:
        click.confirm(
            f"Forget all of conversation {conversation!r} of tenant {tenant!r}, for good?", abort=True, err=True
        )

    from sentistream.forgetting.everywhere import forget_everywhere
    from sentistream.forgetting.report import in_words

    report = forget_everywhere(tenant, conversation, database, redis, topics, trainer.folder, model)
    click.echo(report.model_dump_json() if as_json else in_words(report))
    sys.exit(_NOT_ALL if report.problems else 0)


def _model_name(settings: PromptSettings) -> str:
    """As events carry it; this machine need not have the model."""
    try:
        return ModelProfile.read(find_model(settings.model)).name
    except ProfileError:
        return settings.model
