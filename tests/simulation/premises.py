"""The installation that every seed begins with: config, sequences, templates; made once a process, copied for each.

Small limits and short waits, so that a few people in a few weeks meet every rule.
"""

import atexit
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sequencer.app import KEY
from sequencer.config import Config, load
from sequencer.content.definition import Bundle
from sequencer.engine.advance import Advance
from sequencer.engine.applying import apply, check
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.store import scopes
from tests.fresh import fresh_database, open_database
from tests.simulation.storage import WITNESS

__all__ = [
    "ANA",
    "AUTHORITY_FILE",
    "BO",
    "EDITED",
    "INSTALLATION_KEY",
    "SEQUENCES",
    "Premises",
    "copied",
    "edits",
    "premises",
]

ANA, BO = "ana@ourco.test", "bo@ourco.test"
INSTALLATION_KEY = "51" * 32
AUTHORITY_FILE = "authority.pem"
APPLIED_AT = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)

# Trusted by nobody else; it spares every connection the reading of the machine's own trust store.
AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUeCdAmq5N+faKsaJrDBNPjfamKqAwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKd29ybGQudGVzdDAgFw0yNjExMjIwNjI1MTVaGA8yMTI2MTAy
OTA2MjUxNVowFTETMBEGA1UEAwwKd29ybGQudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABPhyyw4zEt+K4qmEXcHHv8ccwZT5XWnm2rEVLhl8WMDPDoPCY5If
cYyr4e/Y/JVJ11SpsiA2MTZ5CZROMmzsW7KjUzBRMB0GA1UdDgQWBBTMsU3cTwZY
yYPG2OYI9Fr+PjIRQzAfBgNVHSMEGDAWgBTMsU3cTwZYyYPG2OYI9Fr+PjIRQzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIH3YusDax0iHF7WU7qW4
XfDqXbOkUjplPS2MrNcG7JybAiEAsdv71iU4TdYSf6LfGEdNdOzcQYZzZZlJ2RcZ
eUmPIa8=
-----END CERTIFICATE-----
"""

CONFIG = """
[company]
name = "Ourco"
postal_address = "1 Example Street, 28001 Madrid, Spain"
own_domains = ["ourco.test"]
[policy]
window = "business_hours"
person_touches_per_week = 4
person_gap = "3h"
account_touches_per_day = 2
inbox_max_age = "5m"
[windows.business_hours]
mon-fri = ["08:30-11:30", "13:30-17:00"]
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "Europe/Madrid"
role = "manager"
signature = "Ana Ruiz"
[[reps]]
name = "bo"
email = "bo@ourco.test"
timezone = "America/New_York"
[[mailboxes]]
address = "ana@ourco.test"
display_name = "Ana Ruiz"
rep = "ana"
timezone = "Europe/Madrid"
cap_per_day = 3
ramp = { start = 2, step = 1 }
gap = { min = "90s", jitter = "60s" }
connections = 1
smtp = { host = "127.0.0.1", port = 587, security = "none", username = "ana", password = "env:ANA_PW" }
imap = { host = "imap.ourco.test", port = 993, security = "tls", username = "ana", password = "env:ANA_PW" }
[[mailboxes]]
address = "bo@ourco.test"
display_name = "Bo Larsen"
rep = "bo"
timezone = "America/New_York"
cap_per_day = 4
gap = { min = "0s", jitter = "0s" }
connections = 2
sent_copy = "append"
smtp = { host = "smtp.ourco.test", port = 465, security = "tls" }
imap = { host = "imap.ourco.test", port = 993, security = "tls", username = "bo", password = "env:BO_PW" }
"""

PLAIN = """
title: Three mails
steps:
  - id: intro
    email: intro.md
  - id: bump
    wait: {wait}
    email: bump.md
    reply_to: intro
  - id: last
    wait: 2bd
    email: {last}
    reply_to: intro
"""
MIXED = """
title: Mails and a call
settings: {exclusive: false}
steps:
  - id: hello
    email: {variants: {a: intro.md, b: hello.md}, choose: even}
  - id: ring
    wait: 1bd
    call: ring.md
    on_overdue: {after: 2bd, do: skip}
  - id: nudge
    wait: 1d
    at: "09:00-11:00"
    when: prospect.keen
    email: bump.md
    reply_to: hello
  - id: close
    wait: 30h
    email: last.md
    reply_to: hello
"""
QUICK = """
title: Within a day
settings: {exclusive: false}
steps:
  - id: first
    email: intro.md
  - id: second
    wait: 4h
    email: bump.md
    reply_to: first
  - id: third
    wait: 20h
    email: last.md
    reply_to: first
"""
SEQUENCES = {"quick": QUICK, "plain": PLAIN.replace("{wait}", "1d").replace("{last}", "last.md"), "mixed": MIXED}
EDITED = {"plain": PLAIN.replace("{wait}", "2d").replace("{last}", "edited.md")}
TEMPLATES = {
    "intro.md": "Subject: An idea for {{ prospect.first_name }}\n\nHi {{ prospect.first_name }},\n\nshall we talk?\n",
    "hello.md": "Subject: Hello {{ prospect.first_name }}\n\nHi {{ prospect.first_name }},\n\na word about builds?\n",
    "bump.md": "\nHi {{ prospect.first_name }}, any thoughts?\n",
    "last.md": "\nI shall not write again, {{ prospect.first_name }}.\n",
    "edited.md": "\nThis is my last word, {{ prospect.first_name }}.\n",
    "ring.md": "Ask {{ prospect.first_name }}\n",
}


@dataclass(frozen=True, slots=True)
class Premises:
    """`folder` holds config.toml, sequences and templates; `file` the database that is copied."""

    folder: Path
    file: Path
    config: Config


@cache
def premises() -> Premises:
    """Built once a process."""
    folder = scratch()
    for name in ("sequences", "templates"):
        (folder / name).mkdir()
    (folder / "config.toml").write_text(CONFIG)
    (folder / AUTHORITY_FILE).write_text(AUTHORITY)
    for name, text in SEQUENCES.items():
        (folder / "sequences" / f"{name}.yaml").write_text(text)
    for name, text in TEMPLATES.items():
        (folder / "templates" / name).write_text(text)
    config = load(folder / "config.toml")
    url = fresh_database(folder)
    database = open_database(url)
    advance = Advance(database, Surroundings(config, Catalog()))
    checked = check(config)
    assert not checked.errors, checked.errors
    database.write(lambda connection: scopes.put_meta(connection, KEY, INSTALLATION_KEY))
    database.write(lambda connection: apply(connection, advance, checked.bundles, "ana", APPLIED_AT))
    database.close()
    file = folder / "sequencer.db"
    connection = sqlite3.connect(file)
    connection.executescript(WITNESS)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return Premises(folder, file, config)


@cache
def edits() -> list[Bundle]:
    """The sequences as somebody edits them."""
    folder = premises().folder / "edited"
    shutil.copytree(premises().folder / "templates", folder / "templates")
    (folder / "sequences").mkdir()
    for name, text in EDITED.items():
        (folder / "sequences" / f"{name}.yaml").write_text(text)
    (folder / "config.toml").write_text(CONFIG)
    checked = check(load(folder / "config.toml"))
    assert not checked.errors, checked.errors
    return checked.bundles


def copied(folder: Path) -> str:
    """The URL of a copy of the database in `folder`."""
    target = folder / "sequencer.db"
    shutil.copyfile(premises().file, target)
    return f"sqlite:///{target}"


def scratch() -> Path:
    """A folder of this process's own, in memory where there is some; gone with the process."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="sequencer-sim-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
