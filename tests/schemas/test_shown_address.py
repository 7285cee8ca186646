"""What is logged of an address holds no password, wherever in the address it stood."""

import pytest

from schemas.shown_address import shown_address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("redis://user:hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        ("rediss://:hunter2@cache:6379/0?ssl_cert_reqs=none", "rediss://***@cache:6379/0"),
        ("redis://cache:6379/0?username=user&password=hunter2", "redis://cache:6379/0"),
        ("redis://cache:6379/0?password=hunter2@home", "redis://***"),
        ("redis://user:who?hunter2@cache:6379/0", "redis://***"),
        ("redis://user:at@hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        ("redis://user:slash/hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        ("http://user:hunter2@model:8000/v1", "http://***@model:8000/v1"),
    ],
)
def test_no_login_is_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown
