"""A webhook as the rules' file has it. Its address and its secret may stand in files, and are never shown."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from console.alerts.errors import WebhookError


class Webhook(BaseModel):
    """Where occurrences go.

    Attributes:
        url: or ``url_file``, since addresses of chat tools are secrets themselves.
        secret_file: or ``secret_env``: what requests are signed with. Both are read at each request.
        text: the message's text is sent too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str | None = None
    url_file: Path | None = None
    secret_file: Path | None = None
    secret_env: str | None = None
    text: bool = False

    @field_validator("url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        return None if url is None else _address(url)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give one of url and url_file")
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError("give one of secret_file and secret_env, so that the receiver can tell who speaks")
        return self

    @property
    def address(self) -> str:
        """The URL; WebhookError where its file cannot be read, or holds none."""
        if self.url is not None:
            return self.url
        try:
            return _address(_read(self.url_file))
        except ValueError as error:
            raise WebhookError(f"{self.url_file}: {error}") from None

    @property
    def secret(self) -> str:
        """What requests are signed with; WebhookError where there is none."""
        if self.secret_file is not None:
            return _read(self.secret_file)
        if found := os.environ.get(self.secret_env or ""):
            return found
        raise WebhookError(f"the variable {self.secret_env} is not set: set it to what requests are signed with")


def _address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("it must begin with https:// (or http://, inside your own network)")
    return url


def _read(path: Path | None) -> str:
    try:
        text = Path(path or "").expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WebhookError(f"{path} cannot be read: {type(error).__name__}") from None
    if not text:
        raise WebhookError(f"{path} is empty")
    return text
