"""A name server on loopback that answers from a table, over UDP."""

import socket
import threading
from collections import Counter
from collections.abc import Mapping

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

ASKED_BYTES_MAX = 4096


class NameServer:
    """`records`: (name, type) -> values. A name of which there is no record at all does not exist; the names in
    `silent` are never answered. `asked` counts the questions."""

    def __init__(self, records: Mapping[tuple[str, str], list[str]], silent: frozenset[str] = frozenset()) -> None:
        self._records, self._silent = records, silent
        self.asked: Counter[tuple[str, str]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def resolver(self, lifetime_s: float = 1.0) -> dns.resolver.Resolver:
        """One that asks this server alone."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self._socket.getsockname()[1]
        resolver.timeout = resolver.lifetime = lifetime_s
        return resolver

    def close(self) -> None:
        port = self._socket.getsockname()[1]
        self._socket.sendto(b"", ("127.0.0.1", port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, asker = self._socket.recvfrom(ASKED_BYTES_MAX)
            if not wire:
                return
            question = dns.message.from_wire(wire)
            name, kind = question.question[0].name.to_text(omit_final_dot=True), question.question[0].rdtype
            kind_name = dns.rdatatype.to_text(kind)
            self.asked[name, kind_name] += 1
            if name in self._silent:
                continue
            answer = dns.message.make_response(question)
            if not any(known == name for known, _ in self._records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif values := self._records.get((name, kind_name)):
                answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind_name, *values))
            self._socket.sendto(answer.to_wire(), asker)
