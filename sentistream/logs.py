"""Logging for every command: JSON for machines, colours for a person at a terminal, always on standard error."""

import logging
import sys
from typing import Final, Literal

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

#: They write a record per message or request at INFO, and building those costs a tenth of the stream's rate.
_TALKATIVE: Final = ("faust", "mode", "aiokafka", "vllm", "httpx", "asyncio", "urllib3")


class LogSettings(BaseSettings):
    """How to log."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least important level that is written. DEBUG may show message texts."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON elsewhere."
    )


def configure_logging(settings: LogSettings | None = None) -> None:
    """Route structlog and the standard library's logging to standard error in one format."""
    settings = settings or LogSettings()
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(settings.log_format))
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)


def _rendering(log_format: Literal["auto", "json", "console"]) -> list[Processor]:
    drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    on_terminal = sys.stderr.isatty()
    if log_format == "console" or (log_format == "auto" and on_terminal):
        # Tracebacks without the frames' variables: those hold what people said.
        plain = structlog.dev.plain_traceback
        return [drop_meta, structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=plain)]
    tracebacks = ExceptionDictTransformer(show_locals=False)
    return [drop_meta, ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
