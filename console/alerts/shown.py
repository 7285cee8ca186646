"""The rules as the API shows them."""

from pathlib import Path

from console.alerts.rules import Rules
from console.api.models.alerts import AlertRule, AlertRules
from console.queries.reader import Reader


def shown_rules(rules: Rules, file: Path | None, reader: Reader) -> AlertRules:
    """Those that concern what a reader sees; where they stand is for readers of all tenants."""
    shown = [
        AlertRule(
            name=rule.name,
            severity=rule.severity,
            text=rule.text,
            tenant=rule.tenant,
            definition=rule.definition,
        )
        for rule in rules.rules
        if rule.tenant is None or reader.sees(rule.tenant)
    ]
    named = str(file) if file is not None and reader.tenant is None else None
    return AlertRules(rules=tuple(shown), file=named, webhook=bool(rules.webhooks))
