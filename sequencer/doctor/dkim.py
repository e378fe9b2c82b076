"""DKIM: whether the key that signs a domain's mail is published, not revoked and long enough (RFC 6376, 8301, 8463).

The provider signs, so only the public half can be looked at. Which selector it signs with stands in config.toml; else
the names that providers commonly use are tried, and the line says so. It verifies no signature.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from sequencer.doctor.finding import Finding, fail, ok, warn
from sequencer.doctor.lookup import Resolver

__all__ = ["COMMON_SELECTORS", "dkim", "rsa_bits"]

# Google, Microsoft, Mailchimp and Mandrill, SendGrid, Fastmail, Proton, Zoho, Mailgun, Postmark, hosting panels.
COMMON_SELECTORS = (
    "google", "selector1", "selector2", "default", "dkim", "mail", "k1", "k2", "k3", "mandrill", "s1", "s2", "fm1",
    "fm2", "fm3", "protonmail", "protonmail2", "zoho", "zmail", "mg", "mx", "pic", "pm", "smtp", "key1", "sig1",
)  # fmt: skip
BITS_MIN, BITS_GOOD = 1024, 2048  # RFC 8301 3.2
_SHOWN = 3


def dkim(resolver: Resolver, domain: str, selector: str | None, where: str) -> Iterator[Finding]:
    """`where`: file and line at which the selector is written, or would be. Raises Unanswered."""
    if selector is not None:
        yield _found(selector, domain, _keys(resolver, selector, domain), where)
        return
    tried = [(name, keys) for name in COMMON_SELECTORS if (keys := _keys(resolver, name, domain))]
    if not tried:
        said = f"no key under any common selector ({', '.join(COMMON_SELECTORS[:_SHOWN])}, …), and none is configured"
        mend = (
            "switch DKIM on at your mail provider and publish the record it gives you; then write "
            f'dkim_selector = "…" at {where} (the s= of DKIM-Signature in a mail you sent)'
        )
        yield warn("dkim", said, mend)
        return
    findings = [_found(name, domain, keys, where) for name, keys in tried]
    best = min(findings, key=lambda finding: ("ok", "warn", "fail").index(finding.status))
    guessed = f"{best.text}; found by trying common names: dkim_selector at {where} would name yours"
    yield Finding(best.name, best.status, guessed, best.mend)


def _keys(resolver: Resolver, selector: str, domain: str) -> list[str]:
    """The records at the selector that are meant as keys; some domains answer every name with a text of their own."""
    texts = resolver.texts(f"{selector}._domainkey.{domain}")
    return [text for text in texts if "p" in _tags(text)]


def _tags(record: str) -> dict[str, str]:
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, equals, value in parts if equals}


def _found(selector: str, domain: str, keys: list[str], where: str) -> Finding:
    at = f"{selector}._domainkey.{domain}"
    publish = f'publish the record that your mail provider gives you:  {at}.  TXT  "v=DKIM1; k=rsa; p=…"'
    if not keys:
        return fail("dkim", f"no key at {at}", f"{publish}, or correct dkim_selector at {where}")
    if len(keys) > 1:
        return fail("dkim", f"{len(keys)} keys at {at}: receivers may take either", "keep the one you sign with")
    tags = _tags(keys[0])
    if not tags["p"]:
        mend = f"sign with a new key under another selector and name it: dkim_selector at {where}"
        return fail("dkim", f"the key at {at} is revoked (p= is empty)", mend)
    if wrong := _misused(tags):
        return fail("dkim", f"the key at {at} {wrong}", publish)
    kind = tags.get("k", "rsa").lower()
    if kind == "ed25519":
        mend = "sign with an RSA key of 2048 bits as well, under a second selector"
        return warn("dkim", f"selector {selector}: Ed25519, which many receivers do not check yet (RFC 8463)", mend)
    bits = rsa_bits(tags["p"]) if kind == "rsa" else None
    if bits is None:
        return fail("dkim", f"the key at {at} cannot be read: it is cut short or mistyped", publish)
    if bits < BITS_MIN:
        return fail("dkim", f"selector {selector}: RSA of {bits} bits, which receivers refuse (RFC 8301)", _longer())
    if bits < BITS_GOOD:
        return warn("dkim", f"selector {selector}: RSA of {bits} bits, {BITS_GOOD} are advised (RFC 8301)", _longer())
    if "y" in tags.get("t", "").split(":"):
        said = f"selector {selector}: t=y says that you are only testing, so receivers may ignore the signature"
        return warn("dkim", said, f"remove t=y from the record at {at}")
    return ok("dkim", f"selector {selector}: RSA of {bits} bits")


def _longer() -> str:
    return f"have your mail provider make a key of {BITS_GOOD} bits, and publish it under a new selector"


def _misused(tags: dict[str, str]) -> str:
    """What makes receivers ignore the key altogether (RFC 6376 3.6.1), "" for nothing."""
    if tags.get("v", "DKIM1") != "DKIM1":
        return f"has v={tags['v']}, which must be DKIM1"
    if not {"*", "email"} & set(tags.get("s", "*").split(":")):
        return f"is not for mail (s={tags['s']})"
    if "sha256" not in tags.get("h", "sha256").split(":"):
        return f"does not allow sha256 (h={tags['h']}), and nothing else is accepted (RFC 8301)"
    return ""


def rsa_bits(encoded: str) -> int | None:
    """The length of the modulus; None for what is no RSA key.

    `encoded`: Base64 of a SubjectPublicKeyInfo, or of the bare RSAPublicKey that RFC 6376 3.6.1 names.
    """
    try:
        outer = _Der(base64.b64decode(encoded, validate=True)).inside(0x30)
        if outer.tag == 0x30:  # the algorithm's name stands before the key
            outer.skip()
            outer = _Der(outer.inside(0x03).content[1:]).inside(0x30)
        return int.from_bytes(outer.inside(0x02).content).bit_length()
    except (binascii.Error, ValueError, IndexError):
        return None


class _Der:
    """The little of X.690 that finds a key's modulus: tag, length, content."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    @property
    def tag(self) -> int:
        return self.content[0]

    def inside(self, tag: int) -> "_Der":
        """The content of the first value, which must have this tag. Raises ValueError, IndexError."""
        start, end = self._span()
        if self.tag != tag or end > len(self.content):
            raise ValueError(f"tag {self.tag:#x} or length {end}")
        return _Der(self.content[start:end])

    def skip(self) -> None:
        """Leave the first value out."""
        self.content = self.content[self._span()[1] :]

    def _span(self) -> tuple[int, int]:
        length, start = self.content[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(self.content[2:start])
        return start, start + length
