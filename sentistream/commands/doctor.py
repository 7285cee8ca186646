"""`sentistream doctor`: checks a running deployment and says what to mend."""

from collections import Counter
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

from sentistream.doctor.deployment import SERVICES, Deployment, DoctorSettings
from sentistream.doctor.examination import examine
from sentistream.doctor.finding import Finding, Status, exit_status
from sentistream.options import load, settings_options
from sentistream.start_progress import quiet_unless_asked
from streams.settings import StreamsSettings
from worker.settings import WorkerSettings

_COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.UNCHECKED: "magenta"}


@click.command(name="doctor")
@click.option(
    "--service",
    type=click.Choice([*SERVICES, "all"]),
    default="all",
    show_default=True,
    envvar="DOCTOR_SERVICE",
    show_envvar=True,
    help="Look at what this one needs; with its own login its rights are looked at too.",
)
@click.option("--strict", is_flag=True, help="Warnings count for the exit status too.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@settings_options(DoctorSettings, StreamsSettings, WorkerSettings)
@click.pass_context
def command(context: click.Context, /, *, service: str, strict: bool, as_json: bool, **given: Any) -> None:
    """Check a running deployment and say what to mend.

    Give it the settings that the services have. It changes nothing: its probes are one Redis window and one lock that
    vanish, and one topic for the broker's clock that is deleted (DOCTOR_CLOCK_PROBE=false leaves it out).

    Exit status: 0, all is well; 1, something must be mended (with --strict, or warned of); 2, nothing is known to be
    wrong, but not everything could be checked.
    """
    quiet_unless_asked()
    deployment = Deployment(
        load(DoctorSettings, given),
        load(StreamsSettings, given),
        load(WorkerSettings, given),
        SERVICES if service == "all" else tuple(one for one in SERVICES if one == service),
    )
    findings = list(examine(deployment))
    status = exit_status(findings, strict=strict)
    if as_json:
        rows = [{"check": one.check, "status": one.status, "found": one.found, "to_do": one.to_do} for one in findings]
        click.echo(orjson.dumps({"exit_status": status, "findings": rows}))
    else:
        _show(findings)
    context.exit(status)


def _show(findings: list[Finding]) -> None:
    table = Table("", "check", "found, and what to do", box=None, pad_edge=False)
    for one in findings:
        colour = _COLOURS[one.status]
        text = f"{one.found}\n→ {one.to_do}" if one.to_do else one.found
        table.add_row(f"[{colour}]{one.status}[/]", one.check, text, style=None)
    console = Console(width=None if Console().is_terminal else 160, markup=True, highlight=False)
    console.print(table)
    counts = Counter(one.status for one in findings)
    click.echo(", ".join(f"{counts[status]} {status}" for status in Status if counts[status]))
