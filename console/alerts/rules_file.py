"""Reads the rules' file; what is wrong in it is told with its line and field."""

from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from console.alerts.errors import RulesError
from console.alerts.rules import Rules

_KINDS: Final = ("turns", "share")


def load_rules(path: Path | None) -> Rules:
    """The rules of a file; none without one.

    Raises:
        RulesError: it cannot be read, is no YAML, or holds what is no rule.
    """
    if path is None:
        return Rules()
    path = path.expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"ALERT_RULES is {path}, which cannot be read: {error}") from None
    return parse_rules(text, str(path))


def parse_rules(text: str, place: str) -> Rules:
    """The rules of a text; ``place`` is what errors name it by."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RulesError(f"{place}{line}: this is no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RulesError(f"{place}: this is no YAML: {error}") from None
    try:
        return Rules.model_validate(data or {})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RulesError("\n".join(_problem(place, root, one["loc"], one["msg"]) for one in found)) from None


def _problem(place: str, root: yaml.Node | None, where: tuple[int | str, ...], what: str) -> str:
    node, known = root, []
    # pydantic names the kind of a rule as a step of its own, after its number.
    kinds = {at for at, one in enumerate(where) if at and isinstance(where[at - 1], int) and one in _KINDS}
    for step in [one for at, one in enumerate(where) if at not in kinds]:
        below = _below(node, step)
        if below is None and (isinstance(step, int) or node is None):
            break
        known.append(str(step))
        if below is None:
            break
        node = below
    line = node.start_mark.line + 1 if node is not None else 1
    return f"{place}:{line}: {'.'.join(known) or 'the file'}: {what.removeprefix('Value error, ')}"


def _below(node: yaml.Node | None, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None
