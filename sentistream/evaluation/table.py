"""The figures of an evaluation at a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sentistream.evaluation.run import Evaluation
from trainer.evaluation.report import summary


def print_table(found: Evaluation) -> None:
    """Policies and baselines side by side."""
    head, rows = summary(found.policies, found.baselines)
    shown = Table(title=_title(found), show_edge=False)
    for number, name in enumerate(head):
        shown.add_column(name, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*row)
    Console(width=None if Console().is_terminal else _width(head, rows)).print(shown)


def _title(found: Evaluation) -> str:
    first = found.policies[0][1]
    return f"{first['messages']} messages of {first['conversations']} conversations, {first['format']}"


def _width(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """As wide as it takes, in a file."""
    columns = zip(head, *rows, strict=True)
    return sum(max(map(len, column)) + 3 for column in columns) + 4
