"""The settings of alerts."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AlertSettings(BaseSettings):
    """Which rules there are, and how long a webhook is tried."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    alert_rules: Path | None = Field(
        default=None, description="YAML file of alert rules and webhooks; without it there are no alerts."
    )
    alert_max_age_minutes: float = Field(
        default=60.0,
        gt=0,
        description="What came true of older messages is kept, and sent to no webhook: they are read again, or late.",
    )
    alert_timeout_seconds: float = Field(default=10.0, gt=0, description="A webhook must answer within this.")
    alert_give_up_hours: float = Field(
        default=24.0, gt=0, description="A webhook that has not taken an occurrence for so long is not told of it."
    )
