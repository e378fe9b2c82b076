"""An import says what came of each row, changes nothing twice, and lets go on whom it mends."""

from datetime import timedelta
from io import BytesIO

import pytest

from sequencer.channels.mail_domain import MailDomains
from sequencer.content.people_csv import Row, read
from sequencer.core import events as e
from sequencer.core.people import Address, Prospect
from sequencer.core.reason import Reason
from sequencer.core.suppression import Suppression
from sequencer.engine.importing import NOTES_MAX, _updated, import_rows
from sequencer.store import log, people
from tests.fresh import person_numbers
from tests.unit.doctor.zone_server import stub, zone_server
from tests.unit.engine.office import ONE_MAIL, SEQUENCE, Office

HEADER = "email,first_name,last_name,company,phone,country,hiring\n"
JO = "jo@acme.test,Jo,Doe,Acme,+34 612 345 678,ES,engineers\n"


def seq(office: Office, email: str) -> int:
    person = office.id_of(email)
    return office.database.read(lambda c: person_numbers(c, [person]))[person]


def test_what_a_row_becomes(office: Office) -> None:
    report = office.bring(HEADER + JO, list_name="q4")
    jo = office.prospect("jo@acme.test")
    assert (report.added, report.taken, report.refused) == (1, 1, [])
    assert jo.fields == {"first_name": "Jo", "last_name": "Doe"}
    assert (jo.phone, jo.timezone, jo.zone_source, jo.country) == ("+34612345678", "Europe/Madrid", "phone", "ES")
    account = office.database.read(lambda c: people.load_accounts(c, ["acme.test"]))["acme.test"]
    assert (account.name, account.fields) == ("Acme", {"hiring": "engineers"})
    assert office.database.read(lambda c: people.list_members(c, "q4")) == [jo.id]


@pytest.mark.parametrize("update", [False, True])
def test_the_same_file_twice_changes_nothing(office: Office, update: bool) -> None:
    # Two people of one company whose rows name it differently: whoever comes first is believed, both times.
    text = HEADER + JO + "al@acme.test;al@home.test,Al,Poe,Acme Inc,,ES,nobody\n" + "broken,,,,,,\n"
    office.bring(text, list_name="q4")
    before = office.everything()
    report = office.bring(text, list_name="q4", update=update)
    assert (report.added, report.updated, report.unchanged, report.differing) == (0, 0, 2, 0)
    assert office.everything() == before


def test_two_rows_of_one_person_do_not_change_each_other_for_ever(office: Office) -> None:
    office.bring("email,title\njo@acme.test;j.doe@acme.test,CTO\n")
    text = "email,title\nj.doe@acme.test,VP\njo@acme.test,CTO\n"
    before = office.everything()
    report = office.bring(text, update=True)
    assert (report.updated, report.unchanged) == (0, 2)
    assert office.everything() == before


def test_a_row_for_the_second_address_leaves_the_person_at_their_company(office: Office) -> None:
    office.bring("email,title\njo@acme.test;jo@club.test,CTO\n")
    office.bring("email,title\njo@club.test,VP\n", update=True)
    jo = office.prospect("jo@acme.test")
    assert (jo.account_id, jo.address, jo.fields["title"]) == ("acme.test", "jo@acme.test", "VP")


REFUSED = [
    # the address of a colleague, of a rep, of a mailbox, of a sub-domain of ours
    ("ann@ourco.test,Ann,,,,,", "ann@ourco.test is an address of your own company"),
    ("ana@home.test,Ann,,,,,", "ana@home.test is an address of your own company"),
    ("ana+crm@ourco-mail.test,Ann,,,,,", "ana+crm@ourco-mail.test is an address of your own company"),
    ("ann@eu.ourco.test,Ann,,,,,", "ann@eu.ourco.test is an address of your own company"),
    # one of our addresses among theirs
    ("ann@acme.test;ann@ourco.test,Ann,,,,,", "ann@ourco.test is an address of your own company"),
    # the address of another name
    ("jo@acme.test,Joanna,Smith,,,,", "jo@acme.test belongs to Jo Doe, the row says Joanna Smith; --update"),
    # addresses of two people
    ("jo@acme.test;al@acme.test,Jo,Doe,,,,", "belong to different people: jo@acme.test, al@acme.test"),
    # what the reader refuses keeps its reason
    ("jo at acme,Jo,,,,,", "cannot be written to"),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_refused_rows(office: Office, row: str, reason: str) -> None:
    office.bring(HEADER + JO + "al@acme.test,Al,Poe,,,,\n")
    before = office.everything()
    report = office.bring(f"{HEADER}{row}\n", list_name="q4")
    ((line, said),) = report.refused
    assert line == 2
    assert reason in said
    assert office.everything() == before


TAKEN = [
    # the same name in other letters, and with other blanks
    "jo@acme.test,JO,  doe,,,,",
    # no name at all
    "jo@acme.test,,,,,,",
]


@pytest.mark.parametrize("row", TAKEN)
def test_the_same_person_by_another_spelling(office: Office, row: str) -> None:
    office.bring(HEADER + JO)
    assert office.bring(f"{HEADER}{row}\n").unchanged == 1


def test_without_update_known_people_keep_what_they_have(office: Office) -> None:
    office.bring(HEADER + JO)
    before = office.everything()
    report = office.bring(f"{HEADER}jo@acme.test,Jo,Doe,Acme,+34 699 999 999,ES,\n")
    assert (report.unchanged, report.differing, report.updated) == (1, 1, 0)
    assert office.everything() == before


def test_without_update_a_known_company_is_only_filled_in(office: Office) -> None:
    office.bring(HEADER + "jo@acme.test,Jo,,Acme,,,\n")
    office.bring("email,company,hiring,industry\nal@acme.test,Acme Inc,engineers,steel\n")
    account = office.database.read(lambda c: people.load_accounts(c, ["acme.test"]))["acme.test"]
    assert (account.name, dict(account.fields)) == ("Acme", {"hiring": "engineers", "industry": "steel"})


def test_update_writes_and_tells_the_fences(office: Office) -> None:
    office.apply("three", SEQUENCE)
    office.bring(HEADER + JO)
    enrollment = office.inside("three", "jo@acme.test")
    office.sent(enrollment, "intro")
    before = seq(office, "jo@acme.test")
    report = office.bring(f"{HEADER}new@acme.test;jo@acme.test,Joanna,Smith,,+1 212 555 0123,US,\n", update=True)
    jo = office.prospect("jo@acme.test")
    assert report.updated == 1
    assert jo.addresses == (Address("new@acme.test"), Address("jo@acme.test"))
    assert jo.fields == {"first_name": "Joanna", "last_name": "Smith"}
    assert (jo.timezone, jo.country) == ("America/New_York", "US")
    assert seq(office, "jo@acme.test") == before + 1
    assert office.database.read(lambda c: log.load(c, [enrollment]))[enrollment].due_at == office.now


ZONES = [
    # person has (zone, source, country), row says (zone, source, country), zone afterwards
    (("Europe/Madrid", "file", "ES"), ("Europe/Paris", "phone", "ES"), "Europe/Madrid"),
    (("Europe/Madrid", "phone", "ES"), ("Europe/Paris", "phone", "ES"), "Europe/Paris"),
    (("Europe/Madrid", "country", "ES"), ("Europe/Paris", "file", "ES"), "Europe/Paris"),
    # moved to another country: the file's old word no longer counts
    (("Europe/Madrid", "file", "ES"), ("America/Denver", "phone", "US"), "America/Denver"),
    # what a person set stays
    (("Europe/Madrid", "person", "ES"), ("America/Denver", "file", "US"), "Europe/Madrid"),
    # a row without a zone takes none away
    (("Europe/Madrid", "country", "ES"), (None, "unknown", None), "Europe/Madrid"),
    ((None, "unknown", None), ("Europe/Paris", "country", "FR"), "Europe/Paris"),
]


@pytest.mark.parametrize(("has", "says", "zone"), ZONES)
def test_the_better_zone(has, says, zone) -> None:  # type: ignore[no-untyped-def]
    person = Prospect(1, (Address("a@x.test"),), timezone=has[0], zone_source=has[1], country=has[2])
    row = Row(2, ("a@x.test",), {}, timezone=says[0], zone_source=says[1], country=says[2])
    assert _updated(person, row).timezone == zone


def held(reason: Reason, detail: str = "") -> e.HoldPut:
    return e.HoldPut(reason=reason, detail=detail)


MENDS = [
    # hold, row that is imported with --update, whether it lets go
    (held(Reason.MISSING_FIELD, "prospect.title"), "email,title\njo@acme.test,CTO\n", True),
    (held(Reason.MISSING_FIELD, "prospect.title"), "email,stage\njo@acme.test,lead\n", False),
    (held(Reason.MISSING_FIELD, "prospect.title, account.hiring"), "email,title\njo@acme.test,CTO\n", False),
    (held(Reason.MISSING_FIELD, "prospect.title, account.hiring"), "email,title,hiring\njo@acme.test,CTO,ops\n", True),
    (held(Reason.MISSING_FIELD, "account.hiring"), "email,hiring\njo@acme.test,engineers\n", True),
    # a colleague's row brings what is missing of the company
    (held(Reason.MISSING_FIELD, "account.hiring"), "email,hiring\nnew@acme.test,engineers\n", True),
    (held(Reason.MISSING_FIELD, "rep.meeting_link"), "email,title\njo@acme.test,CTO\n", False),
    (held(Reason.BAD_ADDRESS, "5.1.1"), "email\nnew@acme.test;jo@acme.test\n", True),
    # another fact about somebody whose address does not work mends nothing
    (held(Reason.BAD_ADDRESS, "5.1.1"), "email,title\njo@acme.test,CTO\n", False),
    (held(Reason.BAD_PHONE), "email,phone\njo@acme.test,+34 699 999 999\n", True),
    (held(Reason.BAD_PHONE), "email,title\njo@acme.test,CTO\n", False),
    (held(Reason.UNCERTAIN, "intro"), "email,title\njo@acme.test,CTO\n", False),
]


@pytest.mark.parametrize(("hold", "text", "is_freed"), MENDS)
def test_what_an_update_mends(office: Office, hold: e.HoldPut, text: str, is_freed: bool) -> None:
    office.apply("three", SEQUENCE)
    office.bring("email,first_name,phone\njo@acme.test,Jo,+34 612 345 678\n")
    enrollment = office.inside("three", "jo@acme.test")
    office.record(enrollment, hold)
    office.now += timedelta(hours=1)
    report = office.bring(text, update=True)
    assert report.freed == is_freed
    assert (office.progress(enrollment).hold(hold.reason) is None) == is_freed
    assert office.folded(enrollment) == office.progress(enrollment)


def test_a_suppressed_address_stays_suppressed(office: Office) -> None:
    rule = Suppression("address", "jo@acme.test", None, "asked before", office.now)
    office.database.write(lambda c: people.suppress(c, rule, "ana"))
    office.bring(HEADER + "jo+work@acme.test,Jo,,,,,\n")
    office.apply("one", ONE_MAIL)
    (refusal,) = office.enroll("one", [office.id_of("jo+work@acme.test")]).refused
    assert refusal.reason is Reason.SUPPRESSED
    assert "asked before" in refusal.sentence


def test_many_rows_go_in_portions(office: Office) -> None:
    lines = [f"p{number}@company{number // 7}.test,P{number}" for number in range(1_234)]
    lines[700] = "nobody,P"
    seen: list[int] = []
    text = "email,first_name\n" + "\n".join(lines)
    rows = read(BytesIO(text.encode()), "people.csv")
    report = import_rows(office.database, office.advance, rows, list_name="all", now=office.now, on_rows=seen.append)
    assert (report.added, [line for line, _ in report.refused]) == (1_233, [702])
    assert seen == [500, 500, 234]
    members = office.database.read(lambda c: people.list_members(c, "all"))
    persons = office.database.read(lambda c: people.load_prospects(c, members))
    assert {p.address: p.fields["first_name"] for p in persons.values()} == {
        f"p{number}@company{number // 7}.test": f"P{number}" for number in range(1_234) if number != 700
    }


ACCOUNTS = [
    # a CRM's id comes first, and a list without ids finds the account by its web domain
    (["001,jo@acme.test", ",al@acme.test"], ["001", "001"]),
    # the other way round the domain is the account's id, and the CRM's id makes its own
    ([",jo@acme.test", "001,al@acme.test", ",ed@acme.test"], ["acme.test", "001", "acme.test"]),
    # of two ids the person keeps theirs
    (["002,jo@acme.test", "001,al@acme.test", ",jo@acme.test"], ["002", "001"]),
    # nobody is a colleague at a free-mail domain
    ([",jo@gmail.com", ",al@gmail.com"], [None, None]),
]


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("lines", "accounts"), ACCOUNTS)
def test_a_company_is_one_account(
    office: Office, lines: list[str], accounts: list[str], together: bool, update: bool
) -> None:
    texts = ["\n".join(lines)] if together else lines
    for _ in range(2):
        for text in texts:
            office.bring(f"account_id,email\n{text}\n", update=update)
        emails = dict.fromkeys(line.split(",")[1] for line in lines)
        assert [office.prospect(email).account_id for email in emails] == accounts


def test_of_two_rows_the_first_is_believed_over_several_transactions(office: Office) -> None:
    people_of_acme = [f"p{number}@acme.test,Acme {number},{number}" for number in range(600)]
    text = "email,company,industry\n" + "\n".join(people_of_acme)
    for _ in range(2):
        office.bring(text, update=True)
        account = office.database.read(lambda c: people.load_accounts(c, ["acme.test"]))["acme.test"]
        assert (account.name, account.fields) == ("Acme 0", {"industry": "0"})
    assert office.bring(text, update=True).updated == 0


def test_a_dry_run_says_what_would_come_and_writes_nothing(office: Office) -> None:
    office.bring(HEADER + JO)
    before = office.everything()
    text = HEADER + "jo@acme.test,Jo,Doe,,+34 699 999 999,ES,\nal@acme.test,Al,,,,,\nann@ourco.test,Ann,,,,,\n"
    rows = read(BytesIO(text.encode()), "people.csv")
    report = import_rows(
        office.database, office.advance, rows, list_name="q4", update=True, dry_run=True, now=office.now
    )
    assert (report.added, report.updated, len(report.refused)) == (1, 1, 1)
    assert office.everything() == before


def test_addresses_at_domains_without_mail_are_left_out_or_refused(office: Office) -> None:
    text = "email,personal_email\njo@acme.test,jo@null.test\nal@gone.test,\ned@null.test,ed@acme.test\n"
    rows = read(BytesIO(text.encode()), "people.csv")
    with zone_server("acme.test MX 10 mx.acme.test\nnull.test MX 0 .\n") as server:
        domains = MailDomains(stub(server))
        report = import_rows(office.database, office.advance, rows, without_mail=domains, now=office.now)
    assert report.refused == [(3, 'email "al@gone.test" cannot be written to: the domain does not exist')]
    assert [line for line, _ in report.notes] == [2, 4]
    assert office.prospect("jo@acme.test").addresses == (Address("jo@acme.test"),)
    assert office.prospect("ed@acme.test").addresses == (Address("ed@acme.test"),)


def test_many_notes_are_counted_and_not_all_kept(office: Office) -> None:
    lines = "\n".join(f"p{number}@acme.test,call me" for number in range(NOTES_MAX + 100))
    report = office.bring(f"email,phone\n{lines}\n")
    assert (report.note_count, len(report.notes)) == (NOTES_MAX + 100, NOTES_MAX)
