"""Each product's export imports as it is: whose it is, what becomes of its columns, and the person it makes."""

import io
from pathlib import Path

import pytest

from sequencer.content.exports import COMMON, LAYOUTS
from sequencer.content.headings import _key, recognise
from sequencer.content.people_csv import Refused, Row, read, survey
from sequencer.errors import DefinitionError, InputError

EXPORTS = Path(__file__).parent / "exports"
SAMPLES = sorted(EXPORTS.glob("*.csv"))

# file -> layout, (people, refused)
WHOSE = {
    "apollo.csv": ("Apollo", (2, 1)),  # one without an address
    "apollo-2021.csv": ("Apollo", (1, 0)),
    "sales-navigator.csv": ("Sales Navigator", (2, 0)),
    "sales-navigator-evaboot.csv": ("Sales Navigator", (1, 0)),
    "leadiq.csv": ("LeadIQ", (2, 0)),
    "zoominfo.csv": ("ZoomInfo", (2, 0)),
    "hubspot.csv": ("HubSpot", (2, 1)),  # one has unsubscribed
    "salesforce.csv": ("Salesforce", (2, 1)),  # one has opted out; the foot of the report is nobody
    "salesforce-data-loader.csv": ("Salesforce", (1, 0)),
}


def people(name: str) -> list[Row]:
    return [row for row in read(EXPORTS / name) if isinstance(row, Row)]


def test_every_sample_is_expected() -> None:
    assert {path.name for path in SAMPLES} == set(WHOSE)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_whose_export_it_is(path: Path) -> None:
    layout, (taken, refused) = WHOSE[path.name]
    found = survey(path)
    rows = list(read(path))
    assert found.headings.layout == layout
    assert found.rows == len(rows) == taken + refused
    assert [type(row) for row in rows].count(Refused) == refused
    # Nothing in a product's own layout looks like a slip of the pen.
    assert not [column for column in found.headings.columns if column.meant or column.is_nameless]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_person_is_named_placed_and_at_a_company(path: Path) -> None:
    for row in people(path.name):
        assert {"first_name", "last_name", "title"} <= set(row.fields)
        assert row.account_name
        assert row.account_domain
        # A metropolitan region of LinkedIn's names no country.
        assert (row.timezone and row.country) or "Region" in row.fields["location"]


def test_apollo() -> None:
    nora, pablo = people("apollo.csv")
    assert nora.emails == ("nora.whitfield@cedarfreight.test", "nora.w@home.example")
    assert (nora.phone, nora.fields["phone_2"]) == ("+13035550131", "+17205550144")
    assert (nora.timezone, nora.zone_source, nora.country) == ("America/Denver", "phone", "US")
    assert (nora.account_id, nora.account_name) == ("cedarfreight.test", "Cedar Freight")
    assert nora.account_fields["employees"] == "420"
    assert nora.account_fields["phone"] == "+13035550100"
    assert nora.account_fields["apollo_id"] == "61b2a9d7f1"
    assert nora.linkedin == "https://www.linkedin.com/in/nora-whitfield-example"
    assert not {"replied", "email_sent", "contact_owner"} & set(nora.fields)
    assert pablo.fields["stage"] == "MQL"


def test_sales_navigator() -> None:
    lena, jules = people("sales-navigator.csv")
    assert lena.linkedin == "https://www.linkedin.com/in/lena-hartmann-example"
    assert (lena.country, lena.timezone, lena.zone_source) == ("DE", "Europe/Berlin", "country")
    assert lena.fields["summary"] == "I build teams. And grids."
    assert (jules.country, jules.timezone) == (None, None)
    (sofia,) = people("sales-navigator-evaboot.csv")
    assert sofia.linkedin == "https://www.linkedin.com/in/sofia-lindqvist-example"
    assert (sofia.country, sofia.account_domain, sofia.account_fields["employees"]) == ("SE", "fjallby.test", "1200")


def test_leadiq() -> None:
    marcus, yuki = people("leadiq.csv")
    assert marcus.emails == ("marcus.bell@quarry.test", "mbell@quarry.test", "marcus@home.example")
    assert (marcus.phone, marcus.fields["phone_2"]) == ("+15125550151", "+17375550152")
    assert (yuki.phone, yuki.timezone) == ("+819012345678", "Asia/Tokyo")


def test_zoominfo() -> None:
    camila, petr = people("zoominfo.csv")
    assert camila.emails == ("camila.reyes@tidepool.test", "camila@home.example")
    assert (camila.phone, camila.timezone) == ("+14155550171", "America/Los_Angeles")
    assert camila.account_fields["revenue_thousand_usd"] == "31500"
    assert (petr.country, petr.timezone, petr.account_id) == ("CZ", "Europe/Prague", "svetlo.test")


def test_hubspot() -> None:
    ines, tom = people("hubspot.csv")
    assert {name: ines.fields[name] for name in ("stage", "score", "persona", "authority", "budget", "timeline")} == {
        "stage": "MQL", "score": "74", "persona": "Technical buyer", "authority": "Decision Maker",
        "budget": "Approved", "timeline": "This quarter",
    }  # fmt: skip
    assert ines.fields["icp_fit"] == "Tier 1"
    assert (ines.timezone, ines.zone_source) == ("Europe/Lisbon", "file")
    assert (ines.account_id, ines.account_fields["revenue"]) == ("9001", "12500000")
    assert tom.fields["stage"] == "SQL"


def test_salesforce() -> None:
    daniel, hana = people("salesforce.csv")
    assert (daniel.account_id, daniel.account_name) == ("0015g00000EXAMPLE1", "Goldleaf Mining")
    assert (daniel.fields["score"], daniel.fields["need"]) == ("68", "=safety reporting")
    assert (hana.phone, hana.notes) == (None, ("phones left out: the file says not to call",))
    (miriam,) = people("salesforce-data-loader.csv")
    assert (miriam.account_name, miriam.fields["lead_source"]) == ("Alpenblick AG", "Referral")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_an_export_that_excel_saved_again_is_the_same(path: Path, encoding: str) -> None:
    text = path.read_text("utf-8")
    assert list(read(io.BytesIO(text.encode(encoding)), path.name)) == list(read(path))


def columns(header: str, *maps: str) -> dict[str, tuple[str, str]]:
    found = recognise("x.csv", 1, header.split(","), maps)
    return {column.heading: (column.spoken, column.fate) for column in found.columns}


def test_a_column_is_recognised_mapped_kept_or_left_out() -> None:
    assert columns("E-Mail,FirstName,Shoe Size,# Employees,Mood,日本", "Mood=score", "Shoe Size=-") == {
        "E-Mail": ("email", "recognised"),
        "FirstName": ("first_name", "recognised"),
        "Shoe Size": ("", "left out"),
        "# Employees": ("account.employees", "recognised"),
        "Mood": ("score", "mapped"),
        "日本": ("", "left out"),
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("Mood=account.mood", "account.mood"),
        ("mood=prospect.score", "score"),
        ("Mood=account.name", "account.name"),
        ("Mood=my_own", "my_own"),
        ("Mood = title", "title"),
    ],
)
def test_how_a_field_may_be_written(given: str, field: str) -> None:
    assert columns("email,Mood", given)["Mood"] == (field, "mapped")


def test_a_heading_with_an_equals_sign_can_be_mapped() -> None:
    assert columns("email,a=b", "a=b=score")["a=b"] == ("score", "mapped")


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("Fist Name", "first_name"),
        ("Frist Name", "first_name"),
        ("Compnay", "company"),
        ("Timezon", "timezone"),
        ("Linkdin URL", "linkedin"),
        # what people do have is no slip of the pen
        ("State", ""),
        ("City", ""),
        ("Notes", ""),
        ("Shoe Size", ""),
        ("Age", ""),
    ],
)
def test_what_was_probably_meant(heading: str, meant: str) -> None:
    (_, column) = recognise("x.csv", 1, ["email", heading]).columns
    assert (column.fate, column.meant) == ("own", meant)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("Mood", 'write --map "Column=field"'),
        ("=score", 'write --map "Column=field"'),
        ("Mod=score", 'the file has no column "Mod" — did you mean "Mood"?'),
        ("Mood=Shoe size", '"Shoe size" is no field: write small letters'),
        ("Mood=rep.name", '"rep.name" is no field'),
    ],
)
def test_a_map_that_cannot_be_meant(given: str, says: str) -> None:
    with pytest.raises(InputError) as failed:
        recognise("x.csv", 1, ["email", "Mood"], [given])
    assert says in str(failed.value)


def test_the_column_of_addresses_may_be_mapped_and_must_be_there() -> None:
    assert columns("Kontakt,Name", "Kontakt=email")["Kontakt"] == ("email", "mapped")
    with pytest.raises(DefinitionError, match='no column "email"'):
        recognise("x.csv", 1, ["email", "Name"], ["email=-"])


def test_no_heading_means_two_fields_in_one_table() -> None:
    for table in (COMMON, *(layout.fields for layout in LAYOUTS)):
        keys = [_key(heading) for headings in table.values() for heading in headings]
        assert sorted(keys) == sorted(set(keys))
    for layout in LAYOUTS:
        meant = {_key(heading) for headings in layout.fields.values() for heading in headings}
        assert not meant & set(map(_key, layout.left_out)), layout.name
