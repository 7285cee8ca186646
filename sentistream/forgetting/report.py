"""What became of a conversation, place by place."""

from pydantic import AwareDatetime, Field

from schemas.base import Frozen


class Removed(Frozen):
    """One place.

    Attributes:
        counts: what was removed, by its name; empty where nothing could be done.
        problem: why nothing could be done, and what to do; None where it was done.
        absent: the place is not on this machine; None where it is.
    """

    counts: dict[str, int] = Field(default_factory=dict)
    problem: str | None = None
    absent: str | None = None


class Remaining(Frozen):
    """What a topic may still hold.

    Attributes:
        holds: in words.
        until: at the latest; None where the topic is not emptied by age.
        note: what the time rests on.
    """

    topic: str
    holds: str
    until: AwareDatetime | None
    note: str


class ForgetReport(Frozen):
    """All of it.

    Attributes:
        kafka_problem: why the topics could not be asked; None where they could.
    """

    tenant: str
    conversation: str
    store: Removed
    redis: Removed
    trainer: Removed
    kafka: tuple[Remaining, ...]
    kafka_problem: str | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """All that went wrong."""
        found = (self.store.problem, self.redis.problem, self.trainer.problem, self.kafka_problem)
        return tuple(one for one in found if one is not None)


def in_words(report: ForgetReport) -> str:
    """For a person."""
    lines = [f"conversation {report.conversation} of tenant {report.tenant}"]
    lines += [
        f"  {name:<12}{_said(one)}"
        for name, one in (("store", report.store), ("redis", report.redis), ("trainer", report.trainer))
    ]
    if report.kafka_problem:
        return "\n".join([*lines, f"  {'kafka':<12}NOT KNOWN: {report.kafka_problem}"])
    lines.append("  kafka       keeps what it was given until each topic's retention ends; nothing here can delete it")
    for one in report.kafka:
        until = one.until.strftime("%Y-%m-%d %H:%M UTC") if one.until else "no time set"
        lines.append(f"    {one.topic:<24}{one.holds}: until {until} ({one.note})")
    return "\n".join(lines)


def _said(removed: Removed) -> str:
    if removed.problem is not None:
        return f"NOT DONE: {removed.problem}"
    if removed.absent is not None:
        return removed.absent
    return "removed: " + ", ".join(f"{count} {name}" for name, count in removed.counts.items())
