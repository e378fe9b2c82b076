"""How a mailbox logs in, as config.toml says it: a password or a token, by reference alone."""

import pytest

from sequencer.app import imap_server, smtp_server
from sequencer.config import MailboxSection, parse
from sequencer.errors import ConfigError

MAILBOX = """
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "UTC"
[[mailboxes]]
address = "ana@ourco.test"
rep = "ana"
timezone = "UTC"
smtp = {{ host = "smtp.test", port = 587, security = "starttls", {login} }}
imap = {{ host = "imap.test", port = 993, security = "tls", {login} }}
"""


def section(login: str) -> MailboxSection:
    (box,) = parse(MAILBOX.format(login=login)).mailboxes
    return box


REFUSED: list[tuple[str, str]] = [
    # what is written, what is said of it
    ('auth = "xoauth2"', 'auth = "xoauth2" needs token'),
    ('token = "cmd:mail-token"', 'token needs auth = "xoauth2"'),
    ('auth = "xoauth2", token = "cmd:mail-token", password = "env:PW"', "remove password"),
    ('auth = "xoauth2", token = "ya29.canary"', "itself is never written here"),
    ('username = "ana", password = "canary"', "itself is never written here"),
    ('auth = "login", password = "env:PW"', "'password' or 'xoauth2'"),
]


@pytest.mark.parametrize(("login", "said"), REFUSED)
def test_what_does_not_fit_is_told_with_its_line(login: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        section(login)
    assert said in str(raised.value)
    assert "config.toml:10" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_token_logs_in_as_the_address_unless_another_user_is_named() -> None:
    for login, username in (("", "ana@ourco.test"), ('username = "shared@ourco.test",', "shared@ourco.test")):
        box = section(f'{login} auth = "xoauth2", token = "cmd:mail-token"')
        assert box.imap is not None
        asked: list[tuple[str, str]] = []

        def token_of(reference: str, refused: str, asked: list[tuple[str, str]] = asked) -> str:
            asked.append((reference, refused))
            return "token"

        for server in (smtp_server(box.smtp, box.address, token_of), imap_server(box.imap, box, token_of)):
            assert (server.username, server.password) == (username, None)
            assert server.token is not None
            assert server.token("old") == "token"
        assert asked == [("cmd:mail-token", "old")] * 2


def test_one_folder_without_brackets_is_told_how_a_list_is_written() -> None:
    with pytest.raises(ConfigError, match=r"also_read: must be a list in brackets, found 'Customers'"):
        parse(MAILBOX.format(login='username = "ana"') + 'also_read = "Customers"\n')
