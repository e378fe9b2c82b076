"""The tables of the installation's own affairs: which daemons work, what stopped by itself, who changed what.

Beside tables.py, which has what is known of people and their mail. No query is written here.
"""

from datetime import datetime

from sqlalchemy import Column, Integer, Text
from sqlmodel import Field

from sequencer.store.columns import Instant, Table, core


class Daemon(Table, table=True):
    """A daemon that is at work, by its own name: among how many the mailboxes are shared."""

    __tablename__ = "daemons"
    name: str = Field(primary_key=True)
    alive_until: datetime = Field(sa_type=Instant)


class Brake(Table, table=True):
    """One time that a mailbox stopped by itself, and who let it go on."""

    __tablename__ = "brakes"
    id: int | None = Field(default=None, primary_key=True)
    mailbox: str = Field(index=True)
    at: datetime = Field(sa_type=Instant)
    reason: str
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    lifted_by: str | None = None


class Audit(Table, table=True):
    """One row for each command that changed something; each carries the hash of the one before (store/audit.py).

    Triggers refuse to change or delete a row. `asked`: what was asked for, as JSON of codes, numbers and keyed hashes.
    """

    __tablename__ = "audit"
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=Instant)
    by: str
    via: str
    verb: str
    asked: str = Field(sa_type=Text)
    previous: str
    hash: str


DAEMONS, BRAKES, AUDIT = core(Daemon), core(Brake), core(Audit)
