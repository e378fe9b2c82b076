"""A private Dovecot that takes access tokens: signed JWTs (RFC 7519), which it checks itself, their expiry included.

Here because an expired token must be told apart from a wrong one by a server that knows the difference.
"""

import base64
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.mail_servers import Dovecot, dovecot, missing

KEY = b"a key that only the test and its server know"
SETTINGS = """
auth_mechanisms = plain login xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
scope = mail
"""


def token(email: str, lives_s: int = 3600, scope: str = "mail") -> str:
    """A token of this user, valid for `lives_s` from now; less than 0: it has expired."""
    now = int(time.time())
    claims = {"sub": email, "email": email, "scope": scope, "iat": now - 7200, "nbf": now - 7200, "exp": now + lives_s}
    head = {"alg": "HS256", "typ": "JWT"}
    signed = b".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
    return (signed + b"." + _base64url(hmac.new(KEY, signed, hashlib.sha256).digest())).decode()


@contextmanager
def oauth_dovecot(user: str) -> Iterator[Dovecot]:
    """Dovecot for one user, who has no password anybody knows; skips the test where there is none."""
    if reason := missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="oauth-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        place = folder / "keys" / "default" / "HS256"
        place.mkdir(parents=True)
        (place / "default").write_text(base64.b64encode(KEY).decode())
        (folder / "oauth2.conf").write_text(OAUTH2.format(folder=folder))
        with dovecot({user: "nobody knows it"}, SETTINGS.format(folder=folder)) as server:
            yield server


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
