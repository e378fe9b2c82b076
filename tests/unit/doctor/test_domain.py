"""MX and DMARC as zones have them, and domains that nobody answers for."""

import pytest

from sequencer.doctor.domain import dmarc, in_dns, mx
from sequencer.doctor.finding import Finding
from sequencer.doctor.lookup import Dns, Exchange, NoSuchName, Unanswered
from sequencer.errors import InputError
from tests.unit.doctor.zone_server import resolver

HOSTS = "mx.ourco.test A 192.0.2.1\nmx6.ourco.test AAAA 2001:db8::1\n"

MX: list[tuple[str, str, str]] = [
    # zone, status, what is said
    ("ourco.test MX 10 mx.ourco.test\n", "ok", "mx.ourco.test"),
    ("ourco.test MX 20 mx.ourco.test\nourco.test MX 10 mx6.ourco.test\n", "ok", "mx6.ourco.test, mx.ourco.test"),
    ("ourco.test MX 10 mx.ourco.test\nourco.test MX 20 gone.ourco.test\n", "warn", "no address for gone.ourco.test"),
    ("ourco.test MX 10 gone.ourco.test\n", "fail", "no address for gone.ourco.test"),
    ("ourco.test MX 0 .\n", "fail", "null MX"),
    ("ourco.test A 192.0.2.9\n", "warn", "no MX record: answers go to the host ourco.test itself"),
    ('ourco.test TXT "v=spf1 -all"\n', "fail", "no MX record and no address"),
]


@pytest.mark.parametrize(("zone", "status", "said"), MX)
def test_mx(zone: str, status: str, said: str) -> None:
    with resolver(HOSTS + zone) as dns:
        (only,) = mx(dns, "ourco.test")
    assert (only.status, said in only.text) == (status, True)
    assert bool(only.mend) == (status != "ok")


DMARC: list[tuple[str, list[tuple[str, str]]]] = [
    # zone, (status, what is said) of each finding for mail.ourco.test
    ('_dmarc.mail.ourco.test TXT "v=DMARC1; p=reject; rua=mailto:d@x.test"\n', [("ok", "p=reject, 1 address")]),
    # the organizational domain's, where its sp= holds for domains below
    ('_dmarc.ourco.test TXT "v=DMARC1;p=reject;rua=mailto:d@x.test"\n', [("ok", "p=reject, from ourco.test")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=reject; sp=none; rua=mailto:d@x.test"\n', [("warn", "p=none, from ourco")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=none; rua=mailto:d@x.test"\n', [("warn", "p=none")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=quarantine"\n', [("warn", "nobody is sent its reports")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=none; rua=d@x.test"\n', [("warn", "p=none"), ("warn", "nobody is sent")]),
    # RFC 7489 6.6.3: without a policy, rua= makes it p=none, else it is no record
    ('_dmarc.ourco.test TXT "v=DMARC1; p=nope; rua=mailto:d@x.test"\n', [("warn", "take it for none")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=nope"\n', [("fail", "p= must be")]),
    ('_dmarc.ourco.test TXT "v=DMARC1; p=none"\n_dmarc.ourco.test TXT "v=DMARC1; p=reject"\n', [("fail", "2 DMARC")]),
    ('_dmarc.ourco.test TXT "google-site-verification=x"\n', [("fail", "no DMARC record")]),
    ('_dmarc.ourco.test TXT "v=DMARC12; p=none"\n', [("fail", "no DMARC record")]),
]


@pytest.mark.parametrize(("zone", "expected"), DMARC)
def test_dmarc(zone: str, expected: list[tuple[str, str]]) -> None:
    with resolver(HOSTS + zone) as dns:
        found = list(dmarc(dns, "mail.ourco.test"))
    assert [(finding.status, said in finding.text) for finding, (_, said) in zip(found, expected, strict=True)] == [
        (status, True) for status, _ in expected
    ]


def test_a_dmarc_mend_is_the_record_to_publish() -> None:
    with resolver(HOSTS + '_dmarc.ourco.test TXT "v=DMARC1; p=none; sp=none; adkim=s;"\n') as dns:
        policy, reports = dmarc(dns, "ourco.test")
        (start,) = dmarc(dns, "other.test")
    assert policy.mend.endswith('publish  _dmarc.ourco.test.  TXT  "v=DMARC1; p=quarantine; sp=quarantine; adkim=s;"')
    expected = "v=DMARC1; p=none; sp=none; adkim=s; rua=mailto:dmarc@ourco.test"
    assert reports.mend == f'publish  _dmarc.ourco.test.  TXT  "{expected}"'
    assert start.mend == 'publish  _dmarc.other.test.  TXT  "v=DMARC1; p=none; rua=mailto:dmarc@other.test"'


def through(dns: Dns, domain: str) -> list[Finding]:
    return list(in_dns(dns, domain, "mx", "config.toml:9", lambda: mx(dns, domain)))


def test_a_domain_that_is_not_there_is_one_line_for_all_its_checks() -> None:
    with resolver(HOSTS) as dns:
        (only,) = through(dns, "nowhere.test")
    assert (only.name, only.status, only.text) == ("dns", "fail", "nowhere.test does not exist in the DNS")
    assert "config.toml:9" in only.mend


@pytest.mark.parametrize("domain", ["a.servfail.test", "a.silent.test"])
def test_a_dns_server_in_trouble_judges_nobody(domain: str) -> None:
    with resolver(HOSTS, seconds=0.4) as dns:
        (only,) = through(dns, domain)
    assert (only.name, only.status) == ("dns", "warn")
    assert "could not be checked" in only.text
    assert "--dns" in only.mend


def test_what_fails_further_on_is_told_by_its_check() -> None:
    with resolver("ourco.test MX 10 mx.servfail.test\n") as dns:
        (only,) = through(dns, "ourco.test")
    assert (only.name, only.status) == ("mx", "warn")


def test_what_the_dns_says() -> None:
    long = " ".join(f'"{letter * 200}"' for letter in "ab")
    with resolver(f'{HOSTS}x.test TXT {long}\nx.test TXT "é"\n'
                  "xn--bcher-kva.test MX 7 mx.ourco.test\n") as dns:  # fmt: skip
        assert sorted(dns.texts("x.test"), key=len)[-1] == "a" * 200 + "b" * 200
        assert dns.texts("ourco.test") == dns.texts("nowhere.test") == []
        assert dns.exchanges("bücher.test") == [Exchange(7, "mx.ourco.test")]
        assert (dns.has_address("mx6.ourco.test"), dns.has_address("x.test")) == (True, False)
        with pytest.raises(NoSuchName):
            dns.exchanges("nowhere.test")
        for unusable in ("a" * 64 + ".test", "a..test"):
            with pytest.raises(Unanswered):
                dns.exchanges(unusable)


@pytest.mark.parametrize("written", ["dns.example.com", "127.0.0.1:dns", ""])
def test_a_dns_server_is_named_by_its_address(written: str) -> None:
    if not written:
        Dns(None)
        return
    with pytest.raises(InputError, match="ADDRESS"):
        Dns(written)
