"""Passwords that somebody writes into a URL: found, so that config.toml refuses them, and masked where one is shown."""

import re
from urllib.parse import unquote_plus, urlsplit

__all__ = ["has_secret", "masked"]

# Parameters of a connection that are secrets themselves, and not the names of files (libpq 34.1.2).
_IN_URL = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})
_BEFORE_HOST = re.compile(r"(://[^:/@\s\"']*):[^@/\s\"']+@")
_PARAMETER = re.compile(r"(?<=[?&])([^=&#\s\"']+)=[^&#\s\"']+")
MASK = "***"


def masked(text: str) -> str:
    """The same text without a password in any URL that stands in it."""
    shown = _BEFORE_HOST.sub(rf"\1:{MASK}@", text)
    return _PARAMETER.sub(lambda found: f"{found[1]}={MASK}" if _is_secret(found[1]) else found[0], shown)


def has_secret(url: str) -> bool:
    """Whether a password stands in the URL, before its host or among its parameters."""
    return any(map(_is_secret, _PARAMETER.findall(url))) or bool(urlsplit(url).password)


def _is_secret(parameter: str) -> bool:
    return unquote_plus(parameter).strip().lower() in _IN_URL
