"""What can be wrong with a record or with the settings that describe it."""


class SchemaError(Exception):
    """Base of this package's errors."""


class MalformedRecordError(SchemaError):
    """A record that does not hold what its topic promises.

    Attributes:
        reason: one of a small closed set of codes (``not_utf8``, ``not_json``, ``invalid``), fit for a metric's label.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the code apart from the words."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnknownSchemaVersionError(SchemaError):
    """A record of a newer major version: not bad, but not for this reader. Upgrade the reader."""


class UnknownTaxonomyError(SchemaError):
    """A label taxonomy that is neither built in nor in the taxonomies folder."""


class TaxonomyError(SchemaError):
    """A taxonomy file that cannot be used: the text says where and why."""


class SecretFileError(SchemaError, ValueError):
    """A file with a secret is missing, cannot be read, or is empty. The text never holds what is in it."""


class MissingFileError(SchemaError):
    """A file that the settings name is not there."""


class TracesUnavailableError(SchemaError):
    """Traces are asked for, and what sends them is not installed."""
