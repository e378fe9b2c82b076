"""config.toml: the installation, read into checked values.

Unknown keys are errors; secrets are references, read at use. A mailbox or rep becomes the core's value here, so that
nothing past this door sees TOML. It opens no database and asks no server.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from sequencer.core.absence import Away, refusals, resolve
from sequencer.core.people import Absence, Brake, Mailbox, Policy, Ramp, Rep
from sequencer.core.span import Span
from sequencer.core.toml_errors import config_errors
from sequencer.core.toml_text import TEXT_BYTES_MAX, one_line, tables
from sequencer.core.url_secrets import has_secret
from sequencer.core.window import Window, parse_window
from sequencer.errors import ConfigError, ConfigErrors
from sequencer.secret import REFERENCE

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def _zone(value: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{value}" is no time zone: write an IANA name such as "Europe/Madrid"') from None


def _reference(value: str) -> str:
    if not REFERENCE.fullmatch(value):
        raise ValueError(
            "a password or token itself is never written here: "
            'write a reference, "env:NAME", "file:PATH" or "cmd:COMMAND"'
        )
    return value


def _address(value: str) -> str:
    if not ADDRESS.fullmatch(one_line(value)):
        raise ValueError(f'"{value}" is no mail address')
    return value.lower()


def _database_url(value: str) -> str:
    if value.startswith("postgresql+psycopg://"):
        if find_spec("psycopg") is None:
            raise ValueError("PostgreSQL needs a driver: pip install 'sequencer[postgresql]'")
        if has_secret(value):
            raise ValueError("a password has no place here: put it in ~/.pgpass or PGPASSWORD")
    elif not value.startswith("sqlite:///"):
        raise ValueError('write "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/DATABASE"')
    return value


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Secret = Annotated[str, AfterValidator(_reference)]
MailAddress = Annotated[str, AfterValidator(_address)]
OneLine = Annotated[str, AfterValidator(one_line)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class DatabaseSection(Section):
    url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///sequencer.db"
    epoch_file: str = ""


class PathsSection(Section):
    sequences: str = "sequences"
    templates: str = "templates"


class CompanySection(Section):
    name: OneLine = ""
    postal_address: str = ""
    own_domains: tuple[str, ...] = ()


class WebSection(Section):
    host: str = "127.0.0.1"
    port: int = 8025


class PublicSection(Section):
    host: str = "127.0.0.1"
    port: int = 8026
    base_url: str = ""

    @property
    def links(self) -> str | None:
        """The base of public links, None while nobody outside could open one."""
        local = ("https://localhost", "https://127.", "https://[::1]")
        usable = self.base_url.startswith("https://") and not self.base_url.startswith(local)
        return self.base_url.rstrip("/") if usable else None


class BrakeSection(Section):
    bounce_rate: float = Field(default=0.05, ge=0, le=1)
    complaint_rate: float = Field(default=0.003, ge=0, le=1)
    min_sent: int = Field(default=50, ge=1)


class CoolOffSection(Section):
    replied: Span = Span(30, "d")
    meeting: Span = Span(90, "d")
    not_interested: Span = Span(180, "d")


class PolicySection(Section):
    window: str = "business_hours"
    person_touches_per_week: int = Field(default=5, ge=1)
    person_gap: Span = Span(20, "h")
    account_touches_per_day: int = Field(default=3, ge=1)
    domain_messages_per_day: int = Field(default=20, ge=1)
    inbox_max_age: Span = Span(5, "m")
    cool_off: CoolOffSection = CoolOffSection()
    brake: BrakeSection = BrakeSection()


class RepSection(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
    email: MailAddress
    timezone: Zone
    role: Literal["rep", "manager", "admin"] = "rep"
    calls_per_day: int = Field(default=40, ge=0)
    connects_per_week: int = Field(default=80, ge=0)
    meeting_link: OneLine = ""
    signature: str = ""


class ServerSection(Section):
    host: OneLine
    port: int = Field(ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"]
    username: OneLine = ""
    auth: Literal["password", "xoauth2"] = "password"
    password: Secret | None = None
    token: Secret | None = None
    ca_file: str | None = None

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.auth == "password" and self.token:
            raise ValueError('token needs auth = "xoauth2" beside it')
        if self.auth == "xoauth2" and not self.token:
            raise ValueError('auth = "xoauth2" needs token = "cmd:COMMAND", "file:PATH" or "env:NAME"')
        if self.auth == "xoauth2" and self.password:
            raise ValueError('auth = "xoauth2" logs in with the token: remove password')
        return self

    @property
    def secret(self) -> str | None:
        """The reference that the login needs."""
        return self.token or self.password


class RampSection(Section):
    start: int = Field(ge=1)
    step: int = Field(ge=0)


class GapSection(Section):
    min: Span = Span(90, "s")
    jitter: Span = Span(60, "s")


class MailboxSection(Section):
    address: MailAddress
    display_name: OneLine = ""
    rep: str
    timezone: Zone
    cap_per_day: int = Field(default=50, ge=1)
    ramp: RampSection | None = None
    gap: GapSection = GapSection()
    connections: int = Field(default=1, ge=1, le=100)
    sent_copy: Literal["auto", "append", "none"] = "auto"
    dkim_selector: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$", max_length=63)] | None
    ) = None
    smtp: ServerSection
    imap: ServerSection | None = None
    maildir: str | None = None
    also_read: tuple[OneLine, ...] = ()
    replies_to: MailAddress | None = None

    @model_validator(mode="after")
    def _one_inbox(self) -> Self:
        if sum(place is not None for place in (self.imap, self.maildir, self.replies_to)) > 1:
            raise ValueError("name one of imap, maildir and replies_to, not several")
        return self

    @property
    def inbox(self) -> str | None:
        """The name of the inbox that is read for this mailbox: user and host, so that reps may share one."""
        if self.imap:
            return f"{self.imap.username or self.address}@{self.imap.host}:{self.imap.port}"
        return f"maildir:{self.maildir}" if self.maildir else None


class AwaySection(Section):
    rep: str
    first: date = Field(validation_alias="from")
    last: date = Field(validation_alias="to")
    cover: str | None = None


class Config(Section):
    """The whole file. `folder` is where relative paths start."""

    database: DatabaseSection = DatabaseSection()
    paths: PathsSection = PathsSection()
    company: CompanySection = CompanySection()
    web: WebSection = WebSection()
    public: PublicSection = PublicSection()
    policy_section: PolicySection = Field(default=PolicySection(), validation_alias="policy")
    windows: Mapping[str, Mapping[str, str | tuple[str, ...]]] = Field(
        default_factory=lambda: {"business_hours": {"mon-fri": ("08:30-11:30", "13:30-17:00")}}
    )
    reps: tuple[RepSection, ...] = ()
    mailboxes: tuple[MailboxSection, ...] = ()
    away: tuple[AwaySection, ...] = ()

    _file: Path = PrivateAttr(Path("config.toml"))
    _folder: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _names(self) -> Self:
        if problems := list(self._unknown_names()):
            raise ValueError("\n".join(problems))
        return self

    def _unknown_names(self) -> Iterator[str]:
        """`key: what is wrong` for all that names something, or is named, wrongly."""
        reps = [rep.name for rep in self.reps]
        addresses = [mailbox.address for mailbox in self.mailboxes]
        for name, hours in self.windows.items():
            try:
                parse_window(hours)
            except ValueError as error:
                yield f"windows.{name}: {error}"
        if self.policy_section.window not in self.windows:
            yield f"policy.window: there is no [windows.{self.policy_section.window}]"
        for at, name in enumerate(reps):
            if name in reps[:at]:
                yield f'reps.{at}.name: there are two reps "{name}"'
        for at, mailbox in enumerate(self.mailboxes):
            if mailbox.address in addresses[:at]:
                yield f'mailboxes.{at}.address: there are two mailboxes "{mailbox.address}"'
            if mailbox.rep not in reps:
                yield f'mailboxes.{at}.rep: there is no rep "{mailbox.rep}"'
            if mailbox.replies_to and mailbox.replies_to not in addresses:
                yield f'mailboxes.{at}.replies_to: there is no mailbox "{mailbox.replies_to}"'
        yield from refusals(self.absences, reps)

    @property
    def path_of_file(self) -> Path:
        """Where this was read."""
        return self._file

    @property
    def folder(self) -> Path:
        return self._folder

    def path(self, relative: str) -> Path:
        return (self._folder / relative).resolve()

    @property
    def sequences_folder(self) -> Path:
        return self.path(self.paths.sequences)

    @property
    def templates_folder(self) -> Path:
        return self.path(self.paths.templates)

    @property
    def database_url(self) -> str:
        """The URL with a relative SQLite path made absolute from this file's folder."""
        prefix = "sqlite:///"
        if self.database.url.startswith(prefix) and not self.database.url.startswith(f"{prefix}/"):
            return f"{prefix}{self.path(self.database.url.removeprefix(prefix))}"
        return self.database.url

    @cached_property
    def policy(self) -> Policy:
        section = self.policy_section
        return Policy(
            section.person_touches_per_week, section.person_gap, section.account_touches_per_day,
            section.domain_messages_per_day, section.inbox_max_age, dict(section.cool_off),
            Brake(section.brake.bounce_rate, section.brake.complaint_rate, section.brake.min_sent),
        )  # fmt: skip

    @cached_property
    def reps_by_name(self) -> Mapping[str, Rep]:
        return {
            rep.name: Rep(
                rep.name, rep.email, rep.timezone, rep.calls_per_day, rep.connects_per_week,
                rep.meeting_link, rep.signature, rep.role,
            )
            for rep in self.reps
        }  # fmt: skip

    @cached_property
    def mailboxes_by_address(self) -> Mapping[str, Mailbox]:
        return {
            box.address: Mailbox(
                box.address, box.display_name, box.rep, box.timezone, box.cap_per_day,
                Ramp(box.ramp.start, box.ramp.step) if box.ramp else None,
                box.gap.min.elapsed.total_seconds(), box.gap.jitter.elapsed.total_seconds(), box.connections,
                self.inbox_of(box.address) is not None,
            )
            for box in self.mailboxes
        }  # fmt: skip

    @cached_property
    def absences(self) -> tuple[Absence, ...]:
        return tuple(
            Absence(away.rep, away.first, away.last, away.cover, number) for number, away in enumerate(self.away)
        )

    @cached_property
    def away_by_rep(self) -> Mapping[str, Away]:
        """When each rep is away; a rep who never is has no entry."""
        return resolve(self.absences, self.reps_by_name, self.windows_by_name[self.policy_section.window])

    @cached_property
    def windows_by_name(self) -> Mapping[str, Window]:
        return {name: parse_window(hours) for name, hours in self.windows.items()}

    def mailbox_section(self, address: str) -> MailboxSection | None:
        return next((box for box in self.mailboxes if box.address == address), None)

    def inbox_of(self, address: str) -> str | None:
        """The inbox in which answers to mail from `address` arrive."""
        section = self.mailbox_section(address)
        if section and section.replies_to:
            section = self.mailbox_section(section.replies_to)
        return section.inbox if section else None

    @cached_property
    def filed_mailboxes(self) -> Mapping[str, str]:
        """The mailboxes of whose mail we file copies, and in which inbox's Sent folder."""
        wanted = (box.address for box in self.mailboxes if box.sent_copy == "append")
        return {address: name for address in wanted if (name := self.inbox_of(address)) is not None}


def load(path: Path) -> Config:
    """Read config.toml. Raises ConfigError, ConfigErrors: all that is wrong, each with its line."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, also by the daemon at SIGHUP
            raise ConfigError("", f"{path} is no file")
        with path.open("rb") as file:
            content = file.read(TEXT_BYTES_MAX + 1)
        if len(content) > TEXT_BYTES_MAX:
            raise ConfigError("", f"{path} is larger than {TEXT_BYTES_MAX // 1000} kB")
        text = content.decode()
    except FileNotFoundError:
        mend = 'run "sequencer init" here, or name it with "sequencer --config FILE COMMAND"'
        raise ConfigError("", f"there is no file {path}: {mend}") from None
    except UnicodeDecodeError:
        raise ConfigError("", f"{path} is not UTF-8: save it with the encoding UTF-8") from None
    except OSError as error:
        raise ConfigError("", f"{path} cannot be read: {error.strerror}") from None
    config = parse(text)
    config._file, config._folder = path.resolve(), path.resolve().parent
    return config


def parse(text: str) -> Config:
    """Read the text of config.toml. Raises ConfigError, ConfigErrors."""
    try:
        return Config.model_validate(tables(text))
    except ValidationError as error:
        found = config_errors(error.errors(), text)
    raise found[0] if len(found) == 1 else ConfigErrors(found)
