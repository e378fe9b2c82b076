"""An installation in the middle of its life, in which every example of `--help` can be typed.

Made once of what `init` makes, then copied: ana and bo, the list q4, open tasks (12 is a call, 13 an answer, 14 a mail
to approve), an answer that was read (mail 1), a refusal of nobody that is parked (mail 2), a mail of which nobody
knows whether it arrived (1 of `uncertain`), bo@acme.test on their way through vp-engineering, jo@acme.test outside.
Hours are open all week, because the commands read the system's clock.
"""

import asyncio
import re
from pathlib import Path

from click.testing import CliRunner

from sequencer.cli import root
from sequencer.clock import SystemClock
from sequencer.config import load
from sequencer.core.outcome import Uncertain
from sequencer.engine.advance import Advance
from sequencer.engine.catalog import Catalog
from sequencer.engine.situation import Surroundings
from sequencer.store import people
from tests.fresh import open_database
from tests.integration.installation import HandClock
from tests.integration.mail_room import MailRoom, mail

CALL_TASKS, ANSWER_TASK, REVIEW_TASK = 12, 13, 14
COMPANY = "first_name,title,company,domain,phone,linkedin,timezone"
OTHERS = [f"p{number}@other{number}.test" for number in range(1, CALL_TASKS + 1)]
CALLS = """title: Calls
settings: {exclusive: false, holidays: none}
steps:
  - id: ring
    call: scripts/discovery.md
    outcomes: {connected: {finish: goal}, voicemail: next, gatekeeper: {retry: {after: 1bd, max: 3}}}
  - id: intro
    wait: 2bd
    email: intro.md
"""
NURTURE = "title: Nurture\nsteps:\n  - id: intro\n    email: intro.md\n"
PERSONAL = "title: Personal\nsteps:\n  - id: intro\n    email: intro.md\n    review: true\n"
ANSWER_EML = mail("Please remove me from your list.", sender="Bo Bell <bo@acme.test>")


class Prepared(MailRoom):
    """Built in `folder`; close it before the folder is copied."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, HandClock(SystemClock().now())
        self._files()
        self.config = load(folder / "config.toml")
        self.maildir, self._delivered = folder / "mail", 0
        for part in ("new", "cur", "tmp"):
            (self.maildir / part).mkdir(parents=True)
        self.type("import", str(folder / "people.csv"), "--list", "q4")
        self.type("apply", "--as", "ana")
        self.type("suppress", "former.test", "--reason", "customer", "--as", "ana")
        self.database = open_database(self.config.database_url)
        self.advance = Advance(self.database, Surroundings(self.config, Catalog()))
        self.ingest = self.new_ingest()
        self._lives()

    def _files(self) -> None:
        self.type("init", str(self.folder), config=False)
        path = self.folder / "config.toml"
        text = re.sub(r"mon-fri = .*", 'mon-sun = ["00:00-24:00"]', path.read_text())
        for rep in ("ana", "bo"):
            text = re.sub(
                rf'imap = .*"env:{rep.upper()}_PW".*', f'maildir = "{"mail" if rep == "ana" else "bo"}"', text
            )
        path.write_text(re.sub(r"\[\[away\]\][^\[]*", "", text))
        (self.folder / "sequences" / "calls.yaml").write_text(CALLS)
        (self.folder / "sequences" / "nurture.yaml").write_text(NURTURE)
        (self.folder / "sequences" / "personal.yaml").write_text(PERSONAL)
        (self.folder / "answer.eml").write_text(ANSWER_EML)
        (self.folder / "unsubscribed.csv").write_text("email\nlu@gone.test\n")
        names = [
            (f"{name.lower()}@acme.test", name, "acme.test") for name in ("Jo", "Bo", "Cy", "Di", "Ed", "Jo.Smith")
        ]
        names += [(address, f"P{number}", address.rpartition("@")[2]) for number, address in enumerate(OTHERS, 1)]
        rows = [
            f"{address},{name},CTO,{domain.split('.')[0].title()},{domain},+13035550131,https://www.linkedin.com/in/{name},UTC"
            for address, name, domain in names
        ]
        (self.folder / "people.csv").write_text("\n".join([f"email,{COMPANY}", *rows]) + "\n")

    def _lives(self) -> None:
        ids = self.database.read(
            lambda c: people.owners(c, [*OTHERS, *(f"{n}@acme.test" for n in ("bo", "cy", "di", "ed"))])
        )
        self.enroll(ids["cy@acme.test"], "vp-engineering")
        self.send_due(Uncertain("the connection was lost", "dot"))
        for address in OTHERS:
            self.enroll(ids[address], "calls")
        self.enroll(ids["di@acme.test"], "vp-engineering")
        self.send_due()
        self.deliver(mail("Sounds good. When?", sender="Di Dean <di@acme.test>", at=self.clock.now()))
        self.deliver(mail("", sender="post@else.test", subject="unsubscribe", at=self.clock.now(), number=2))
        asyncio.run(self.read())
        self.enroll(ids["ed@acme.test"], "personal")
        self.enroll(ids["bo@acme.test"], "vp-engineering")
        while self.database.write(lambda c: self.advance.advance_due(c, self.clock.now())):
            pass

    def type(self, *words: str, config: bool = True) -> None:
        """One command, which must succeed."""
        at = ["--config", str(self.folder / "config.toml")] if config else []
        ran = CliRunner().invoke(root, [*at, *words], catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
