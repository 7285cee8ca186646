"""The topics must stay what they were at the start: all that the stream writes and keeps is named by their id."""

import asyncio
from typing import Final

import structlog

from streams.errors import TopicsError
from streams.intake import Intake
from streams.settings import StreamsSettings
from streams.topic_facts import TopicFacts, topic_facts

log = structlog.get_logger()

_EVERY_S: Final = 60.0


class TopicWatch:
    """Ends the process where they have changed.

    Args:
        facts: as they were at the start.
        intake: what is told.
    """

    def __init__(self, settings: StreamsSettings, facts: TopicFacts, intake: Intake) -> None:
        self._settings = settings
        self._facts = facts
        self._intake = intake

    @property
    def topic_id(self) -> str:
        """The id that ``chat.messages`` had at the start."""
        return self._facts.topic_id

    async def watch(self) -> None:
        """Look once a minute, for ever."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look now. Needed before partitions are read that were just assigned: they may be another topic's already.

        What is read there would go by the id of the topic that is gone, and the worker would drop it as a repetition.
        """
        try:
            now = await asyncio.to_thread(topic_facts, self._settings, self._settings)
        except TopicsError as error:
            if error.__cause__ is None:
                self._intake.fail(error)
            log.warning("topics_not_checked", error=str(error))
            return
        if (now.topic_id, now.partitions) != (self._facts.topic_id, self._facts.partitions):
            self._intake.fail(
                TopicsError("chat.messages was made anew or got partitions; start again to take it as it is")
            )
