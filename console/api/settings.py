"""Settings of the web server."""

from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ApiSettings(BaseSettings):
    """Where the console is reached, how much one client may ask, and which services it asks for their figures."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    console_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that the console is bound to; others need a token."
    )
    console_port: int = Field(default=8080, ge=0, le=65535, description="Its port; 0 takes any that is free.")
    console_names: str = Field(
        default="",
        description="Host names that browsers reach it by, with commas between; others are refused. Default: any, "
        "and on a loopback address its own.",
    )
    console_secure: bool = Field(
        default=False, description="Browsers reach it by https (a proxy's): session cookies are sent by that alone."
    )
    console_session_hours: float = Field(default=12.0, gt=0, le=8760, description="Length of a browser's session.")
    console_rate: int = Field(default=1200, ge=1, description="Most requests a minute with one token.")
    console_write_rate: int = Field(default=240, ge=1, description="Of these, so many that write.")
    console_sign_in_rate: int = Field(default=30, ge=1, description="Failed sign-ins a minute from one address.")
    console_streams: int = Field(default=10, ge=1, le=1000, description="Live streams at once with one token.")
    console_stream_timeout_s: float = Field(
        default=15.0, gt=0, description="A client that takes nothing for so long loses its live stream."
    )
    console_streams_metrics: str = Field(
        default="", description="Addresses of the streams' /metrics, with commas between, for the health view."
    )
    console_worker_metrics: str = Field(default="", description="Addresses of the workers' /metrics, likewise.")
    console_trainer_metrics: str = Field(default="", description="Addresses of the trainers' /metrics, likewise.")

    @property
    def is_local(self) -> bool:
        """Nobody but this machine reaches it."""
        return self.console_host in LOOPBACK

    @property
    def names(self) -> frozenset[str] | None:
        """Host names that are answered to; None answers to all."""
        given = frozenset(name.strip().lower() for name in self.console_names.split(",") if name.strip())
        if given:
            return given | (LOOPBACK if self.is_local else frozenset())
        return LOOPBACK if self.is_local else None


def addresses(given: str) -> tuple[str, ...]:
    """Those of a list with commas between."""
    return tuple(one.strip() for one in given.split(",") if one.strip())
