"""What one cell of a people file says, checked and in its normal form: addresses, phones, profiles, stages, numbers.

It is here because whatever enters by this door is later mailed, called and printed into headers. A cell that mail
cannot do without and that is wrong refuses the row (`Mend`); any other is left out with a note. It knows no column.
"""

import re
from collections.abc import Iterable, Mapping

from sequencer.content.place import Phone, country_in, find_country, find_phone, find_zone, likely_zone, zone_of_country
from sequencer.core.people import ZoneSource
from sequencer.mail.address import AddressProblem, check, is_free_mail, normalise, registrable_domain

__all__ = [
    "Mend", "addresses", "checked_name", "clean", "company_phone", "country", "is_yes", "linkedin", "number",
    "phones", "split_name", "stage", "web_domain", "zone",
]  # fmt: skip

ADDRESSES_MAX = 10
PHONES_MAX = 5
# What exports write where there is nothing, and what a spreadsheet leaves of a formula that failed.
_NOTHING = frozenset(
    ("-", "--", "---", "–", "—", "n/a", "#n/a", "null", "(null)", "(blank)", "#ref!", "#value!", "#name?", "#div/0!")
)  # fmt: skip
NOTHING_CHARS_MAX = max(map(len, _NOTHING))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[ \t]*(?:\r\n|\r|\n|\t)[ \t]*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_LINKEDIN = re.compile(
    r"(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/((?:in|pub|sales/lead|sales/people)/[^\s?#]+)", re.IGNORECASE
)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
# Sites on which a company has a page, and that are not the company.
_NOT_A_COMPANY = frozenset(
    ("linkedin.com", "facebook.com", "twitter.com", "x.com", "instagram.com", "youtube.com", "google.com")
)
_STAGES: Mapping[str, str] = {
    "lead": "lead",
    "new lead": "lead",
    "open lead": "lead",
    "mql": "MQL",
    "marketing qualified lead": "MQL",
    "marketingqualifiedlead": "MQL",
    "marketing qualified": "MQL",
    "marketing accepted lead": "MQL",
    "sql": "SQL",
    "sales qualified lead": "SQL",
    "salesqualifiedlead": "SQL",
    "sales qualified": "SQL",
    "sales accepted lead": "SQL",
    "qualified": "SQL",
    "customer": "customer",
    "client": "customer",
    "current client": "customer",
    "closed won": "customer",
    "existing customer": "customer",
}
_NO = frozenset(("", "0", "false", "no", "n", "f", "off"))


class Mend(ValueError):
    """Why a row is refused, and how to mend it."""


def clean(name: str, cell: str, *, is_line: bool) -> str:
    """The text of a cell without blanks around it; "" for a sign that stands for nothing.

    `is_line`: a text that goes into headers, in which a line break is refused; elsewhere it becomes a blank.
    """
    text = cell.strip()
    if text.isprintable():
        return "" if len(text) <= NOTHING_CHARS_MAX and text.lower() in _NOTHING else text
    if not is_line:
        text = _LINE_BREAKS.sub(" ", text)
    if _CONTROL.search(text):
        raise Mend(f"{name} contains a line break or control character: retype it on one line")
    return "" if text.lower() in _NOTHING else text


def checked_name(name: str, text: str) -> str:
    """A text that greets somebody or names their company, which no formula does.

    A spreadsheet takes = + - and @ for the beginning of one. A person's name begins with none of them; a title or a
    company may be "@properties" or "+more", but not "=…".
    """
    signs = ("=", "+", "-", "@") if name in ("first_name", "last_name", "full_name") else ("=",)
    if text.startswith(signs):
        raise Mend(f'{name} begins with "{text[0]}", as a spreadsheet formula does: retype it')
    return text


def addresses(cells: Iterable[str], notes: list[str]) -> tuple[str, ...]:
    """Normalised addresses, each once: those of the preferred column must be right, those of others may be left out."""
    found: list[str] = []
    for at, cell in enumerate(filter(None, cells)):
        given = [part.strip() for part in cell.split(";") if part.strip()] if ";" in cell else [cell]
        if len(given) > ADDRESSES_MAX:
            raise Mend(f"email holds {len(given)} addresses: {ADDRESSES_MAX} are allowed")
        for address in given:
            checked = check(address)
            if isinstance(checked, str):
                found.append(normalise(checked))
            elif at == 0:
                raise Mend(_unwritable(address, checked))
            else:
                notes.append(_unwritable(address, checked))
    if not found:
        raise Mend("email is empty: without an address nobody can be told apart")
    return tuple(dict.fromkeys(found))[:ADDRESSES_MAX]


def _unwritable(address: str, problem: AddressProblem) -> str:
    return f'email "{address[:80]}" cannot be written to: {problem}'


def country(cell: str, location: str) -> str | None:
    """The code of the country in `cell`, else of the one that ends `location`, which may say none."""
    if not cell:
        return country_in(location) if location else None
    if (code := find_country(cell)) is None:
        raise Mend(f'country "{cell[:60]}" is not known: write a code of two letters such as ES, or the English name')
    return code


def phones(cells: Iterable[str], country: str | None, notes: list[str]) -> tuple[Phone, ...]:
    """The numbers that can be dialled, each once."""
    found: dict[str, Phone] = {}
    for cell in filter(None, cells):
        for given in cell.split(";"):
            if not (text := given.strip().removeprefix("'")):
                continue
            # One number that tells the zone is enough, and telling takes most of the time.
            is_placed = any(phone.zone for phone in found.values())
            if (phone := find_phone(text, country, not is_placed)) is None:
                notes.append(f'phone "{text[:40]}" left out: write it with + and the country, as in +34 612 345 678')
            else:
                found.setdefault(phone.number, phone)
    return tuple(found.values())[:PHONES_MAX]


def company_phone(text: str, country: str) -> str:
    """The number to dial, else the text: nobody is called by it, so it need not be one."""
    bare = text.removeprefix("'")
    found = find_phone(bare, find_country(country), placed=False)
    return found.number if found else bare


def linkedin(cell: str, notes: list[str]) -> str | None:
    """The address of the profile in one form."""
    if not cell:
        return None
    found = _LINKEDIN.fullmatch(cell.partition("?")[0])
    if found is None:
        notes.append(f'linkedin "{cell[:60]}" left out: write the profile\'s address, https://www.linkedin.com/in/…')
        return None
    return f"https://www.linkedin.com/{found[1].rstrip('/')}"


def zone(cell: str, phones: Iterable[Phone], country: str | None) -> tuple[str | None, ZoneSource]:
    """The zone, from the file, else a phone, else the country."""
    if cell:
        if (name := find_zone(cell)) is None:
            mend = f"write {likely_zone(cell) or 'a name such as Europe/Madrid'}, or leave it empty"
            raise Mend(f'timezone "{cell[:60]}" is not known: {mend}')
        return name, "file"
    if by_phone := next((phone.zone for phone in phones if phone.zone), None):
        return by_phone, "phone"
    if country is not None and (by_country := zone_of_country(country)):
        return by_country, "country"
    return None, "unknown"


def web_domain(cell: str, emails: Iterable[str], notes: list[str]) -> str:
    """The company's registrable domain, from its website, else an address; "" where anybody can have an address."""
    if cell:
        host = normalise(re.sub(r"^[a-z]+://", "", cell.lower())).partition("/")[0].partition(":")[0]
        named = registrable_domain(host) if _DOMAIN.fullmatch(host) else ""
        if not named or named in _NOT_A_COMPANY:
            notes.append(f'domain "{cell[:60]}" left out: write the company\'s own, as in acme.com')
        elif not is_free_mail(named):
            return named
    own = (registrable_domain(email) for email in emails if not is_free_mail(email.rpartition("@")[2]))
    return next(own, "")


def stage(text: str) -> str:
    """lead, MQL, SQL or customer, however the product spells it; any other stage as it stands."""
    return _STAGES.get(" ".join(re.sub(r"[_\-/()]", " ", text.casefold()).split()), text)


def number(text: str) -> str:
    """A number without commas between its thousands or a per cent sign, so that it compares; else the text."""
    bare = text.removesuffix("%").rstrip()
    return bare.replace(",", "") if _THOUSANDS.fullmatch(bare) else bare if bare.replace(".", "", 1).isdigit() else text


def is_yes(text: str) -> bool:
    """Whether a box is ticked; anything but a plain no, since the box forbids contact."""
    return text.casefold() not in _NO


def split_name(text: str) -> tuple[str, str]:
    """First and last name: "Jo van der Berg" and "van der Berg, Jo" alike."""
    last, comma, first = text.partition(",")
    if comma and first.strip() and "," not in first:
        return first.strip(), last.strip()
    first, _, last = text.partition(" ")
    return first, last.strip()
