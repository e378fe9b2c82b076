"""The public address: whether prospects can open [public] base_url, which links, polls and unsubscribing need.

One GET of the address itself, no redirect followed: any answer shows that name, network and certificate work. It also
brings the web server's date, beside which our clock is put.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from sequencer.config import Config
from sequencer.doctor.finding import Finding, fail, ok, warn
from sequencer.engine.config_lines import config_place

__all__ = ["WebAnswer", "ask_web", "base_url"]

WEB_S_MAX = 5.0
_PROXY_FAILS = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """`peer`: the IP address that answered; `date`: what the server says the time is (RFC 9110 6.6.1)."""

    status: int
    peer: str
    date: datetime | None


def ask_web(url: str, ca_file: str | None = None) -> WebAnswer:
    """GET it over verified TLS. Raises OSError, http.client.HTTPException, ValueError."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    line = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=WEB_S_MAX, context=context)
    try:
        line.connect()
        peer = str(line.sock.getpeername()[0])
        line.request("GET", parts.path or "/", headers={"User-Agent": "sequencer doctor"})
        answer = line.getresponse()
        return WebAnswer(answer.status, peer, _date(answer.headers.get("Date")))
    finally:
        line.close()


def _date(written: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(written) if written else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def base_url(
    config: Config, ask: Callable[[str], WebAnswer] | None, saw_date: Callable[[str, datetime], None]
) -> Iterator[Finding]:
    """`ask` None: the address is only read, not opened."""
    place = config_place(config, "public", "base_url")
    at = str(place if place.line else config_place(config, "public"))
    url = config.public.base_url
    example = f'write base_url = "https://go.{_domain(config)}" at {at}, and let it lead to [public] host and port'
    if not url:
        yield warn("public address", "none: clicks, opens and polls are off, people unsubscribe by mail", example)
    elif not config.public.links:
        yield fail("public address", f"{url} is not https, or leads only to this machine", example)
    elif ask is None:
        yield ok("public address", f"{url} (not opened)")
    else:
        yield from _opened(config, url, at, ask, saw_date)


def _opened(
    config: Config, url: str, at: str, ask: Callable[[str], WebAnswer], saw_date: Callable[[str, datetime], None]
) -> Iterator[Finding]:
    behind = f"{config.public.host}:{config.public.port}"
    reach = f"see that the name leads to your web server, that it runs, and that it passes on to {behind}"
    try:
        answer = ask(url)
    except ssl.SSLCertVerificationError as error:
        mend = f"give {url} a certificate that browsers trust"
        yield fail("public address", f"{url}: its certificate is not trusted: {error.verify_message}", mend)
        return
    except socket.gaierror:
        yield fail("public address", f"{url}: there is no such host", f"publish its A record, or correct it at {at}")
        return
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        yield fail("public address", f"{url}: {said}", reach)
        return
    if answer.date:
        saw_date(urlsplit(url).hostname or url, answer.date)
    if not ipaddress.ip_address(answer.peer.partition("%")[0]).is_global:
        said = f"{url} leads to {answer.peer} from here, which people elsewhere cannot open"
        yield warn(
            "public address", said, "open it from a phone without your Wi-Fi; publish a public A record if it fails"
        )
    elif answer.status in _PROXY_FAILS:
        said = f"{url} answers {answer.status}: its web server does not reach sequencer"
        yield warn("public address", said, f"start sequencer, and let the web server pass on to {behind}")
    else:
        yield ok("public address", f"{url} answers")


def _domain(config: Config) -> str:
    own = config.company.own_domains or tuple(box.address.rpartition("@")[2] for box in config.mailboxes)
    return own[0] if own else "example.com"
