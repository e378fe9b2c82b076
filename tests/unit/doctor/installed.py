"""An installation in a folder, for what looks at files: config.toml as the test writes it, and a migrated database."""

from pathlib import Path

from sequencer.config import Config, load
from tests.fresh import fresh_database

TEXT = """
[database]
url = "sqlite:///sequencer.db"
[company]
name = "Ourco"
postal_address = "1 Example Street, 28001 Madrid, Spain"
own_domains = ["ourco.test"]
[public]
base_url = "https://go.ourco.test"
[[reps]]
name = "ana"
email = "ana@ourco.test"
timezone = "Europe/Madrid"
[[mailboxes]]
address = "ana@ourco.test"
rep = "ana"
timezone = "Europe/Madrid"
smtp = { host = "127.0.0.1", port = 25, security = "none", username = "ana", password = "env:ANA_PW" }
maildir = "mail"
"""
SEQUENCE = "title: One mail\nowner: ana\nsteps:\n  - id: intro\n    email: intro.md\n"


def installed(folder: Path, text: str = TEXT, *, database: bool = True) -> Config:
    """The folder is closed to others, as a careful operator leaves it."""
    folder.chmod(0o700)
    for name, written in (
        ("config.toml", text), ("sequences/one.yaml", SEQUENCE), ("templates/intro.md", "Subject: Hi\n\nHi\n")
    ):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(written)
    if database:
        fresh_database(folder)
    return load(folder / "config.toml")
