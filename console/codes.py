"""The codes of all that the API says in words, by which a page in another language than English says it too.

Each stands beside its English text with the facts that fill the text's places; `console/web/js/locales/api_*.js` has
the other languages' texts.
"""

from typing import Literal

#: Why Kafka, the registry or another part of the product did not do what it was asked for.
PortCode = Literal[
    "unavailable",
    "refused",
    "lookup_slow",
    "lookup_fault",
    "kafka_away",
    "kafka_refuses",
    "topics_missing",
    "topic_unreadable",
    "letters_not_read_yet",
    "letters_unknown",
    "letters_too_many",
    "registry_away",
    "registry_says_no",
    "version_unknown",
    "adapter_damaged",
    "decision_refused",
    "decision_not_taken",
    "label_not_allowed",
    "label_not_taken",
]

#: What was wrong with a request. `/problems/CODE` is the problem's type, but for those of a port.
ProblemCode = Literal[
    "conversation",
    "cursor",
    "event",
    "fault",
    "host",
    "http",
    "invalid",
    "json",
    "label",
    "origin",
    "rate-limit",
    "role",
    "span",
    "store",
    "streams",
    "taxonomy",
    "tenant",
    "token",
    "too-large",
    "which-tenant",
]

#: How a part of the pipeline is.
HealthCode = Literal[
    "up_to_date",
    "keeps_up",
    "behind",
    "nobody",
    "hidden",
    "not_asked",
    "silent",
    "some_silent",
    "at_work",
    "redis_away",
    "engine_away",
    "newer_records",
    "stored",
    "nothing_stored",
]

Code = PortCode | ProblemCode | HealthCode
