"""XOAUTH2: the exact first words, and a server's reasons as a person can read them."""

import base64

import pytest

from sequencer.mail.xoauth2 import ERROR_CHARS_MAX, error_words, initial_response, without_token

# The example of Google's page on XOAUTH2
GOOGLES = (
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cB"
    "AQ=="
)
GMAIL = b'{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}'


def test_the_first_words_are_those_of_the_standard_example() -> None:
    said = initial_response("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert base64.b64encode(said).decode() == GOOGLES


CHALLENGES: list[tuple[bytes, str]] = [
    # as it comes, what is told
    (GMAIL, "status 401, schemes bearer mac, scope https://mail.google.com/"),
    (base64.b64encode(GMAIL), "status 401, schemes bearer mac, scope https://mail.google.com/"),
    (base64.b64encode(b'{"error":"line\\nbreak \\u001b[31m"}'), "error linebreak [31m"),
    (b"", ""),
    (b"not Base64!", ""),
    (base64.b64encode(b"no JSON"), ""),
    (base64.b64encode(b'["a list"]'), ""),
    (base64.b64encode(b"\xff\xfe"), ""),
]


@pytest.mark.parametrize(("challenge", "told"), CHALLENGES)
def test_the_reason_of_a_refusal(challenge: bytes, told: str) -> None:
    assert error_words(challenge) == told


def test_a_reason_without_end_is_cut() -> None:
    assert len(error_words(b'{"status":"' + b"x" * 5000 + b'"}')) == ERROR_CHARS_MAX


def test_a_quoted_login_is_hidden() -> None:
    said = base64.b64encode(initial_response("ana", "canary")).decode()
    assert without_token(f"no: {said}, token canary", "ana", "canary") == "no: ***, token ***"
