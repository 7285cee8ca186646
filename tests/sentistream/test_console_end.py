"""A console whose web server is gone does not end as if it had been told to."""

import threading
from pathlib import Path

import pytest

from console.api.settings import ApiSettings
from console.settings import StoreSettings
from sentistream.console_process import Console, ConsoleParts
from sentistream.errors import ServiceError


def test_a_web_server_that_ends_by_itself_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = StoreSettings(store_database=tmp_path / "events.db", kafka_bootstrap_servers="127.0.0.1:1")
    parts = ConsoleParts(
        api=ApiSettings(console_port=0),
        store=store,
        kafka=store,
        names=store,
        registry=str(tmp_path / "adapters"),
        model="m",
        groups={"streams": "s", "worker": "w"},
        with_store=False,
    )
    monkeypatch.setattr(Console, "_serve", lambda _: None)
    with pytest.raises(ServiceError, match="the web server ended by itself"):
        Console(parts).run(threading.Event())
