"""Traces (OpenTelemetry): settings that streams and worker share. While they are off nothing of the SDK is imported."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import TracesUnavailableError

if TYPE_CHECKING:
    from schemas.otlp import SpanExport


class TraceSettings(BaseSettings):
    """Whether, how many and where to. The SDK reads its other standard variables (``OTEL_*``) by itself."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    traces: bool = Field(default=False, description="Follow messages by OpenTelemetry spans, sent by OTLP over HTTP.")
    traces_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the messages without a traceparent that are followed; one that comes with it decides.",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None, description="Address of the collector. Default: http://localhost:4318."
    )

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _address_without_login(cls, address: str | None) -> str | None:
        if address is not None:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("it must be an address such as http://collector:4318")
            if "@" in parts.netloc:
                # Settings are logged.
                raise ValueError("put the login into OTEL_EXPORTER_OTLP_HEADERS, not into the address")
        return address


def start_export(settings: TraceSettings, service: str, instance: str) -> "SpanExport | None":
    """Begin to send spans, in the background; None where traces are off.

    Args:
        settings: whether, and where to.
        service: the name of the process's kind, unless OTEL_SERVICE_NAME says another.
        instance: the name of this replica.

    Raises:
        TracesUnavailableError: traces are on, and OpenTelemetry is not installed.
    """
    if not settings.traces:
        return None
    try:
        from schemas.otlp import SpanExport
    except ImportError as error:
        raise TracesUnavailableError(
            f"TRACES is on, and {error.name} is not installed: pip install 'sentistream[traces]', or set TRACES=off"
        ) from error
    return SpanExport(settings, service, instance)
