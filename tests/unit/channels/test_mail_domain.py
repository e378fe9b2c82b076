"""Whether a domain takes mail, asked of a real name server on loopback."""

from collections import Counter
from collections.abc import Iterator

import pytest

from sequencer.channels import mail_domain
from sequencer.channels.mail_domain import NO_MAIL, NO_SERVER, NO_SUCH_DOMAIN, MailDomains
from tests.unit.doctor.zone_server import stub, zone_server

ZONE = """
acme.test MX 10 mx1.acme.test
acme.test MX 20 mx2.acme.test
; no MX, but an address: mail goes there (RFC 5321 5.1)
old.test A 192.0.2.1
six.test AAAA 2001:db8::1
; a definite no (RFC 7505)
nomail.test MX 0 .
; there is the name, and nothing that takes mail
parked.test TXT "for sale"
"""


@pytest.fixture
def server() -> Iterator[str]:
    with zone_server(ZONE) as address:
        yield address


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("acme.test", None),
        ("old.test", None),
        ("six.test", None),
        ("nomail.test", NO_MAIL),
        ("parked.test", NO_SERVER),
        ("nowhere.test", NO_SUCH_DOMAIN),
    ],
)
def test_who_takes_mail(server: str, domain: str, reason: str | None) -> None:
    domains = MailDomains(stub(server))
    assert domains([domain]).get(domain) == reason
    assert domains.unanswered == 0


def test_each_domain_is_asked_about_once() -> None:
    asked: Counter[tuple[str, str]] = Counter()
    with zone_server(ZONE, asked) as server:
        domains = MailDomains(stub(server))
        for _ in range(3):
            assert domains({"acme.test", "nowhere.test"}) == {"nowhere.test": NO_SUCH_DOMAIN}
    assert asked == {("acme.test", "MX"): 1, ("nowhere.test", "MX"): 1}


def test_no_answer_refuses_nobody(server: str) -> None:
    domains = MailDomains(stub(server, 0.1))
    assert domains(["silent.test"]) == {}
    assert domains.unanswered == 1


def test_a_dead_name_server_does_not_hold_up_a_long_list() -> None:
    names = [f"{number}.silent.test" for number in range(1_000)]
    asked: Counter[tuple[str, str]] = Counter()
    with zone_server("", asked) as silent:
        domains = MailDomains(stub(silent, 0.05))
        assert domains(names) == {}
    assert domains.unanswered == len(names)
    assert asked.total() <= mail_domain.UNANSWERED_MAX + mail_domain.LOOKUPS_AT_ONCE
