"""The proxy loses exactly what it is told to lose; the broker here is a few lines that answer everything."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from sentistream.embedded.ports import is_free
from tests.faults.kafka_proxy import END_TXN, KafkaProxy, Lost, Wire

_PRODUCE = 0


class _Broker(socketserver.ThreadingTCPServer):
    """Answers each request with its correlation id, and remembers which API keys it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[int] = []
        super().__init__(("127.0.0.1", 0), _Answers)


class _Answers(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Broker)
        while head := self.rfile.read(4):
            key, _, correlation = struct.unpack_from(">hhi", self.rfile.read(int.from_bytes(head, "big")))
            self.server.seen.append(key)
            self.wfile.write(struct.pack(">ii", 4, correlation))


@pytest.fixture
def broker() -> Iterator[_Broker]:
    with _Broker() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(broker: _Broker) -> Iterator[KafkaProxy]:
    port = next(port for port in range(21_000, 32_000) if is_free(port))
    with KafkaProxy(port, broker.server_address[1]) as one:
        yield one


def _connect(proxy: KafkaProxy) -> socket.socket:
    host, _, port = proxy.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def _send(client: socket.socket, key: int, correlation: int) -> None:
    client.sendall(struct.pack(">ihhi", 8, key, 1, correlation))


def _ask(client: socket.socket, key: int, correlation: int) -> int | None:
    """The answer's correlation id; None where the connection was cut."""
    _send(client, key, correlation)
    try:
        answer = client.recv(8)
    except ConnectionResetError:
        return None
    return struct.unpack(">ii", answer)[1] if answer else None


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("wire", ["cut", "silent"])
def test_it_loses_one_request_or_one_answer(broker: _Broker, proxy: KafkaProxy, lost: Lost, wire: Wire) -> None:
    proxy.lose(END_TXN, lost, wire)
    with _connect(proxy) as client:
        assert _ask(client, _PRODUCE, 1) == 1
        if wire == "cut":
            assert _ask(client, END_TXN, 2) is None
        else:
            _send(client, END_TXN, 2)
            deadline = time.monotonic() + 60
            while not proxy.struck_at and time.monotonic() < deadline:
                time.sleep(0.01)
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(8)
    with _connect(proxy) as client:
        assert _ask(client, END_TXN, 3) == 3
    assert broker.seen == [_PRODUCE, *([END_TXN] if lost == "answer" else []), END_TXN]
    assert len(proxy.struck_at) == 1
