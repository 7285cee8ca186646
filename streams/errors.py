"""Why the stream cannot go on. Each text says what was wrong, where, and what to do."""


class StreamsError(Exception):
    """Base of this package's errors."""


class ConfigurationError(StreamsError):
    """Settings that do not fit the model, the topics or each other."""


class TopicsError(StreamsError):
    """Topics that are missing, differ in their partitions, or were made anew under the running stream."""


class LostRangeError(StreamsError):
    """Kafka deleted records of ``chat.messages`` before the stream had read them."""


class SkippedRecordsError(StreamsError):
    """A record came from the broker but not out of faust; starting again from the committed offset brings it back."""


class WindowStoreError(StreamsError):
    """Redis was away, or refused to work, for longer than the stream may wait."""


class RebuildError(StreamsError):
    """The windows could not be made anew from ``chat.messages`` in time."""


class SendError(StreamsError):
    """A request was not confirmed by Kafka: nothing after it may be committed."""
