"""CPU time of the processes that a benchmark has started, by part: steadier than a clock where cores are shared."""

import psutil

#: A word of the command line, and what is said for it.
_PARTS = {
    "bench.direct": "direct",
    "worker": "worker",
    "streams": "stream",
    "kafka.Kafka": "Kafka",
    "redis-server": "Redis",
}


def cpu_seconds() -> dict[str, float]:
    """What each part has used so far, and this process itself."""
    spent = dict.fromkeys(_PARTS.values(), 0.0)
    for process in (me := psutil.Process()).children(recursive=True):
        try:
            words, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        part = next((name for word, name in _PARTS.items() if any(word in one for one in words[-4:])), None)
        if part is not None:
            spent[part] += times.user + times.system
    own = me.cpu_times()
    spent["bench"] = own.user + own.system
    return spent
