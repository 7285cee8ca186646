"""The deployment that is looked at: the settings of its services, as they read them themselves."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompts.errors import ProfileError
from prompts.profile import ModelProfile, find_model
from schemas.topics import Profile, Topic, topics
from streams.settings import StreamsSettings
from worker.settings import WorkerSettings

Service = Literal["streams", "worker", "trainer", "store", "console"]
SERVICES: tuple[Service, ...] = ("streams", "worker", "trainer", "store", "console")


class DoctorSettings(BaseSettings):
    """What is looked at, and how far."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    topic_profile: Profile = Field(
        default="production", description="Replication 3 and min.insync.replicas 2, or one replica."
    )
    doctor_sample: int = Field(
        default=500, ge=1, le=100_000, description="Latest messages of each partition whose partitioner is looked at."
    )
    doctor_clock_probe: bool = Field(
        default=True, description="Ask the broker's clock by a topic that is made for one record and deleted."
    )
    store_group: str = Field(
        default="sentistream-store",
        min_length=1,
        description="Consumer group that shows the event store's lag; the database has the offsets that count.",
    )


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that the checks are told.

    Attributes:
        services: those that are asked about.
        clock: seconds since 1970 on this machine.
    """

    doctor: DoctorSettings
    streams: StreamsSettings
    worker: WorkerSettings
    services: tuple[Service, ...] = SERVICES
    clock: Callable[[], float] = field(default=time.time)

    @property
    def wanted(self) -> tuple[Topic, ...]:
        """The six topics; their partition counts are compared with each other, not with these."""
        return topics(self.streams, self.doctor.topic_profile, 1)

    @property
    def model_name(self) -> str:
        """As events carry it; this machine need not have the model."""
        try:
            return ModelProfile.read(find_model(self.worker.model)).name
        except ProfileError:
            return self.worker.model
