"""The console's settings; each is an environment variable and an option of the commands that read it."""

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from console.alerts.settings import AlertSettings
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames

DEFAULT_DATABASE: Final = Path("~/.local/share/sentistream/events.db")


class DatabaseSettings(KafkaSettings):
    """Where the events are kept."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    store_database: Path = Field(
        default=DEFAULT_DATABASE, description="SQLite file of the event store; STORE_DATABASE_URL counts more."
    )
    store_database_url: SecretStr | None = Field(
        default=None, description="Database of the event store: postgresql://user:password@host:5432/name."
    )
    store_database_url_file: Path | None = Field(default=None, description="File with this URL.")


class StoreSettings(DatabaseSettings, TopicNames, AlertSettings):
    """The consumer that fills the event store, and what it keeps."""

    store_group: str = Field(
        default="sentistream-store",
        min_length=1,
        description="Consumer group that shows the event store's lag; the database has the offsets that count.",
    )
    store_batch: int = Field(default=500, ge=1, le=10_000, description="Most records of one database transaction.")
    store_linger_ms: float = Field(default=50.0, ge=0, description="Longest wait for more records of one.")
    store_lease_seconds: float = Field(
        default=10.0, ge=1, description="A writer that is silent for so long makes room for another."
    )
    store_retention_days: float = Field(
        default=90.0, ge=0, description="Events are kept for so long after they were decided; 0 keeps them for ever."
    )
    taxonomies: Path | None = Field(default=None, description="Folder with label sets of your own.")
    store_metrics_port: int = Field(
        default=9105, ge=0, le=65535, description="Port of the store's /metrics and /healthz; 0 for none."
    )
    store_metrics_host: str = Field(default="127.0.0.1", description="Address that this port is bound to.")


class ConsoleSettings(StoreSettings):
    """`sentistream console`: the store's own and what the web server needs."""
