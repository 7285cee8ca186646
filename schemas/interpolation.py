"""How far an adapter's weights go from the beginning of their training to its end, and why so far."""

from pydantic import Field

from schemas.base import Frozen


class ShareFigures(Frozen):
    """What development messages say of one share of the way; all from first answers.

    Attributes:
        share: of the way; 0 is what was live.
        macro_f1: on the platform's messages, likewise ``weighted_f1``.
        calibration_error: expected, on the platform's messages, with a temperature from those of other conversations.
        calibration_by_chance: the error that perfect confidence of that size would show on so few messages.
        guards: weighted F1 on each corpus that is not to be unlearnt, on conversations that were not trained on.
    """

    share: float = Field(ge=0, le=1)
    macro_f1: float
    weighted_f1: float
    calibration_error: float
    calibration_by_chance: float
    guards: dict[str, float] = Field(default_factory=dict)


class ShareChoice(Frozen):
    """The share that was taken.

    Attributes:
        reason: in words.
        messages: of the platform that it was chosen on; likewise ``guard_messages``, by corpus.
        live: figures of what was live; None where there was too little to measure.
        tried: of each share, in their order.
    """

    share: float = Field(gt=0, le=1)
    reason: str
    messages: int
    guard_messages: dict[str, int] = Field(default_factory=dict)
    live: ShareFigures | None = None
    tried: tuple[ShareFigures, ...] = ()
