"""What is watched after and beside a release, as settings."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ShadowSettings(BaseSettings):
    """A candidate beside the live adapter, before its release."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TRAINER_")

    shadow_messages: int = Field(
        default=0, ge=0, description="Live messages that a candidate answers in the shadow before its release; 0: none."
    )
    shadow_seconds: float = Field(default=600.0, ge=0, description="The shadow ends after so long; 0: none.")
    shadow_share: float = Field(
        default=1.0, gt=0, le=1, description="Share of the live messages that is taken, by a hash of their ids."
    )


class WatchSettings(BaseSettings):
    """Automatic rollback and drift."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="TRAINER_")

    watch_rollback: bool = Field(default=True, description="Roll back by itself; else only say that it would.")
    watch_alpha: float = Field(
        default=0.01, gt=0, le=0.2, description="Chance, at most, that a version that is not worse is rolled back."
    )
    watch_margin: float = Field(
        default=0.02, ge=0, lt=1, description="By how much the share of corrections may rise before it counts as worse."
    )
    watch_least_pairs: int = Field(
        default=20, ge=1, description="Verdicts on each version, below which nothing is rolled back."
    )
    watch_days: float = Field(
        default=14.0, gt=0, description="How far back is read at the start: events from now, labels from the release."
    )
    watch_seconds: float = Field(default=5.0, gt=0, description="Time between two looks.")
    watch_port: int = Field(default=9104, ge=0, le=65535, description="Port of the watch's /metrics; 0 for none.")
    watch_host: str = Field(default="127.0.0.1", description="Address that this port is bound to.")
    drift_window_s: float = Field(default=3600.0, gt=0, description="Length of a window of events, in seconds.")
    drift_least_events: int = Field(
        default=200, ge=1, description="Events of a window; quieter ones are joined with the next."
    )
    drift_least_labels: int = Field(
        default=50, ge=1, description="People's labels of a window of the corrected share, likewise."
    )
    drift_past_windows: int = Field(default=12, ge=2, description="Past windows that a range needs.")
    drift_sigmas: float = Field(default=4.0, gt=0, description="Standard deviations from the mean to a range's ends.")
    drift_refresh: bool = Field(default=False, description="Start a refresh when an alarm begins.")
    drift_refresh_hours: float = Field(default=24.0, ge=0, description="Least time between two such refreshes.")
