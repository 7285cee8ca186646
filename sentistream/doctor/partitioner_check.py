"""Do publishers put a conversation where murmur2 puts it, all of them? Two partitioners tear conversations apart."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import orjson

from sentistream.doctor.finding import Finding, fail, ok, warn
from sentistream.doctor.latest_records import Sample
from sentistream.doctor.partitioners import PARTITIONERS, murmur2

CHECK: Final = "partitioner"
_WANTED: Final = next(iter(PARTITIONERS))
_EXAMPLES: Final = 3
_USE_MURMUR2: Final = "Set the publishers' partitioner to murmur2 (librdkafka: partitioner=murmur2_random)."


def check_partitioner(records: Sequence[Sample], partitions: int) -> Iterator[Finding]:
    """Whose hash explains each key's partition, and which conversations stand in two. Names are hashed.

    Args:
        records: the latest of ``chat.messages``.
        partitions: of that topic.
    """
    keyed = [one for one in records if one.key]
    if len(keyed) < len(records):
        yield fail(
            CHECK,
            f"{len(records) - len(keyed)} of the latest {len(records)} messages have no key",
            "Publish each message with its conversation's id as key: without one it goes to any partition.",
        )
    if not keyed:
        if not records:
            yield ok(CHECK, "no messages to look at yet")
        return
    yield from _keys_name_conversations(keyed)
    places: dict[bytes, set[int]] = defaultdict(set)
    for one in keyed:
        places[one.key or b""].add(one.partition)
    yield from _whose(keyed, places, partitions)


def _whose(keyed: Sequence[Sample], places: dict[bytes, set[int]], partitions: int) -> Iterator[Finding]:
    misplaced = {key for key, found in places.items() if found != {murmur2(key) % partitions}}
    share = f"{len(places) - len(misplaced)} of {len(places)} conversations"
    if not misplaced:
        yield ok(CHECK, f"murmur2 explains all of {len(places)} conversations in {partitions} partitions")
        return
    if (before := _before_growth(keyed, partitions)) is not None:
        yield warn(
            CHECK,
            f"murmur2 of {partitions} partitions explains {share}, of {before} partitions those written before",
            "Partitions were added: nothing to do if publishers had stopped meanwhile, as docs/lifecycle.md says.",
        )
        return
    torn = {key for key, found in places.items() if len(found) > 1}
    whose = _explanations(places, partitions)
    one_hash = len(whose) == 1 and not torn
    example_keys = sorted(torn or misplaced)[:_EXAMPLES]
    listed = ", ".join(f"{name} {count}" for name, count in whose.most_common())
    found = (
        f"{next(iter(whose))} explains all of {len(places)} conversations, and murmur2 does not"
        if one_hash
        else f"mixed: murmur2 explains {share} ({listed}); {len(torn)} stand in two partitions or more"
    )
    yield fail(CHECK, f"{found}; such as {', '.join(map(_hashed, example_keys))} (SHA-256 of the key)", _USE_MURMUR2)


def _explanations(places: dict[bytes, set[int]], partitions: int) -> Counter[str]:
    """By partitioner, the pairs of conversation and partition that it explains; one that explains all counts alone."""
    pairs = [(key, partition) for key, found in places.items() for partition in found]
    for name, hashed in PARTITIONERS.items():
        if all(hashed(key) % partitions == partition for key, partition in pairs):
            return Counter({name: len(pairs)})
    return Counter(
        next((name for name, hashed in PARTITIONERS.items() if hashed(key) % partitions == partition), "none of them")
        for key, partition in pairs
    )


def _before_growth(keyed: Sequence[Sample], partitions: int) -> int | None:
    """An earlier count of partitions by which murmur2 explains what stands before, in each partition."""
    for before in range(partitions - 1, 1, -1):
        if _grown_from(keyed, before, partitions):
            return before
    return None


def _grown_from(keyed: Iterable[Sample], before: int, now: int) -> bool:
    grown: set[int] = set()
    for one in sorted(keyed, key=lambda sample: (sample.partition, sample.offset)):
        hashed = murmur2(one.key or b"")
        fits_before, fits_now = hashed % before == one.partition, hashed % now == one.partition
        if fits_now and not fits_before:
            grown.add(one.partition)
        elif not fits_now and (not fits_before or one.partition in grown):
            return False
    return True


def _keys_name_conversations(keyed: Sequence[Sample]) -> Iterator[Finding]:
    read = [(one, _conversation(one.value)) for one in keyed]
    known = [(one.key, conversation) for one, conversation in read if conversation is not None]
    others = [conversation for key, conversation in known if key != conversation]
    if others:
        examples = ", ".join(map(_hashed, sorted(set(others))[:_EXAMPLES]))
        yield fail(
            "message keys",
            f"{len(others)} of {len(known)} messages have another key than their conversation, such as {examples} "
            "(SHA-256 of the conversation)",
            "Publish each message with its conversation's id as key.",
        )
    elif known:
        yield ok("message keys", f"each of {len(known)} messages has its conversation as key")


def _conversation(value: bytes | None) -> bytes | None:
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    name = found.get("conversation_id") if isinstance(found, dict) else None
    return name.encode() if isinstance(name, str) else None


def _hashed(name: bytes) -> str:
    return hashlib.sha256(name).hexdigest()[:12]
