"""Dead letters sent back by `sentistream dlq replay`."""

from collections import Counter
from collections.abc import Sequence

import orjson
from click.testing import CliRunner

from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.event import EmotionEvent
from sentistream.cli import main
from tests.faults.pipeline import Pipeline
from tests.streams.stream_rig import THEN


def replay(one: Pipeline, *more: str) -> Counter[str]:
    """What `sentistream dlq replay` said of each letter."""
    arguments = ["dlq", "replay", "--all", "--json", *more]
    connection = {"KAFKA_BOOTSTRAP_SERVERS": one.rig.bootstrap, "TOPIC_PREFIX": one.rig.names.topic_prefix}
    done = CliRunner().invoke(main, arguments, env=connection)
    assert done.exit_code == 0, done.output
    return Counter(attempt["outcome"] for attempt in orjson.loads(done.stdout)["attempts"])


def events_of(one: Pipeline, partitions: int = 3) -> list[EmotionEvent]:
    """All events so far."""
    return [
        decode(EmotionEvent, row[2]) for rows in one.rig.read(one.rig.names.events, partitions).values() for row in rows
    ]


def short_messages(count: int) -> Sequence[ChatMessage]:
    """Of five conversations; `tests.faults.refusing_child` refuses every third."""
    return [
        ChatMessage(message_id=f"m{number}", conversation_id=f"c{number % 5}", speaker="ann", text="well", sent_at=THEN)
        for number in range(count)
    ]
