"""A DNS server on loopback that answers from a zone written in the test, over UDP.

Real packets rather than a pretended resolver: what NXDOMAIN, an empty answer and a silent server look like is for
dnspython to say. A name below `servfail.test` gets SERVFAIL, one below `silent.test` nothing.
"""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import dns.zone

from sequencer.doctor.lookup import Dns

SERVFAIL, SILENT = dns.name.from_text("servfail.test"), dns.name.from_text("silent.test")


@contextmanager
def zone_server(zone: str, asked: Counter[tuple[str, str]] | None = None) -> Iterator[str]:
    """`zone`: records as a zone file has them, names absolute without their last dot. Yields ADDRESS:PORT.

    `asked` counts the questions, by name and type.
    """
    text = f"$TTL 60\n$ORIGIN .\n{zone}"
    records = dns.zone.from_text(text, origin=".", relativize=False, check_origin=False)

    class Question(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, socket = self.request
            told = dns.message.from_wire(packet)
            question = told.question[0]
            if asked is not None:
                asked[question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)] += 1
            if not question.name.is_subdomain(SILENT):
                socket.sendto(_answer(records, told).to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Question) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def resolver(zone: str, seconds: float = 10.0) -> Iterator[Dns]:
    """The product's resolver, asking a server of this zone; `seconds`: its patience with a silent one."""
    with zone_server(zone) as address:
        yield Dns(address, seconds)


def stub(address: str, seconds: float = 1.0) -> dns.resolver.Resolver:
    """dnspython's resolver, asking this server alone."""
    found = dns.resolver.Resolver(configure=False)
    host, _, port = address.partition(":")
    found.nameservers, found.port, found.timeout, found.lifetime = [host], int(port), seconds, seconds
    return found


def _answer(records: dns.zone.Zone, asked: dns.message.Message) -> dns.message.Message:
    question = asked.question[0]
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    if question.name.is_subdomain(SERVFAIL):
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif not any(name.is_subdomain(question.name) for name in records.nodes):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif (found := records.get_rdataset(question.name, question.rdtype)) is not None:
        answer.answer.append(dns.rrset.from_rdata_list(question.name, found.ttl, list(found)))
    return answer
