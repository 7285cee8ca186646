"""Whether a message is followed is decided by its header, or by a share of those that have none."""

import pytest

from schemas.otlp import SpanExport, unfollowed
from schemas.tracing import TraceSettings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED, NOT_SAMPLED = (f"00-{TRACE}-00f067aa0ba902b7-{flags}".encode() for flags in ("01", "00"))


@pytest.fixture
def nobody() -> SpanExport:
    """Follows only what comes with a trace."""
    return SpanExport(TraceSettings(traces=True, traces_ratio=0.0), "service", "instance")


@pytest.fixture
def everybody() -> SpanExport:
    return SpanExport(TraceSettings(traces=True, traces_ratio=1.0), "service", "instance")


def test_a_platforms_word_counts_more_than_the_ratio(nobody: SpanExport, everybody: SpanExport) -> None:
    assert nobody.followed([("traceparent", SAMPLED)]) is not None
    assert everybody.followed([("traceparent", NOT_SAMPLED)]) is None


NONE_AT_ALL = [
    b"",
    b"00-1-2-01",
    b"\xff\xfe",
    f"00-{'0' * 32}-00f067aa0ba902b7-01".encode(),
    f"00-{TRACE}-{'0' * 16}-01".encode(),
    f"ff-{TRACE}-00f067aa0ba902b7-01".encode(),
    SAMPLED.upper().replace(b"F", b"G"),
]


@pytest.mark.parametrize("value", NONE_AT_ALL)
def test_what_is_no_traceparent_is_as_if_there_were_none(
    nobody: SpanExport, everybody: SpanExport, value: bytes
) -> None:
    assert nobody.followed([("traceparent", value)]) is None
    context = everybody.followed([("traceparent", value)])
    assert context == {}
    ((name, decided), *_) = unfollowed([("traceparent", value), ("other", b"x")])
    assert name == "traceparent"
    assert decided is not None
    assert decided.endswith(b"-00")
    assert everybody.followed([("traceparent", decided)]) is None


def test_a_decision_that_is_there_is_carried_as_it_is() -> None:
    headers = [("traceparent", NOT_SAMPLED), ("tracestate", b"a=b")]
    assert unfollowed(headers) is headers


def test_a_tracestate_that_is_no_text_harms_nothing(nobody: SpanExport) -> None:
    assert nobody.followed([("traceparent", SAMPLED), ("tracestate", b"\xff")]) is not None
