"""What traces cost a stream: CPU time of a message, followed and not. `python -m bench traces`.

Off, none of this code is imported. The collector is away, so that the spans' encoding and the failing sends count too.
"""

import logging
import statistics
import time
from typing import Final

from bench.figures import Figure, print_table
from schemas.otlp import SpanExport
from schemas.tracing import TraceSettings
from streams.batch import Outgoing, Share
from streams.records import Record
from streams.settings import StreamsSettings
from streams.traces import BatchTrace
from streams.window import PartitionWork

_BATCH: Final = 1000
_REPEATS: Final = 15
_TRACE: Final = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
_CASES: Final = {
    "followed, by the platform's header": (1.0, ((("traceparent", _TRACE + b"01"),))),
    "not followed, by the platform's header": (1.0, ((("traceparent", _TRACE + b"00"),))),
    "1 % followed, without a header": (0.01, ()),
}


def measure() -> list[Figure]:
    """Batches of 1,000 messages through what a stream does while traces are on, beside its usual work."""
    logging.disable(logging.CRITICAL)
    return [_figure(name, ratio, headers) for name, (ratio, headers) in _CASES.items()]


def _figure(name: str, ratio: float, headers: tuple[tuple[str, bytes], ...]) -> Figure:
    nobody = "http://127.0.0.1:9"
    export = SpanExport(TraceSettings(traces=True, traces_ratio=ratio, otel_exporter_otlp_endpoint=nobody), "s", "i")
    settings = StreamsSettings()
    records = [Record(0, offset, offset - 1, 0.0, b"c", b"{}", headers) for offset in range(_BATCH)]
    share = Share(records, {}, {}, PartitionWork("topic", 0, -1, _BATCH - 1, 0, []))
    outgoing = [[Outgoing(0, b"c", b"{}", list(headers)) for _ in records]]
    costs = []
    for _ in range(_REPEATS):
        began = time.process_time()
        trace = BatchTrace(export, settings, _BATCH)
        trace.windows_found()
        trace.carried([share], outgoing)
        trace.confirmed()
        costs.append((time.process_time() - began) / _BATCH * 1e6)
    export.close()
    return Figure(
        "traces", name, statistics.median(costs), "us of CPU a message", note=f"{_REPEATS} batches of {_BATCH}"
    )


if __name__ == "__main__":
    print_table(measure())
