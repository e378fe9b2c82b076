"""What a login with an OAuth access token says, in IMAP and SMTP alike (XOAUTH2), and what a server says of a bad one.

Google and Microsoft both take it: https://developers.google.com/workspace/gmail/imap/xoauth2-protocol. It opens no
connection and gets no token.
"""

import base64
import binascii
import json

__all__ = ["ERROR_CHARS_MAX", "error_words", "initial_response", "without_token"]

ERROR_CHARS_MAX = 300


def initial_response(username: str, token: str) -> bytes:
    """What the client says first, before Base64."""
    return f"user={username}\1auth=Bearer {token}\1\1".encode()


def error_words(challenge: bytes) -> str:
    """A server that refuses a token says why as JSON in a challenge; here as a line, "" when there is nothing to read.

    `challenge` as it came, in Base64 or decoded.
    """
    text = challenge.strip()
    if not text.startswith(b"{"):
        try:
            text = base64.b64decode(text, validate=True)
        except binascii.Error:
            return ""
    try:
        told = json.loads(text)
    except ValueError:
        return ""
    said = ", ".join(f"{key} {value}" for key, value in told.items()) if isinstance(told, dict) else ""
    return "".join(each for each in said if each.isprintable())[:ERROR_CHARS_MAX]


def without_token(text: str, username: str, token: str) -> str:
    """The text of a server that may quote the login it refuses."""
    for shape in (base64.b64encode(initial_response(username, token)).decode(), token):
        text = text.replace(shape, "***")
    return text
