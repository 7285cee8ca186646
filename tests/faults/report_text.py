"""The words around the tables of `docs/faults.md`."""

from typing import Final

INTRODUCTION: Final = """\
# What was broken, and what came of it

Written by `make soak`, each fault's rows by its own test; the figures behind them are in `docs/faults/`, a file for
each fault. Real Kafka and Redis, and the scripted engine where nothing else is said. Where processes are killed or
frozen there are two streams and two workers, 9 partitions, up to 500 conversations, session time-outs of 6 s, and
always some hundred messages in hand. What is killed is started again at once or, one time in three, only after its
session has timed out, so that the other replica takes over. At named points (`streams/faultpoints.py`,
`worker/faultpoints.py`) a process ends itself, both kinds of service in one run. Frozen processes are stopped at a
point and go on when others have taken over. Requests and answers get lost in a proxy between the workers and the
broker (`tests/faults/kafka_proxy.py`). One record in a hundred is malformed.

A `read_committed` reader then compares every record of `chat.messages` with what came out of it. *Lost*: neither event
nor dead letter. *Doubled*: a second one. *Out of order*: an event before that of an earlier message of its
conversation. *Mistaken*: a dead letter for a good record, an event for a broken one, another record's content. *Other
windows*: the prompt's hash is not that of an offline replay of the topic. *Degraded*: the event says that its window
may lack turns. *Recovery*: from the blow until all that had been published before it has its event or dead letter,
which is later than the first one that work goes on with; where the next blow comes meanwhile, that is in it.
"""
CONTROLS: Final = """\
## Negative controls

One protection taken away: the checker must see it, and the tests assert that it does.
"""
WHY: Final = """\
## What shows that each fault would be seen

The negative control of each fault, or why there is none.
"""
