"""DKIM keys as they are published, made by openssl where their length is what counts."""

import base64
import shutil
import subprocess
from functools import cache

import pytest

from sequencer.doctor.dkim import dkim, rsa_bits
from sequencer.doctor.finding import Finding
from tests.unit.doctor.zone_server import resolver

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
AT = "config.toml:7"
ED25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8463 A.2


@cache
def key(bits: int, form: str = "-pubout") -> str:
    """Base64 of a public key; `-RSAPublicKey_out` is the bare form that RFC 6376 names."""
    made = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True)
    command = ["openssl", "rsa", form, "-outform", "DER"]
    public = subprocess.run(command, input=made.stdout, check=True, capture_output=True)
    return base64.b64encode(public.stdout).decode()


def record(name: str, text: str) -> str:
    """A TXT record cut into strings of 255 bytes at most, as servers keep them."""
    strings = " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250) or [0])
    return f"{name}._domainkey.ourco.test TXT {strings}\n"


def found(zone: str, selector: str | None) -> Finding:
    with resolver(f"ourco.test MX 10 mx.ourco.test\n{zone}") as dns:
        (only,) = dkim(dns, "ourco.test", selector, AT)
    return only


@pytest.mark.parametrize("form", ["-pubout", "-RSAPublicKey_out"])
@pytest.mark.parametrize("bits", [512, 1024, 2048])
def test_the_length_of_a_key_is_read(bits: int, form: str) -> None:
    assert rsa_bits(key(bits, form)) == bits


@pytest.mark.parametrize("text", ["", "!", "AAAA", "MAA=", ED25519, "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB"])
def test_what_is_no_rsa_key_has_no_length(text: str) -> None:
    assert rsa_bits(text) is None


def test_a_key_cut_anywhere_is_no_key() -> None:
    whole = base64.b64decode(key(1024))
    assert {rsa_bits(base64.b64encode(whole[:end]).decode()) for end in range(len(whole))} == {None}


CASES: list[tuple[str, str, str]] = [
    # what stands before p=, status, what is said
    ("v=DKIM1; k=rsa; ", "ok", "selector s1: RSA of 2048 bits"),
    ("", "ok", "RSA of 2048 bits"),  # every tag but p has a default
    ("v=DKIM1;h=sha1:sha256;s=email;", "ok", "RSA of 2048 bits"),
    ("v=DKIM1; t=y:s; ", "warn", "only testing"),
    ("v=DKIM2; ", "fail", "v=DKIM2"),
    ("v=DKIM1; s=tlsrpt; ", "fail", "not for mail"),
    ("v=DKIM1; h=sha1; ", "fail", "does not allow sha256"),
]


@pytest.mark.parametrize(("tags", "status", "said"), CASES)
def test_the_tags_of_a_record(tags: str, status: str, said: str) -> None:
    only = found(record("s1", f"{tags}p={key(2048)}"), "s1")
    assert (only.status, said in only.text) == (status, True)
    assert bool(only.mend) == (status != "ok")


def test_short_keys() -> None:
    weak = found(record("s1", f"v=DKIM1; p={key(1024)}"), "s1")
    assert (weak.status, "1024 bits, 2048 are advised" in weak.text) == ("warn", True)
    refused = found(record("s1", f"v=DKIM1; p={key(512)}"), "s1")
    assert (refused.status, "512 bits, which receivers refuse" in refused.text) == ("fail", True)


def test_keys_that_sign_nothing() -> None:
    revoked = found(record("s1", "v=DKIM1; p="), "s1")
    assert (revoked.status, "revoked" in revoked.text, AT in revoked.mend) == ("fail", True, True)
    cut = found(record("s1", f"v=DKIM1; p={key(2048)[:200]}"), "s1")
    assert (cut.status, "cut short" in cut.text) == ("fail", True)
    absent = found("", "s1")
    assert (absent.status, absent.text) == ("fail", "no key at s1._domainkey.ourco.test")
    assert f"correct dkim_selector at {AT}" in absent.mend
    both = found(record("s1", f"p={key(2048)}") + record("s1", "p="), "s1")
    assert (both.status, "2 keys" in both.text) == ("fail", True)
    young = found(record("s1", f"v=DKIM1; k=ed25519; p={ED25519}"), "s1")
    assert (young.status, "Ed25519" in young.text) == ("warn", True)


def test_without_a_selector_common_ones_are_tried_and_the_line_says_so() -> None:
    nothing = found('other._domainkey.ourco.test TXT "p=x"\n', None)
    assert nothing.status == "warn"
    assert "no key under any common selector (google, selector1, selector2, …)" in nothing.text
    assert f'dkim_selector = "…" at {AT}' in nothing.mend
    # The best of them counts: an old key that was revoked is nobody's business.
    zone = record("selector1", "v=DKIM1; p=") + record("k1", f"v=DKIM1; p={key(2048)}")
    best = found(zone, None)
    assert best.status == "ok"
    assert best.text.startswith("selector k1: RSA of 2048 bits; found by trying common names")


def test_a_text_that_answers_every_name_is_no_key() -> None:
    assert found(record("google", "v=spf1 -all"), None).status == "warn"
