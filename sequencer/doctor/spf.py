"""SPF: whether a domain's record is there once, can be evaluated within its limits, and forbids strangers (RFC 7208).

A record that breaks a limit is a permanent error at receivers, as bad as none, and nobody is told. It evaluates no
sender's address: which servers a provider sends from is the provider's secret.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from sequencer.doctor.finding import Finding, counted, fail, ok, warn
from sequencer.doctor.lookup import Resolver, Unanswered
from sequencer.doctor.provider import provider_of, spf_term

__all__ = ["LOOKUPS_MAX", "spf"]

LOOKUPS_MAX = 10  # RFC 7208 4.6.4
LOOKUPS_FOLLOWED_MAX = 40  # a record that includes itself ends here
ASKS_DNS = frozenset({"include", "a", "mx", "ptr", "exists"})
MECHANISMS = ASKS_DNS | {"all", "ip4", "ip6"}
NEEDS_VALUE = frozenset({"include", "exists", "ip4", "ip6"})
_TERM = re.compile(r"(?P<sign>[+?~-]?)(?P<name>[a-z][a-z0-9_.-]*)(?P<mark>[:=/]?)(?P<value>.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Term:
    written: str
    sign: str
    name: str
    value: str
    modifier: bool


@dataclass(slots=True)
class _Walk:
    """What following a record found. `cost`: lookups of each term of the domain's own record."""

    lookups: int = 0
    errors: list[str] = field(default_factory=list)
    included: set[str] = field(default_factory=set)
    names_addresses: bool = False
    cost: dict[str, int] = field(default_factory=dict)


def spf(resolver: Resolver, domain: str, smtp_hosts: Collection[str]) -> Iterator[Finding]:
    """`smtp_hosts`: through which the domain's mailboxes send. Raises Unanswered."""
    records = _records(resolver, domain)
    terms = list(dict.fromkeys(spf_term(host) for host in sorted(smtp_hosts)))
    if not records:
        record = " ".join(["v=spf1", *terms, "~all"])
        yield fail(
            "spf", "there is no SPF record: receivers cannot tell your mail from forged mail", _publish(domain, record)
        )
        return
    if len(records) > 1:
        said = f"there are {len(records)} SPF records, so receivers use none (RFC 7208 4.5)"
        yield fail("spf", said, f"remove them all, then {_publish(domain, _merged(sorted(records)))}")
        return
    walk = _Walk()
    ends = _follow(resolver, records[0], walk, own=True)
    problems = [*_problems(domain, records[0], walk, ends), *_unnamed(domain, records[0], smtp_hosts, walk)]
    yield from problems
    if not problems:
        yield ok("spf", f"{records[0]} ({walk.lookups} of {LOOKUPS_MAX} lookups)")


def _records(resolver: Resolver, domain: str) -> list[str]:
    return [text for text in resolver.texts(domain) if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]


def _publish(domain: str, record: str) -> str:
    return f'publish  {domain}.  TXT  "{record}"'


def _merged(records: Collection[str]) -> str:
    """One record that allows what any of them allows, with the strictest ending of theirs."""
    terms = [term for record in records for term in record.split()[1:]]
    endings = {term.lower() for term in terms if _is_all(term)}
    strictest = next((ending for ending in ("-all", "~all") if ending in endings), "~all")
    return " ".join(["v=spf1", *dict.fromkeys(term for term in terms if not _is_all(term)), strictest])


def _is_all(term: str) -> bool:
    return term.lower().lstrip("+?~-") == "all"


def _terms(record: str, walk: _Walk) -> Iterator[_Term]:
    for written in record.split()[1:]:
        found = _TERM.fullmatch(written)
        name = found["name"].lower() if found else ""
        if found and found["mark"] == "=" and not found["sign"]:
            yield _Term(written, "", name, found["value"], modifier=True)
        elif found and name in MECHANISMS and _sound(name, found["mark"], found["value"]):
            value = found["value"] if found["mark"] == ":" else ""
            yield _Term(written, found["sign"] or "+", name, value, modifier=False)
        else:
            walk.errors.append(f'"{written}" is no term of SPF')


def _sound(name: str, mark: str, value: str) -> bool:
    if (name in NEEDS_VALUE and (mark != ":" or not value)) or (value and not mark):
        return False
    if name not in ("ip4", "ip6"):
        return not (name == "all" and mark)
    try:
        return ip_network(value, strict=False).version == int(name[-1])
    except ValueError:
        return False


def _follow(resolver: Resolver, record: str, walk: _Walk, *, own: bool = False) -> str:
    """Count lookups and errors of the record and all it leads to; returns its ending: "-", "~", "?", "+" or ""."""
    ending = redirect = ""
    for term in _terms(record, walk):
        before = walk.lookups
        if term.modifier:
            redirect = term.value if term.name == "redirect" else redirect
        elif ending:
            continue
        elif term.name == "all":
            ending = term.sign
        elif term.name in ASKS_DNS:
            walk.lookups += 1
            walk.names_addresses |= term.name != "include"
            if term.name == "include":
                _lead(resolver, term.value, walk)
        else:
            walk.names_addresses = True
        if own and walk.lookups > before:
            walk.cost[term.written] = walk.lookups - before
    if redirect and not ending:
        walk.lookups += 1
        ending = _lead(resolver, redirect, walk)
    return ending


def _lead(resolver: Resolver, target: str, walk: _Walk) -> str:
    """Follow an include or redirect; its ending."""
    walk.included.add(target.lower().rstrip("."))
    if "%" in target or walk.lookups > LOOKUPS_FOLLOWED_MAX:  # a macro (RFC 7208 7) depends on the mail
        return ""
    try:
        records = _records(resolver, target)
    except Unanswered as error:
        raise Unanswered(f"it leads to {target}: {error}") from None
    if len(records) != 1:
        many = "no SPF record" if not records else f"{len(records)} SPF records"
        walk.errors.append(f"it leads to {target}, which has {many}")
        return ""
    return _follow(resolver, records[0], walk)


def _problems(domain: str, record: str, walk: _Walk, ending: str) -> Iterator[Finding]:
    for error in dict.fromkeys(walk.errors):
        yield fail("spf", f"receivers cannot evaluate it: {error}", f"correct  {record}")
    if walk.lookups > LOOKUPS_MAX:
        costs = ", ".join(f"{term} {n}" for term, n in sorted(walk.cost.items(), key=lambda cost: -cost[1]))
        many = walk.lookups if walk.lookups <= LOOKUPS_FOLLOWED_MAX else f"more than {LOOKUPS_FOLLOWED_MAX}"
        said = f"it asks the DNS {many} times, and {LOOKUPS_MAX} are allowed, so receivers use none of it"
        yield fail("spf", said, f"drop services that no longer send for you, or name their addresses: {costs}")
    mend = _publish(domain, " ".join([*(term for term in record.split() if not _is_all(term)), "~all"]))
    if ending == "+":
        yield fail("spf", "+all lets the whole world send as you", mend)
    elif ending == "?":
        yield warn("spf", "?all says nothing about strangers", mend)
    elif not ending and not walk.errors:
        yield warn("spf", "it does not end with -all or ~all, so it forbids nobody", mend)
    terms = record.lower().split()
    if any(term.lstrip("+?~-").partition(":")[0] == "ptr" for term in terms):
        yield warn("spf", "it uses ptr, which receivers ignore (RFC 7208 5.5)", "replace ptr by a, mx, ip4 or include")
    if late := [term for term in terms[_end(terms) + 1 :] if "=" not in term]:
        said = f"{counted(len(late), 'term')} after all count for nothing: {' '.join(late)}"
        yield warn("spf", said, "move all to the end")


def _end(terms: list[str]) -> int:
    return next((at for at, term in enumerate(terms) if _is_all(term)), len(terms))


def _unnamed(domain: str, record: str, smtp_hosts: Collection[str], walk: _Walk) -> Iterator[Finding]:
    """Providers that send for the domain and are not in its record, unless their addresses may be listed one by one."""
    if walk.names_addresses or walk.errors:
        return
    for host in sorted(smtp_hosts):
        provider = provider_of(host)
        if provider and provider.spf not in walk.included:
            first, *others = record.split()
            said = f"it does not name {provider.name}, through which you send ({host})"
            yield warn("spf", said, _publish(domain, " ".join([first, f"include:{provider.spf}", *others])))
