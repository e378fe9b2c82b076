"""Which folders are read, as the large providers list theirs."""

import pytest

from sequencer.core.ports import FolderRole
from sequencer.errors import InboxBroken
from sequencer.inbound.folders import Folder, role_by_name, special_folders

Listing = list[tuple[tuple[bytes, ...], bytes | None, bytes | str]]


def listing(*names: str, delimiter: bytes = b"/") -> Listing:
    return [((rb"\HasNoChildren",), delimiter, name) for name in names]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        # nothing listed at all: INBOX always exists
        ([], ["INBOX"]),
        # the case of INBOX is free, and it is read once
        (listing("Inbox"), ["INBOX"]),
        # Gmail: its folders tell what they are, in any language; the parent cannot be read
        (
            [
                ((rb"\HasNoChildren",), b"/", "INBOX"),
                ((rb"\HasChildren", rb"\Noselect"), b"/", "[Gmail]"),
                ((rb"\All", rb"\HasNoChildren"), b"/", "[Gmail]/Todos"),
                ((rb"\HasNoChildren", rb"\Junk"), b"/", "[Gmail]/Spam"),
                ((rb"\HasNoChildren", rb"\Sent"), b"/", "[Gmail]/Enviados"),
                ((rb"\HasNoChildren", rb"\Trash"), b"/", "[Gmail]/Papelera"),
                ((rb"\Drafts", rb"\HasNoChildren"), b"/", "[Gmail]/Borradores"),
            ],
            ["INBOX", "[Gmail]/Spam", "[Gmail]/Todos", "[Gmail]/Papelera", "[Gmail]/Enviados"],
        ),
        # Exchange without SPECIAL-USE
        (
            listing("INBOX", "Sent Items", "Junk Email", "Deleted Items", "Archive", "Calendar", "Drafts"),
            ["INBOX", "Junk Email", "Archive", "Deleted Items", "Sent Items"],
        ),
        # Courier and cPanel: all below INBOX
        (
            listing("INBOX", "INBOX.Sent", "INBOX.spam", "INBOX.Trash", "INBOX.Archive.2025", delimiter=b"."),
            ["INBOX", "INBOX.spam", "INBOX.Trash", "INBOX.Sent"],
        ),
        # a flag outweighs a name for the same role only
        (
            [((rb"\sent",), b"/", "Verschickt"), *listing("Sent", "Spam")],
            ["INBOX", "Spam", "Verschickt"],
        ),
        # several of one kind, without flags: all are read
        (listing("Sent", "Sent Messages"), ["INBOX", "Sent", "Sent Messages"]),
        # a flat server has no delimiter
        ([((), None, "Sent")], ["INBOX", "Sent"]),
    ],
)
def test_the_folders_that_are_read(folders: Listing, expected: list[str]) -> None:
    assert [folder.name for folder in special_folders(folders)] == expected


def test_a_user_s_own_folder_is_read_where_it_is_named() -> None:
    there = listing("INBOX", "Archive", "Customers", "Customers/Acme", "Sent")
    named = special_folders(there, ("Customers/Acme", "Archive"))
    assert [folder.name for folder in named] == ["INBOX", "Archive", "Customers/Acme", "Sent"]
    with pytest.raises(InboxBroken, match='names "Custom", and there is no such folder: there is Archive, Customers, '):
        special_folders(there, ("Customers", "Custom"))


def test_one_folder_of_two_flags_for_the_same_role_is_read_once() -> None:
    assert special_folders([((rb"\All", rb"\Archive"), b"/", "Everything")]) == (
        Folder("INBOX", "inbox"),
        Folder("Everything", "archive"),
    )


@pytest.mark.parametrize(
    ("name", "delimiter", "role"),
    [
        ("Sent", "/", "sent"),
        ("SPAM", "/", "junk"),
        ("INBOX/Sent", "/", "sent"),
        ("INBOX.Sent", ".", "sent"),
        ("INBOX.Sent", "/", None),  # there the dot is part of the name
        ("Customers/Archive", "/", None),  # a user's own
        ("INBOX/Customers/Archive", "/", None),
        ("Sentinel", "/", None),
        ("INBOX", "/", None),
        ("Envoyés", "/", "sent"),
    ],
)
def test_a_name_tells_the_role_only_where_mail_programs_put_it(
    name: str, delimiter: str, role: FolderRole | None
) -> None:
    assert role_by_name(name, delimiter) == role
