"""A mailbox's domain in the DNS: MX, and DMARC (RFC 5321 5.1, 7505, 7489); spf.py and dkim.py have the other two.

Here because a mail that is signed, allowed and written well still lands in junk when one of the four is wrong, and
answers go nowhere without an MX. It reads records and sends nothing to their hosts.
"""

import re
from collections.abc import Callable, Iterator

from sequencer.doctor.finding import Finding, counted, fail, ok, warn
from sequencer.doctor.lookup import NoSuchName, Resolver, Unanswered
from sequencer.mail.address import registrable_domain

__all__ = ["dmarc", "in_dns", "mx"]

POLICIES = ("none", "quarantine", "reject")
HOSTS_SHOWN = 3


def in_dns(
    resolver: Resolver, domain: str, name: str, where: str, check: Callable[[], Iterator[Finding]]
) -> Iterator[Finding]:
    """What `check` finds if the domain exists; else, and when no server answers, the one line of all its checks."""
    try:
        resolver.exchanges(domain)
    except NoSuchName:
        yield fail("dns", f"{domain} does not exist in the DNS", f"write an address of your own domain at {where}")
        return
    except Unanswered as error:
        mend = "look at /etc/resolv.conf, or ask another server: --dns ADDRESS"
        yield warn("dns", f"{domain} could not be checked: {error}", mend)
        return
    try:
        yield from check()
    except Unanswered as error:
        yield warn(name, f"could not be checked: {error}", "try again; or ask another server: --dns ADDRESS")


def mx(resolver: Resolver, domain: str) -> Iterator[Finding]:
    """Raises Unanswered, NoSuchName."""
    found = resolver.exchanges(domain)
    mend = f"publish  {domain}.  MX  10 HOST.  with the host that your mail provider names"
    if not found:
        if resolver.has_address(domain):
            yield warn("mx", f"no MX record: answers go to the host {domain} itself (RFC 5321 5.1)", mend)
        else:
            yield fail("mx", "no MX record and no address: answers cannot be delivered", mend)
        return
    hosts = [exchange.host for exchange in found]
    if "" in hosts:
        said = "a null MX says that this domain takes no mail, so nobody can answer (RFC 7505)"
        yield fail("mx", said, f'remove  {domain}.  MX  0 "."  and {mend}')
        return
    nowhere = [host for host in hosts if not resolver.has_address(host)]
    if nowhere:
        told = fail if len(nowhere) == len(hosts) else warn
        yield told("mx", f"no address for {', '.join(nowhere)}", "correct the MX record, or give the host an address")
    else:
        more = f" and {len(hosts) - HOSTS_SHOWN} more" if hosts[HOSTS_SHOWN:] else ""
        yield ok("mx", f"{', '.join(hosts[:HOSTS_SHOWN])}{more}")


def dmarc(resolver: Resolver, domain: str) -> Iterator[Finding]:
    """The domain's own record, else the one of its organizational domain (RFC 7489 6.6.3). Raises Unanswered."""
    above = registrable_domain(domain)
    records: list[str] = []
    at = domain
    for at in dict.fromkeys([domain, above]):
        if records := _records(resolver, at):
            break
    start = f'publish  _dmarc.{above}.  TXT  "v=DMARC1; p=none; rua=mailto:dmarc@{above}"'
    if not records:
        said = "there is no DMARC record, which large providers ask of everybody who sends in bulk"
        yield fail("dmarc", said, start)
        return
    if len(records) > 1:
        said = f"there are {len(records)} DMARC records at _dmarc.{at}, so receivers use none"
        yield fail("dmarc", said, f"keep one of them at _dmarc.{at}")
        return
    yield from _judged(records[0], at, at != domain, start)


def _records(resolver: Resolver, domain: str) -> list[str]:
    return [text for text in resolver.texts(f"_dmarc.{domain}") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]


def _judged(record: str, at: str, inherited: bool, start: str) -> Iterator[Finding]:
    parts = (part.partition("=") for part in record.split(";"))
    tags = {name.strip().lower(): value.strip() for name, equals, value in parts if equals}
    policy = (tags.get("sp", "") if inherited else "").lower() or tags.get("p", "").lower()
    reports = [each.strip() for each in tags.get("rua", "").split(",") if each.strip()]
    if policy not in POLICIES and not reports:
        yield fail("dmarc", f"p= must be none, quarantine or reject, so receivers use none of it: {record}", start)
        return
    if policy not in POLICIES:
        yield warn("dmarc", f"p= must be none, quarantine or reject: receivers take it for none: {record}", start)
        return
    from_above = f", from {at}" if inherited else ""
    found = []
    if policy == "none":
        mend = f'when its reports show only your own servers, publish  _dmarc.{at}.  TXT  "{_with_policy(record)}"'
        found.append(warn("dmarc", f"p=none{from_above}: receivers let mail that forges you pass", mend))
    if not any(re.fullmatch(r"mailto:[^@\s]+@[^@\s]+", each, re.IGNORECASE) for each in reports):
        mend = f'publish  _dmarc.{at}.  TXT  "{record.rstrip("; ")}; rua=mailto:dmarc@{at}"'
        found.append(warn("dmarc", "nobody is sent its reports (rua=), so you would not see what fails", mend))
    yield from found
    if not found:
        yield ok("dmarc", f"p={policy}{from_above}, {counted(len(reports), 'address', 'addresses')} for reports")


def _with_policy(record: str) -> str:
    return re.sub(r"\b(s?p)\s*=\s*none\b", r"\1=quarantine", record, flags=re.IGNORECASE)
