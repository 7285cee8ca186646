"""Conversations that are to stay forgotten, known by their hash alone."""

import hashlib
from collections.abc import Collection

from sqlalchemy import Connection, select

from console.store.conversations import Key
from console.store.progress_tables import Forgotten
from console.store.upsert import replace, table_of
from prompts.windows import key_of


def remember_forgotten(connection: Connection, key: Key, now_ms: int) -> None:
    """Take in nothing of it again."""
    replace(connection, Forgotten, [{"conversation_hash": _hash(key), "forgotten_ms": now_ms}])


def forgotten_among(connection: Connection, keys: Collection[Key]) -> set[Key]:
    """Those of the conversations of which nothing is to be stored."""
    table = table_of(Forgotten)
    by_hash = {_hash(key): key for key in keys}
    found = connection.execute(select(table.c.conversation_hash).where(table.c.conversation_hash.in_(sorted(by_hash))))
    return {by_hash[one] for one in found.scalars()}


def _hash(key: Key) -> str:
    return hashlib.sha256(key_of(*key).encode()).hexdigest()
