"""CPU time of the processes that a benchmark has started, by part: steadier than a clock where cores are shared."""

import psutil

#: A word of the command line, and what is said for it; the first that is found counts.
_PARTS = {
    "kafka.Kafka": "Kafka",
    "redis-server": "Redis",
    "bench.direct": "direct",
    " worker": "worker",
    " streams": "stream",
}


def cpu_seconds() -> dict[str, float]:
    """What each part has used so far, and this process itself."""
    spent = dict.fromkeys(_PARTS.values(), 0.0)
    for process in (me := psutil.Process()).children(recursive=True):
        try:
            command, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        part = next((name for word, name in _PARTS.items() if word in command), None)
        if part is not None:
            spent[part] += times.user + times.system
    own = me.cpu_times()
    spent["bench"] = own.user + own.system
    return spent
