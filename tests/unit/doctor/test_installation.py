"""Config, files, database and the public address: found in a good state, then broken one by one."""

import http.client
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from sequencer.clock import SystemClock
from sequencer.config import Config, MailboxSection
from sequencer.doctor.checks import Outside, checks
from sequencer.doctor.database import applied_owners, at_work, backups, integrity, schema
from sequencer.doctor.examine import examine
from sequencer.doctor.finding import Finding
from sequencer.doctor.installation import files, owners, postal_address, reps
from sequencer.doctor.lookup import Dns
from sequencer.doctor.machine import ClockReadings
from sequencer.doctor.web_address import WebAnswer, base_url
from sequencer.errors import ConfigError
from sequencer.store import scopes
from sequencer.store.database import Database
from sequencer.store.versions import StoredVersion, add_version
from tests.fresh import fresh_database, on_backend
from tests.unit.doctor.installed import SEQUENCE, TEXT, installed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NO_READINGS = ClockReadings(lambda: NOW)


def one(findings: Iterator[Finding]) -> Finding:
    (only,) = findings
    assert bool(only.mend) == (only.status != "ok"), only
    return only


def somebody(database: Path) -> None:
    """Put one person there."""
    row = "INSERT INTO prospects (zone_source, fields, seq, created_at) VALUES ('file', '{}', 0, '2026-11-01')"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(row)
        connection.commit()


def test_a_good_installation_is_ok(tmp_path: Path) -> None:
    config = installed(tmp_path)
    for findings in (
        files(config), reps(config), owners(config, {}), postal_address(config), schema(config, NO_READINGS),
        integrity(config), backups(config, NOW), at_work(config, NOW),
    ):  # fmt: skip
        assert one(findings).status == "ok"
    assert one(owners(config, {})).text == "one: ana"


def test_files_are_one_line_that_points_to_check(tmp_path: Path) -> None:
    config = installed(tmp_path)
    (tmp_path / "sequences" / "one.yaml").write_text("title: One\nsteps:\n  - id: a\n    email: gone.md\n    x: 1\n")
    only = one(files(config))
    assert (only.status, only.mend) == ("fail", "sequencer check")
    assert only.text.startswith("2 errors: sequences/one.yaml:4: ")
    (tmp_path / "sequences" / "one.yaml").unlink()
    assert one(files(config)).status == "warn"


def test_a_rep_without_a_mailbox(tmp_path: Path) -> None:
    bo = '[[reps]]\nname = "bo"\nemail = "bo@ourco.test"\ntimezone = "UTC"\n'
    config = installed(tmp_path, TEXT.replace("[[mailboxes]]", f"{bo}[[mailboxes]]"))
    without = one(reps(config))
    assert (without.status, "bo (config.toml:14)" in without.text) == ("warn", True)
    nobody = installed(tmp_path, TEXT.partition("[[mailboxes]]")[0])
    assert one(reps(nobody)).status == "fail"


def test_an_owner_who_left(tmp_path: Path) -> None:
    config = installed(tmp_path)
    source, named = SEQUENCE.replace("ana", "zoe"), {"intro.md": "Subject: Hi\n\nHi\n"}
    stored = StoredVersion("one", 1, "x", source, named, NOW, "ana")
    with closing(Database(config.database_url)) as database:
        database.write(lambda connection: add_version(connection, stored))
    assert applied_owners(config) == {"one": "zoe"}
    only = one(owners(config, applied_owners(config)))
    assert (only.status, only.text) == ("fail", "one, as it runs, belongs to zoe, who is no rep")


def test_no_postal_address(tmp_path: Path) -> None:
    config = installed(tmp_path, TEXT.replace("1 Example Street, 28001 Madrid, Spain", " "))
    only = one(postal_address(config))
    assert (only.status, "config.toml:6" in only.mend) == ("fail", True)


def test_databases_that_are_none(tmp_path: Path) -> None:
    config = installed(tmp_path, database=False)
    path = tmp_path / "sequencer.db"
    absent = one(schema(config, NO_READINGS))
    assert (absent.status, str(path) in absent.text) == ("fail", True)
    assert not path.exists()
    path.write_bytes(b"no database at all" * 100)
    assert "file is not a database" in one(schema(config, NO_READINGS)).text
    path.unlink()
    sqlite3.connect(path).close()
    path.touch()
    assert one(schema(config, NO_READINGS)).text == "it has no tables"


@pytest.mark.parametrize(("version", "status", "mend"), [("9999", "fail", "newer version"), ("0000", "fail", "newer")])
def test_a_schema_of_another_version(tmp_path: Path, version: str, status: str, mend: str) -> None:
    config = installed(tmp_path)
    with closing(sqlite3.connect(tmp_path / "sequencer.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.commit()
    only = one(schema(config, NO_READINGS))
    assert (only.status, version in only.text, mend in only.mend) == (status, True, True)
    assert applied_owners(config) == {}


def test_a_damaged_database(tmp_path: Path) -> None:
    config = installed(tmp_path)
    with open(tmp_path / "sequencer.db", "r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096 * 3)
    only = one(integrity(config))
    assert (only.status, "damaged" in only.text) == ("fail", True)


def test_copies_beside_the_database(tmp_path: Path) -> None:
    config = installed(tmp_path)
    somebody(tmp_path / "sequencer.db")
    none = one(backups(config, NOW))
    assert (none.status, "sequencer backup" in none.mend) == ("warn", True)
    copy = tmp_path / "sequencer.db.before-0002"
    copy.touch()
    stamp = (NOW - timedelta(days=3)).timestamp()
    os.utime(copy, (stamp, stamp))
    assert one(backups(config, NOW)).text.startswith("sequencer.db.before-0002, 3 days old")


def seen(config: Config, at: datetime) -> None:
    with closing(Database(config.database_url)) as database:
        database.write(lambda connection: scopes.put_meta(connection, scopes.HIGHEST_INSTANT, at.isoformat()))


def test_a_clock_behind_what_the_database_has_seen(tmp_path: Path) -> None:
    config = installed(tmp_path)
    seen(config, NOW - timedelta(seconds=5))
    assert one(at_work(config, NOW)).text == "it runs"
    seen(config, NOW + timedelta(hours=1))
    only = one(at_work(config, NOW))
    assert (only.name, only.status) == ("clock", "fail")
    assert "behind the highest instant seen" in only.text


def test_no_daemon(tmp_path: Path) -> None:
    config = installed(tmp_path)
    seen(config, NOW - timedelta(hours=1))
    assert one(at_work(config, NOW)).status == "ok"  # nobody waits for it
    somebody(tmp_path / "sequencer.db")
    only = one(at_work(config, NOW))
    assert (only.status, only.mend) == ("warn", "start it: sequencer daemon")


def answers(answer: WebAnswer | Exception, url: str = "https://go.ourco.test", folder: Path = Path()) -> Finding:
    config = installed(folder, TEXT.replace("https://go.ourco.test", url), database=False)

    def ask(asked: str) -> WebAnswer:
        assert asked == url
        if isinstance(answer, Exception):
            raise answer
        return answer

    return one(base_url(config, ask, NO_READINGS.saw))


WEB: list[tuple[WebAnswer | Exception, str, str, str]] = [
    # what comes back, the address, status, what is said
    (WebAnswer(200, "93.184.216.34", None), "https://go.ourco.test", "ok", "answers"),
    (WebAnswer(404, "2606:2800::1", None), "https://go.ourco.test/", "ok", "answers"),  # nothing is published at /
    (WebAnswer(502, "93.184.216.34", None), "https://go.ourco.test", "warn", "answers 502"),
    (WebAnswer(200, "10.0.0.7", None), "https://go.ourco.test", "warn", "leads to 10.0.0.7"),
    (WebAnswer(200, "::1", None), "https://go.ourco.test", "warn", "leads to ::1"),
    (WebAnswer(200, "1.1.1.1", None), "http://go.ourco.test", "fail", "not https"),
    (WebAnswer(200, "1.1.1.1", None), "https://localhost:8026", "fail", "leads only to this machine"),
    (WebAnswer(200, "1.1.1.1", None), "", "warn", "none: clicks"),
    (socket.gaierror(-2, "unknown"), "https://go.ourco.test", "fail", "no such host"),
    (TimeoutError(), "https://go.ourco.test", "fail", "no answer in time"),
    (ConnectionRefusedError(111, "Connection refused"), "https://go.ourco.test", "fail", "refused"),
    (http.client.BadStatusLine("x"), "https://go.ourco.test", "fail", "x"),
]


@pytest.mark.parametrize(("answer", "url", "status", "said"), WEB)
def test_the_public_address(tmp_path: Path, answer: WebAnswer | Exception, url: str, status: str, said: str) -> None:
    only = answers(answer, url, tmp_path)
    assert (only.status, said in only.text) == (status, True)


def test_a_web_servers_date_is_a_clock(tmp_path: Path) -> None:
    config = installed(tmp_path, database=False)
    readings = ClockReadings(lambda: NOW)
    dated = WebAnswer(200, "1.1.1.1", NOW - timedelta(seconds=90))
    assert one(base_url(config, lambda url: dated, readings.saw)).status == "ok"
    assert readings.taken() == {"go.ourco.test": 90.0}
    assert one(base_url(config, None, readings.saw)).text.endswith("(not opened)")


def mailbox_lines(folder: Path, text: str) -> dict[str, Finding]:
    """What is said of the mailbox without the network."""
    config = installed(folder, text)
    outside = Outside(SystemClock(), Dns("127.0.0.1:9"), lambda reference: "x", never, never)
    planned = checks(config, outside, ["ana@ourco.test"], network=False)
    return {line.finding.name: line.finding for line in examine(planned)}


def never(box: MailboxSection) -> NoReturn:
    raise AssertionError(f"{box.address} was asked")


def test_where_answers_arrive(tmp_path: Path) -> None:
    assert mailbox_lines(tmp_path, TEXT)["maildir"].status == "warn"
    (tmp_path / "mail" / "cur").mkdir(parents=True)
    (tmp_path / "mail" / "new").mkdir()
    assert mailbox_lines(tmp_path, TEXT)["maildir"].status == "ok"
    appends = TEXT.replace('maildir = "mail"\n', 'maildir = "mail"\nsent_copy = "append"\n')
    assert mailbox_lines(tmp_path, appends)["sent copy"].status == "fail"
    (tmp_path / "mail" / ".Sent" / "cur").mkdir(parents=True)
    (tmp_path / "mail" / ".Sent" / "new").mkdir()
    assert "sent copy" not in mailbox_lines(tmp_path, appends)
    deaf = mailbox_lines(tmp_path, TEXT.replace('maildir = "mail"\n', ""))["inbox"]
    assert (deaf.status, deaf.mend) == ("warn", "add imap, maildir or replies_to at config.toml:14")


@pytest.mark.parametrize(
    ("written", "reads"),
    [
        ('dkim_selector = "s1"', "s1"),
        ('dkim_selector = "s1.mail"', "s1.mail"),  # RFC 6376 3.1: a selector may have dots
        ('dkim_selector = "a b"', None),
        ('dkim_selector = ""', None),
        ('dkim_selector = "x._domainkey."', None),
    ],
)
def test_a_selector_is_checked_when_it_is_read(tmp_path: Path, written: str, reads: str | None) -> None:
    text = f"{TEXT}{written}\n"
    if reads is None:
        with pytest.raises(ConfigError, match="dkim_selector"):
            installed(tmp_path, text, database=False)
    else:
        assert installed(tmp_path, text, database=False).mailboxes[0].dkim_selector == reads


@pytest.mark.postgresql
def test_a_server_that_forgets_in_a_crash(tmp_path: Path) -> None:
    """The server of the tests is such a one."""
    with on_backend("postgresql"):
        url = fresh_database(tmp_path)
        config = installed(tmp_path, TEXT.replace("sqlite:///sequencer.db", url), database=False)
        readings = ClockReadings(lambda: NOW)
        only = one(schema(config, readings))
        assert (only.status, only.text.partition(" off")[0]) == ("fail", "fsync and full_page_writes")
        assert (one(backups(config, NOW)).status, list(integrity(config))) == ("ok", [])
        assert "nobody is there to write to" in one(at_work(config, NOW)).text
