"""The hashes by which Kafka clients choose a key's partition."""

import zlib
from collections.abc import Callable
from typing import Final

_MASK: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def murmur2(key: bytes) -> int:
    """As Java's clients have it (org.apache.kafka.common.utils.Utils.murmur2), without its sign."""
    length = len(key)
    value = (0x9747B28C ^ length) & _MASK
    whole = length - length % 4
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * 0x5BD1E995 & _MASK
        word = (word ^ word >> 24) * 0x5BD1E995 & _MASK
        value = (value * 0x5BD1E995 & _MASK) ^ word
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & _MASK
    value = (value ^ value >> 13) * 0x5BD1E995 & _MASK
    return (value ^ value >> 15) & _POSITIVE


def fnv1a(key: bytes) -> int:
    """As Go's sarama has it (FNV-1a of 32 bits), without its sign."""
    value = 0x811C9DC5
    for byte in key:
        value = (value ^ byte) * 0x01000193 & _MASK
    return value if value <= _POSITIVE else (_MASK + 1 - value)


#: What each is called, and how it hashes; the first is the one that publishers must use.
PARTITIONERS: Final[dict[str, Callable[[bytes], int]]] = {
    "murmur2": murmur2,
    "crc32 (librdkafka's default, consistent_random)": zlib.crc32,
    "fnv1a (sarama's default)": fnv1a,
}
