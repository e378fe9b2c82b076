"""Which folders of a mailbox are read, and what each is for: INBOX, junk, archive, trash, sent.

A reply may lie in any of them, moved by a filter or by hand. Servers tell by flags (RFC 6154), the rest is known by the
names that mail programs give. Of a user's own folders those are read that config.toml names.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from imapclient import imap_utf7

from sequencer.core.ports import FolderName, FolderRole
from sequencer.errors import InboxBroken

ROLES: tuple[FolderRole, ...] = ("inbox", "junk", "archive", "trash", "sent")  # in the order of reading

_ROLE_BY_FLAG: dict[bytes, FolderRole] = {
    rb"\junk": "junk",
    rb"\archive": "archive",
    rb"\all": "archive",
    rb"\trash": "trash",
    rb"\sent": "sent",
}
_UNSELECTABLE = {rb"\noselect", rb"\nonexistent"}

# What Outlook, Apple Mail, Thunderbird and webmailers call them where the server does not tell.
_NAMES_BY_ROLE: dict[FolderRole, tuple[str, ...]] = {
    "junk": (
        "junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "junk-e-mail", "spamverdacht",
        "unerwünscht", "correo no deseado", "courrier indésirable", "indésirables", "pourriel", "posta indesiderata",
        "lixo eletrônico", "lixo", "ongewenste e-mail", "ongewenst", "skräppost", "uønsket e-mail", "søppelpost",
        "roskaposti", "wiadomości-śmieci", "nevyžádaná pošta", "нежелательная почта", "спам", "迷惑メール", "垃圾邮件",
        "스팸",
    ),
    "archive": (
        "archive", "archives", "all mail", "archiv", "archivo", "archivio", "arquivo", "archief", "arkiv", "arkisto",
        "archiwum", "архив", "アーカイブ", "存档",
    ),
    "trash": (
        "trash", "deleted items", "deleted messages", "deleted", "bin", "papierkorb", "gelöscht", "gelöschte elemente",
        "gelöschte objekte", "papelera", "elementos eliminados", "corbeille", "éléments supprimés", "cestino",
        "posta eliminata", "lixeira", "itens excluídos", "prullenbak", "verwijderde items", "papperskorgen",
        "borttaget", "slettet post", "slettede elementer", "roskakori", "poistetut", "kosz", "elementy usunięte", "koš",
        "odstraněná pošta", "корзина", "удаленные", "ゴミ箱", "削除済みアイテム", "已删除邮件", "지운 편지함",
    ),
    "sent": (
        "sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente", "gesendete objekte",
        "enviados", "elementos enviados", "envoyés", "éléments envoyés", "messages envoyés", "inviati", "posta inviata",
        "itens enviados", "verzonden", "verzonden items", "skickat", "sendt post", "sendte elementer", "lähetetyt",
        "wysłane", "elementy wysłane", "odeslaná pošta", "отправленные",
        "送信済み", "送信済みアイテム", "已发送邮件", "보낸 편지함",
    ),
}  # fmt: skip
_ROLE_BY_NAME = {name: role for role, names in _NAMES_BY_ROLE.items() for name in names}
_NAMESPACES = {"inbox", "[gmail]", "[google mail]"}  # where servers put their own folders


@dataclass(frozen=True, slots=True)
class Folder:
    name: FolderName
    role: FolderRole


def name_of(listed: bytes | str) -> FolderName:
    """A folder's name as people read it, of the modified UTF-7 in which servers and Maildirs have it (RFC 3501 5.1.3).

    Some servers list what a user typed as it stands, such as `R&D`: then that is the name.
    """
    try:
        return str(imap_utf7.decode(listed))
    except ValueError:
        return listed.decode("latin-1") if isinstance(listed, bytes) else listed


def wire_name(name: FolderName) -> bytes:
    """The other way round."""
    return bytes(imap_utf7.encode(name))


def special_folders(
    listing: Iterable[tuple[tuple[bytes, ...], bytes | None, bytes | str]], also: Collection[FolderName] = ()
) -> tuple[Folder, ...]:
    """INBOX, which always exists (RFC 9051 5.1), then the others in the order of ROLES.

    `listing`: (flags, delimiter, name) of each folder as LIST gives them. Names count only for a role that no flag
    tells; then all of them count: reading one folder too many misses nothing. `also`: folders of the user's own; raises
    InboxBroken where one is missing.
    """
    flagged = [Folder("INBOX", "inbox")]
    named: list[Folder] = []
    readable: list[FolderName] = []
    for flags, delimiter, listed in listing:
        name = name_of(listed)
        lowered = [flag.lower() for flag in flags]
        if _UNSELECTABLE.intersection(lowered) or name.upper() == "INBOX":
            continue
        flagged += [Folder(name, _ROLE_BY_FLAG[flag]) for flag in lowered if flag in _ROLE_BY_FLAG]
        role = role_by_name(name, (delimiter or b"").decode("ascii", "replace"))
        named += [Folder(name, role)] if role else []
        readable.append(name)
    told = {folder.role for folder in flagged}
    special = [*flagged, *(folder for folder in named if folder.role not in told)]
    names = {folder.name for folder in special}
    must_be_there(also, readable)
    found = dict.fromkeys([*special, *(Folder(name, "archive") for name in also if name not in names)])
    return tuple(sorted(found, key=lambda folder: ROLES.index(folder.role)))


def must_be_there(also: Collection[FolderName], there: Collection[FolderName]) -> None:
    """Raises InboxBroken for a folder that config.toml names and the mailbox has not: answers may go there."""
    if missing := sorted(set(also).difference(there)):
        have = ", ".join(sorted(there))
        raise InboxBroken(
            f'also_read in config.toml names "{missing[0]}", and there is no such folder: there is {have}'
        )


def role_by_name(name: FolderName, delimiter: str) -> FolderRole | None:
    """What a folder is for, by its name.

    Only top-level folders and those directly below a namespace such as INBOX count: a user's own
    `Customers/Archive` is not the archive.
    """
    *above, leaf = name.split(delimiter) if delimiter else [name]
    if len(above) > 1 or (above and above[0].casefold() not in _NAMESPACES):
        return None
    return _ROLE_BY_NAME.get(leaf.casefold())
