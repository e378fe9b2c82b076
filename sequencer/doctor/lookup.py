"""Questions to the DNS, as the checks ask them: texts, mail exchanges, whether a host has an address.

A door of its own so that tests can serve zones they wrote. What the answers mean is for spf, dkim and domain to say.
"""

import ipaddress
from typing import NamedTuple, Protocol

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from sequencer.errors import InputError, SequencerError
from sequencer.mail.address import ascii_domain

__all__ = ["Dns", "Exchange", "NoSuchName", "Resolver", "Unanswered"]

QUESTION_S_MAX = 4.0
DNS_PORT = 53


class NoSuchName(SequencerError):
    """NXDOMAIN (RFC 2308 2.1): neither the name nor anything below it exists."""


class Unanswered(SequencerError):
    """Nobody knows: the server was silent, or failed."""


class Exchange(NamedTuple):
    """An MX record; `host` "" is the null MX (RFC 7505)."""

    preference: int
    host: str


class Resolver(Protocol):
    """All of them raise Unanswered."""

    def texts(self, name: str) -> list[str]:
        """TXT records, the strings of each joined (RFC 7208 3.3); none for a name that does not exist."""

    def exchanges(self, name: str) -> list[Exchange]:
        """MX records, the preferred first. Raises NoSuchName."""

    def has_address(self, host: str) -> bool:
        """Whether an A or AAAA record exists."""


class Dns:
    """The system's DNS servers, or the one that is named: `ADDRESS` or `ADDRESS:PORT`."""

    def __init__(self, server: str | None = None, seconds: float = QUESTION_S_MAX) -> None:
        self._seconds = seconds
        self._server = _address(server) if server else None

    def texts(self, name: str) -> list[str]:
        try:
            answer = self._ask(name, dns.rdatatype.TXT)
        except NoSuchName:
            return []
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer if isinstance(record, TXT)]

    def exchanges(self, name: str) -> list[Exchange]:
        records = [record for record in self._ask(name, dns.rdatatype.MX) if isinstance(record, MX)]
        return sorted(Exchange(mx.preference, mx.exchange.to_text(omit_final_dot=True).strip(".")) for mx in records)

    def has_address(self, host: str) -> bool:
        try:
            return any(len(self._ask(host, kind)) > 0 for kind in (dns.rdatatype.A, dns.rdatatype.AAAA))
        except NoSuchName:
            return False

    def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[object]:
        try:
            resolver = self._resolver()
            answer = resolver.resolve(dns.name.from_text(ascii_domain(name)), kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            raise NoSuchName(f"{name} does not exist in the DNS") from None
        except dns.resolver.LifetimeTimeout:
            raise Unanswered(f"no answer within {self._seconds:g} s") from None
        except dns.resolver.NoNameservers:
            raise Unanswered("the DNS server failed (SERVFAIL or refused)") from None
        except dns.resolver.NoResolverConfiguration:
            raise Unanswered("this machine names no DNS server (/etc/resolv.conf)") from None
        except dns.exception.DNSException as error:
            raise Unanswered(str(error) or type(error).__name__) from None
        return list(answer)

    def _resolver(self) -> dns.resolver.Resolver:
        """A new one each time: it is asked from many threads."""
        resolver = dns.resolver.Resolver(configure=self._server is None)
        if self._server:
            resolver.nameservers, resolver.port = [self._server[0]], self._server[1]
        resolver.timeout, resolver.lifetime = self._seconds / 2, self._seconds
        return resolver


def _address(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":") if server.count(":") == 1 or "]:" in server else (server, "", "")
    try:
        number = int(port) if colon else DNS_PORT
        return str(ipaddress.ip_address(host.strip("[]"))), number
    except ValueError:
        raise InputError(f'--dns: "{server}" is no ADDRESS or ADDRESS:PORT, such as 192.0.2.53:5353') from None
