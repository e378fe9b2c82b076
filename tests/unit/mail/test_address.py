"""Addresses as keys: equal ones compare equal, and nothing is counted as one company that is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.mail import address as address_module
from sequencer.mail.address import (
    AddressProblem,
    _ascii,
    ascii_domain,
    check,
    is_free_mail,
    normalise,
    plus_base,
    registrable_domain,
)


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("Ana@Acme.Test", "ana@acme.test"),
        ("  <ana@acme.test> ", "ana@acme.test"),
        ("ana@acme.test.", "ana@acme.test"),  # the root's dot
        ("ana@Bücher.test", "ana@xn--bcher-kva.test"),
        ("ana@xn--bcher-kva.test", "ana@xn--bcher-kva.test"),
        ("ÀNA@acme.test", "àna@acme.test"),
        ("Not An Address", "not an address"),
        ('"a@b"@acme.test', '"a@b"@acme.test'),
        ("ana@\u2028", "ana@"),
        ("ana@" + "é" * 300, "ana@" + "é" * 300),  # no valid domain: kept as it is
        ("", ""),
    ],
)
def test_normalise(address: str, normal: str) -> None:
    assert normalise(address) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("jo@acme.test", "jo@acme.test"),  # never resolves, but the demo lives there
        (" Jo.B+x@ACME.com ", "Jo.B+x@acme.com"),
        ("jo@bücher.de", "jo@xn--bcher-kva.de"),
    ],
)
def test_good_addresses(address: str, written: str) -> None:
    assert check(address) == written


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jo",
        "jo@",
        "@acme.com",
        "jo@@acme.com",
        "jo@acme",  # no top level
        "jo@localhost",
        "jo@[127.0.0.1]",
        '"jo b"@acme.com',
        "jo..b@acme.com",
        "jö@acme.com",
        "jo@acme.com\nBcc: eve@evil.com",
        "jo@acme.com, bo@acme.com",
        "jo@\ud800.com",
        "j" * 65 + "@acme.com",
    ],
)
def test_bad_addresses_say_why(address: str) -> None:
    problem = check(address)
    assert isinstance(problem, AddressProblem)
    assert str(problem).endswith(".")


@pytest.mark.parametrize(
    ("address", "base"),
    [("Ana+News@acme.test", "ana@acme.test"), ("ana@acme.test", "ana@acme.test"), ("+x@acme.test", "+x@acme.test")],
)
def test_plus_base(address: str, base: str) -> None:
    assert plus_base(address) == base


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("ana@mail.acme.com", "acme.com"),
        ("acme.com", "acme.com"),
        ("a.b.acme.co.uk", "acme.co.uk"),
        ("acme.com.br", "acme.com.br"),
        ("www.acme.uk.com", "acme.uk.com"),
        ("x.acme.foo.bd", "acme.foo.bd"),  # every second level of bd is a suffix
        ("co.uk", "co.uk"),
        ("Mail.Bücher.DE.", "xn--bcher-kva.de"),
        ("localhost", "localhost"),
        ("ana@[10.0.0.1]", "[10.0.0.1]"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("domain", "free"),
    [
        ("gmail.com", True),
        ("GMX.de", True),
        ("yahoo.co.jp", True),
        ("acme.com", False),
        ("mail.acme.com", False),
        ("notgmail.com", False),
        ("corp.gmail.com", False),  # exact, not by suffix
        ("", False),
    ],
)
def test_free_mail(domain: str, free: bool) -> None:
    assert is_free_mail(domain) is free


def test_ascii_domain_never_raises() -> None:
    for domain in ("\ud800", "a" * 300, "xn--\u00e9", "..é..", "\u0130", "-é-", "é\x00"):
        assert isinstance(ascii_domain(domain), str)


def test_what_is_too_long_for_a_domain_stays_as_it_is() -> None:
    """Not kept for the next time either: a few thousand of them would take all memory."""
    long = "É" * 60_000
    known = _ascii.cache_info().currsize
    assert ascii_domain(long) == long.lower()
    assert normalise(f"Jo@{long}") == f"jo@{long.lower()}"
    assert registrable_domain(f"jo@{long}") == long.lower()
    assert _ascii.cache_info().currsize == known


LOCALS = st.text("aZ0+-_.'!é ", min_size=0, max_size=70)
DOMAINS = st.sampled_from(
    [
        "acme.test",
        "Acme.TEST",
        "bücher.test",
        "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + ".test",
        "acme",
        "-a.test",
        "",
    ]
)


@given(LOCALS, DOMAINS)
@settings(max_examples=300, deadline=None)
def test_a_domain_that_was_checked_before_changes_no_verdict(local: str, domain: str) -> None:
    assert check(f"{local}@{domain}") == address_module._checked(f"{local}@{domain}".strip())
