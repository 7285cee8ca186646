"""Records to bytes and back. JSON, UTF-8; unknown fields are ignored, unknown major versions are told apart."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.base import Message
from schemas.errors import MalformedRecordError, UnknownSchemaVersionError
from schemas.request import REQUEST_ADAPTER, Rejected, SanmRequest

M = TypeVar("M", bound=Message)

#: Finds the version of a record that did not validate, without trusting the rest of it.
_VERSION: Final = re.compile(rb'"schema_version"\s*:\s*"(\d{1,4})\.\d{1,4}"')


def encode(message: BaseModel) -> bytes:
    """A message as compact JSON, fields without a value left out."""
    return message.model_dump_json(exclude_none=True).encode()


def decode(kind: type[M], value: bytes | None) -> M:
    """Read one record.

    Raises:
        UnknownSchemaVersionError: it is of another major version.
        MalformedRecordError: it is not UTF-8, not JSON, or not what its topic promises.
    """
    return _parse(kind.model_validate_json, value, kind.MAJOR)


def decode_request(value: bytes | None) -> SanmRequest | Rejected:
    """Read one record of ``sanm.requests``; raises as ``decode`` does."""
    return _parse(REQUEST_ADAPTER.validate_json, value, SanmRequest.MAJOR)


def _parse(validate: Callable[[bytes], M], value: bytes | None, major: int) -> M:
    if value is None:
        raise MalformedRecordError("empty", "the record has no value")
    try:
        message = validate(value)
    except ValidationError as error:
        if (found := _VERSION.search(value)) and int(found[1]) != major:
            raise _unknown_version(int(found[1]), major) from None
        raise _malformed(value, error) from None
    if (found_major := int(message.schema_version.split(".", 1)[0])) != major:
        raise _unknown_version(found_major, major)
    return message


def _unknown_version(found: int, major: int) -> UnknownSchemaVersionError:
    msg = f"the record has schema version {found}, and this reader knows {major}: upgrade it, then it goes on"
    return UnknownSchemaVersionError(msg)


def _malformed(value: bytes, error: ValidationError) -> MalformedRecordError:
    try:
        value.decode()
    except UnicodeDecodeError as decode_error:
        return MalformedRecordError("not_utf8", f"byte {decode_error.start} is not UTF-8")
    # Only places and kinds of errors: the input is people's private talk.
    found = error.errors(include_url=False, include_context=False, include_input=False)
    detail = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'record'}: {one['msg']}" for one in found[:5])
    return MalformedRecordError("not_json" if found[0]["type"] == "json_invalid" else "invalid", detail)
