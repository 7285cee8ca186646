"""All places, one after the other; a place that cannot be reached keeps no other from forgetting."""

from pathlib import Path

from console.settings import DatabaseSettings
from schemas.connections import RedisSettings
from schemas.topics import TopicNames
from sentistream.errors import TopicError
from sentistream.forgetting.places import conversation_of, from_redis, from_store, from_trainer
from sentistream.forgetting.report import ForgetReport, Remaining, Removed
from sentistream.forgetting.topics import messages_topic, remaining


def forget_everywhere(
    tenant: str,
    conversation: str,
    database: DatabaseSettings,
    redis: RedisSettings,
    names: TopicNames,
    trainer_folder: Path,
    model: str,
) -> ForgetReport:
    """Forget it, and say what became of it.

    Args:
        tenant: whose conversation it is.
        conversation: the platform's id.
        database: the event store's, and how to reach Kafka.
        redis: with the windows, and the trainer's lock.
        names: of the topics.
        trainer_folder: TRAINER_FOLDER.
        model: of this deployment.
    """
    windows = Removed(problem="only Kafka knows how its windows are named: try again when it answers")
    key = conversation_of(tenant, conversation)
    # The store first: it knows how old the conversation is.
    store, last = from_store(database, tenant, conversation)
    learnt = from_trainer(trainer_folder, model, redis, names, key)
    kept: tuple[Remaining, ...] = ()
    problem = None
    try:
        windows = from_redis(redis, messages_topic(database, names), key)
        kept = remaining(database, names, last)
    except TopicError as error:
        problem = str(error)
    return ForgetReport(
        tenant=tenant,
        conversation=conversation,
        store=store,
        redis=windows,
        trainer=learnt,
        kafka=kept,
        kafka_problem=problem,
    )
