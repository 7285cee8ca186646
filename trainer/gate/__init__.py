"""The gate: a worse adapter never goes live.

`judge` lets a candidate and what is live answer the same frozen messages, applies the rules of `GateSettings`, and
writes a report that says why.
"""

from trainer.gate.answers import Serving, Trust
from trainer.gate.errors import GateError
from trainer.gate.judge import Verdict, judge
from trainer.gate.sets import FrozenSets, LiveSide
from trainer.gate.settings import GateSettings

__all__ = ["FrozenSets", "GateError", "GateSettings", "LiveSide", "Serving", "Trust", "Verdict", "judge"]
