"""The mail of one touch: what a rep wrote, what is attached, which thread it joins."""

from base64 import b64encode
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from sequencer.content.definition import Bundle, from_stored
from sequencer.content.failure import MissingField
from sequencer.content.render import Renderer
from sequencer.core.people import Address, Prospect
from sequencer.engine.letter import AttachmentMissing, Draft, write
from sequencer.engine.situation import facts_of
from sequencer.store.sends import SendRow
from tests.unit.engine.office import Office

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SEQUENCE = """
title: Threads
steps:
  - id: intro
    email: intro.md
  - id: bump
    wait: 2bd
    email: bump.md
    reply_to: intro
  - id: other
    wait: 2bd
    email: other.html
  - id: breakup
    wait: 2bd
    email: bump.md
    reply_to: bump
"""
FILES = {
    "intro.md": "Subject: Hello {{ prospect.title }}\nAttach: sheets/price.csv\n\nHi {{ prospect.first_name }}\n",
    "bump.md": "\nAny thoughts, {{ prospect.nickname }}?\n",
    "other.html": 'Subject: News\nPreheader: A < B\n\n<html lang="en"><body class="x"><p>Hello</p></body></html>\n',
    "sheets/price.csv": b64encode(b"a,b\r\n").decode(),
}


def sent(step: str, number: int) -> SendRow:
    return SendRow(
        number, 1, step, 1, 1, None, "threads", "ana@ourco.test", "", 1, "sent", NOW, None, False, "jo@acme.test",
        None, f"<{step}@ourco.test>", f"Subject of {step}", NOW, "", None, 1, None, NOW, NOW, 250, "", "", "", 0, "",
    )  # fmt: skip


def written(
    office: Office,
    step: str,
    *,
    before: tuple[str, ...] = (),
    draft: Draft | None = None,
    files: dict[str, str] | None = None,
    **fields: str,
) -> EmailMessage:
    bundle: Bundle = from_stored("threads", SEQUENCE, FILES if files is None else files)
    person = Prospect(1, (Address("jo@acme.test"),), fields, None, "UTC")
    facts = facts_of(office.config, bundle, "1", person, None, "ana", "ana@ourco.test")
    thread = [sent(each, number) for number, each in enumerate(before)]
    row = sent(step, 99)._replace(state="queued")
    made = write(office.config, Renderer(bundle.files), bundle, row, facts, thread, b"key", NOW, draft)
    return message_from_bytes(made.raw, policy=policy.default)


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").strip()


def test_what_a_rep_wrote_mends_a_missing_field(office: Office) -> None:
    with pytest.raises(MissingField):
        written(office, "intro", first_name="Jo")
    mail = written(office, "intro", first_name="Jo", draft=Draft("By hand", "Dear Jo\n"))
    assert (mail["Subject"], text_of(mail)) == ("By hand", "Dear Jo")


def test_a_rep_s_text_without_a_subject_joins_the_thread(office: Office) -> None:
    mail = written(office, "bump", before=("intro",), draft=Draft(None, "Dear Jo\n"))
    assert (mail["Subject"], text_of(mail)) == ("Re: Subject of intro", "Dear Jo")


def test_a_rep_s_text_keeps_the_template_s_subject_and_attachments(office: Office) -> None:
    mail = written(office, "intro", first_name="Jo", title="CTO", draft=Draft(None, "Dear Jo\n"))
    assert (mail["Subject"], text_of(mail)) == ("Hello CTO", "Dear Jo")
    assert [part.get_filename() for part in mail.iter_attachments()] == ["price.csv"]


def test_an_attachment_is_the_one_that_was_applied(office: Office) -> None:
    (office.folder / "templates" / "sheets").mkdir()
    (office.folder / "templates" / "sheets" / "price.csv").write_bytes(b"edited since\r\n")
    mail = written(office, "intro", first_name="Jo", title="CTO")
    (part,) = mail.iter_attachments()
    assert part.get_payload(decode=True) == b"a,b\r\n"
    without = {name: text for name, text in FILES.items() if name != "sheets/price.csv"}
    with pytest.raises(AttachmentMissing, match=r"price\.csv"):
        written(office, "intro", first_name="Jo", title="CTO", files=without)


@pytest.mark.parametrize(
    ("step", "before", "parent", "references"),
    [
        # the first of a thread
        ("intro", (), None, []),
        # a new thread: the mail that it would answer never went
        ("bump", (), None, []),
        ("bump", ("intro",), "intro", ["intro"]),
        # another thread lies between: the answer goes to its own
        ("breakup", ("intro", "bump", "other"), "bump", ["intro", "bump"]),
        ("breakup", ("bump", "other"), "bump", ["bump"]),
        # a mail without reply_to joins no thread
        ("other", ("intro", "bump"), None, []),
    ],
)
def test_the_thread_that_a_mail_joins(
    office: Office, step: str, before: tuple[str, ...], parent: str | None, references: list[str]
) -> None:
    mail = written(office, step, before=before, first_name="Jo", title="CTO", nickname="Jojo")
    assert mail["In-Reply-To"] == (f"<{parent}@ourco.test>" if parent else None)
    assert (mail["References"] or "").split() == [f"<{each}@ourco.test>" for each in references]
    assert not parent or mail["Subject"] == f"Re: Subject of {parent}"


def test_a_whole_page_stays_one_page_and_shows_its_preheader(office: Office) -> None:
    body = written(office, "other", first_name="Jo").get_body(("html",))
    assert body is not None
    page = body.get_content()
    assert page.count("<body") == page.count("<html") == 1
    assert '<body class="x"><div style="display:none;max-height:0;overflow:hidden">A &lt; B</div>' in page


def test_a_follow_up_whose_thread_never_began_says_what_its_first_mail_would_have_said(office: Office) -> None:
    mail = written(office, "breakup", before=("other",), first_name="Jo", title="CTO", nickname="J")
    assert mail["Subject"] == "Hello CTO"
    assert mail["In-Reply-To"] is None
