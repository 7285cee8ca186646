"""All processes behind one address: a name of compose or of a headless Service stands for every replica."""

import socket
from dataclasses import dataclass, field
from typing import Final

import httpx
import structlog

from console.api.metrics_page import Page, parse

log = structlog.get_logger()

_TIMEOUT_S: Final = 2.0
_MOST_BYTES: Final = 4 << 20
#: Straight to an address of the network, whatever proxy the environment names.
_NO_PROXY: Final = {"http://": None, "https://": None}


@dataclass(frozen=True, slots=True)
class Replica:
    """One process.

    Attributes:
        address: as it was set.
        ip: where this one is; empty where the address' name is not known.
        is_alone: the name stands for no other: it is asked by the name itself.
    """

    address: str
    ip: str = ""
    # One that gets company is the same one still.
    is_alone: bool = field(default=True, compare=False)

    def read(self) -> Page | None:
        """Its page; None where it does not answer with one."""
        try:
            answer = self._get()
            answer.raise_for_status()
            return parse(answer.text[:_MOST_BYTES])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.debug("metrics_unreadable", address=self.address, ip=self.ip, error=type(error).__name__)
            return None

    def _get(self) -> httpx.Response:
        if self.is_alone:
            return httpx.get(self.address, timeout=_TIMEOUT_S, follow_redirects=False)
        named = httpx.URL(self.address)
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, mounts=_NO_PROXY) as client:
            return client.get(
                named.copy_with(host=self.ip),
                headers={"Host": named.netloc.decode()},
                # The certificate is the name's.
                extensions={"sni_hostname": named.host},
            )


def replicas(address: str) -> tuple[Replica, ...]:
    """Who is behind an address; itself alone where its name has one IP address, or none."""
    try:
        url = httpx.URL(address)
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, httpx.InvalidURL):
        return (Replica(address),)
    # A process may have an address of each family: they are counted in one of the two.
    by_family = [
        sorted({str(where[0]) for kind, *_, where in found if kind == family})
        for family in (socket.AF_INET, socket.AF_INET6)
    ]
    most = max(by_family, key=len)
    return tuple(Replica(address, ip, is_alone=len(most) == 1) for ip in most) or (Replica(address),)
