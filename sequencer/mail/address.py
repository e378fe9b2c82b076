"""Mail addresses as keys: one form for matching, a check for import, the registrable domain, the free-mail domains.

It is here because an address decides who is answered, suppressed and counted, and every room must compare it alike.
It asks no DNS, so it does not say whether a domain takes mail; doctor does.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sequencer.mail.kept import compiled

__all__ = [
    "AddressProblem", "check", "is_free_mail", "normalise", "plus_base", "registrable_domain", "written_forms",
]  # fmt: skip


CACHED_MAX = 4096
DOMAIN_CHARS_MAX = 255  # RFC 1035 2.3.4; a longer one is none, and is not kept
# Together within the 254 characters of an address (RFC 5321 4.5.3.1), so that the parts can be checked apart.
PLAIN_DOMAIN_CHARS_MAX = 189
_PLAIN_LOCAL = compiled(r"(?=.{1,64}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")


@dataclass(frozen=True, slots=True)
class AddressProblem:
    """Why an address cannot be written to, as one sentence for a person."""

    text: str

    def __str__(self) -> str:
        return self.text


def normalise(address: str) -> str:
    """The form under which addresses are compared: lower case, domain in ASCII (IDNA), nothing around it.

    Total: what is no address comes back in lower case. The local part is folded too: no provider of note tells `Ana@`
    from `ana@`, although RFC 5321 2.4 would let it.
    """
    text = address.strip().strip("<>").strip().lower()
    local, at, domain = text.rpartition("@")
    return f"{local}@{ascii_domain(domain)}" if at else text


def ascii_domain(domain: str) -> str:
    """The domain in lower case and ASCII (IDNA 2008, UTS 46), without a last dot; not translated where that fails."""
    lowered = domain.strip().lower().rstrip(".")
    return _ascii(lowered) if len(lowered) <= DOMAIN_CHARS_MAX else lowered


def written_forms(address: str) -> tuple[str, ...]:
    """The normalised address, and with its domain in the letters that a person types (IDNA 2008) where that differs."""
    plain = normalise(address)
    local, _, domain = plain.rpartition("@")
    if "xn--" not in domain:
        return (plain,)
    import idna

    try:
        return plain, f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return (plain,)


@lru_cache(maxsize=CACHED_MAX)
def _ascii(lowered: str) -> str:
    if lowered.isascii():
        return lowered
    import idna  # takes as long to load as a mail to read, and few domains need it

    try:
        return idna.encode(lowered, uts46=True).decode("ascii")
    except idna.IDNAError:
        return lowered


def check(address: str) -> str | AddressProblem:
    """The address to write to, or why there is none; without asking the network.

    Stricter than RFC 5322 where that saves a bounce: no quoted local part, no address literal, no non-ASCII local part
    (it would need SMTPUTF8). The domain `test` is let through: it never resolves, and the demo lives in it (RFC 6761).
    """
    local, at, domain = address.strip().rpartition("@")
    if at and _PLAIN_LOCAL.fullmatch(local) and (known := _plain_domain(domain)):
        return f"{local}@{known}"
    return _checked(address.strip())


@lru_cache(maxsize=CACHED_MAX)
def _plain_domain(domain: str) -> str:
    """The domain as `check` returns it, "" if it is not right; a list has many addresses at few domains."""
    if len(domain) > PLAIN_DOMAIN_CHARS_MAX:
        return ""
    found = _checked(f"x@{domain}")
    return "" if isinstance(found, AddressProblem) else found.rpartition("@")[2]


def _checked(address: str) -> str | AddressProblem:
    from email_validator import EmailNotValidError, validate_email  # large, and needed at import alone

    try:
        found = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        return AddressProblem(str(error))
    return found.ascii_email or AddressProblem("The part before the @ must be ASCII.")


def plus_base(address: str) -> str:
    """The normal form without its `+tag` (RFC 5233): at most providers `ana+news@x` and `ana@x` are one mailbox."""
    local, at, domain = normalise(address).rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def registrable_domain(address_or_host: str) -> str:
    """The domain that somebody registered: `ana@mail.acme.co.uk` -> `acme.co.uk`; an IP address or a bare suffix stays.

    Suffixes of two labels come from public_suffixes.txt, which names its source and limits; all others count as one.
    """
    host = address_or_host.rpartition("@")[2].strip("<> ")
    return _registrable(host) if len(host) <= DOMAIN_CHARS_MAX else ascii_domain(host)


@lru_cache(maxsize=CACHED_MAX)
def _registrable(domain: str) -> str:
    host = ascii_domain(domain)
    labels = host.split(".")
    if host.startswith("[") or labels[-1].isdigit():
        return host
    return ".".join(labels[-(_suffix_labels(labels) + 1) :])


def _suffix_labels(labels: list[str]) -> int:
    suffixes = _listed("public_suffixes.txt")
    if ".".join(labels[-2:]) in suffixes or f"*.{labels[-1]}" in suffixes:
        return 2
    return 1


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have an address at exactly this domain, so that two people there are no colleagues."""
    return ascii_domain(domain) in _listed("free_mail_domains.txt")


@lru_cache(maxsize=2)
def _listed(file_name: str) -> frozenset[str]:
    lines = (line.partition("#")[0] for line in Path(__file__).with_name(file_name).read_text("utf-8").splitlines())
    return frozenset(word for line in lines for word in line.split())
