"""The proxy loses exactly what it is told to lose; the broker here is a few lines that answer everything."""

import socket
import socketserver
import struct
import threading
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
    client = socket.create_connection((host, int(port)), timeout=5)
    client.settimeout(0.3)
    return client


def _ask(client: socket.socket, key: int, correlation: int) -> int | None:
    """The answer's correlation id; None where the connection was cut."""
    client.sendall(struct.pack(">ihhi", 8, key, 1, correlation))
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
            with pytest.raises(TimeoutError):
                _ask(client, END_TXN, 2)
    assert broker.seen == ([_PRODUCE] if lost == "request" else [_PRODUCE, END_TXN])
    with _connect(proxy) as client:
        assert _ask(client, END_TXN, 3) == 3
    assert len(proxy.struck_at) == 1
