"""The gate's rules as settings: by how much a candidate may differ from what is live."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GateSettings(BaseSettings):
    """When a candidate is released. Shares, not percent: 0.005 is half a point."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="TRAINER_")

    gate_macro_f1_loss: float = Field(
        default=0.005, ge=0, lt=1, description="Macro-F1 that a candidate may lose at most, with the gate's confidence."
    )
    gate_confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="Share of the bootstrap's resamples in which that must hold."
    )
    gate_resamples: int = Field(default=2000, ge=100, description="Resamples of conversations in the bootstrap.")
    gate_recall_loss: float = Field(
        default=0.05, ge=0, le=1, description="Recall that any label may lose at most, where it has enough cases."
    )
    gate_recall_cases: int = Field(
        default=30, ge=1, description="Held-out messages of a label below which its recall is no reason to refuse."
    )
    gate_invalid_rise: float = Field(
        default=0.0, ge=0, le=1, description="Rise of the share of messages without a label that is let pass."
    )
    gate_calibration_error: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Expected calibration error after temperature below which it may rise.",
    )
    gate_calibration_beyond_chance: bool = Field(
        default=False,
        description="Judge only what of that error is beyond chance: the fewer messages, the more of it is chance.",
    )
    gate_time_rise: float = Field(
        default=0.05, ge=0, description="Rise of the time per message that is let pass, model calls included."
    )
    gate_time_messages: int = Field(default=64, ge=1, description="Held-out messages that the time is measured on.")
    gate_time_turns: int = Field(
        default=41, ge=1, description="Most turns of live and candidate; fewer where the time is clear before."
    )
    gate_guard_loss: float = Field(
        default=0.01, ge=0, le=1, description="Weighted F1 that may be lost at most on each guard, such as a corpus."
    )
    gate_min_messages: int = Field(default=50, ge=1, description="Held-out messages below which nothing is released.")
    gate_min_conversations: int = Field(
        default=10, ge=1, description="Held-out conversations below which nothing is released."
    )
    gate_min_development: int = Field(
        default=30, ge=1, description="Development messages below which temperature and threshold stay the live ones."
    )
    gate_seed: int = Field(default=0, ge=0, description="Of the bootstrap's and the timing's draws.")
