"""Secrets are read once and appear in no text, however a server quotes them."""

import base64
import threading

import pytest

from sequencer.doctor.provider import spf_term
from sequencer.doctor.secret import Secrets
from sequencer.errors import ConfigError


def test_a_reference_is_read_once_by_however_many() -> None:
    asked: list[str] = []

    def read(reference: str) -> str:
        asked.append(reference)
        return f"secret of {reference}"

    secrets = Secrets(read)
    threads = [threading.Thread(target=secrets.of, args=("env:A",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == ["env:A"]
    assert (secrets.of("env:A"), secrets.of("env:B")) == ("secret of env:A", "secret of env:B")


def test_a_missing_secret_is_missed_each_time_and_read_once() -> None:
    asked: list[str] = []

    def read(reference: str) -> str:
        asked.append(reference)
        raise ConfigError(reference, "an environment variable", "none of this name")

    secrets = Secrets(read)
    for _ in range(2):
        with pytest.raises(ConfigError, match="env:A"):
            secrets.of("env:A")
    assert asked == ["env:A"]
    assert secrets.hide("nothing is hidden", "ana") == "nothing is hidden"


def test_no_shape_of_a_secret_is_shown() -> None:
    secrets = Secrets(lambda reference: "canary 7f3a")
    secrets.of("env:A")
    alone = base64.b64encode(b"canary 7f3a").decode()
    login = base64.b64encode(b"\0ana\0canary 7f3a").decode()
    assert secrets.hide(f"no: canary 7f3a {alone} AUTH PLAIN {login}.", "ana") == "no: *** *** AUTH PLAIN ***."


TERMS = [
    # SMTP host, the SPF term that allows it
    ("smtp.gmail.com", "include:_spf.google.com"),
    ("smtp.office365.com", "include:spf.protection.outlook.com"),
    ("email-smtp.eu-west-1.amazonaws.com", "include:amazonses.com"),
    ("smtp.ourco.test", "a:smtp.ourco.test"),
    ("192.0.2.7", "mx"),  # a documentation address counts as private
    ("8.8.8.8", "ip4:8.8.8.8"),
    ("2606:4700::1", "ip6:2606:4700::1"),
    ("127.0.0.1", "mx"),  # a relay on this machine: where it sends from cannot be known
    ("localhost", "mx"),
]


@pytest.mark.parametrize(("host", "term"), TERMS)
def test_the_term_that_allows_a_host(host: str, term: str) -> None:
    assert spf_term(host) == term
