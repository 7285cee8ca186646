"""Secrets from a variable or from a file, as Docker and Kubernetes mount them: for ``NAME`` there is ``NAME_FILE``."""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import SecretFileError

_SUFFIX = "_file"


class SecretSettings(BaseSettings):
    """Settings in which each secret field ``name`` has a field ``name_file`` beside it.

    Errors never show what was given: it may be the secret.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="after")
    def _one_place_for_each(self) -> Self:
        for name in type(self).model_fields:
            if isinstance(getattr(self, name), SecretStr) and self._file_of(name) is not None:
                raise ValueError(f"{name.upper()} and {name.upper()}{_SUFFIX.upper()} are both set: keep one")
            if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX) in type(self).model_fields:
                self.secret(name.removesuffix(_SUFFIX))
        return self

    def secret(self, name: str) -> str | None:
        """The secret of a field; a file is read anew at each call, for it may have been replaced meanwhile.

        Raises:
            SecretFileError: the file cannot be read, or is empty.
        """
        if (path := self._file_of(name)) is not None:
            return _read(path, f"{name.upper()}{_SUFFIX.upper()}")
        value: SecretStr | None = getattr(self, name)
        return value.get_secret_value() if value else None

    def _file_of(self, name: str) -> Path | None:
        path: Path | None = getattr(self, f"{name}{_SUFFIX}", None)
        return path


def _read(path: Path, variable: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SecretFileError(f"{variable} is {path}, which cannot be read: {why}") from None
    # An editor's last line ends so; a password does not.
    secret = text.rstrip("\r\n")
    if not secret:
        raise SecretFileError(f"{variable} is {path}, which is empty")
    return secret
