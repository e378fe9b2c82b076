"""Whatever a zone says, each record is judged without a crash, and what is wrong can be mended."""

import base64
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sequencer.doctor.dkim import dkim, rsa_bits
from sequencer.doctor.domain import dmarc
from sequencer.doctor.lookup import Exchange
from sequencer.doctor.spf import LOOKUPS_FOLLOWED_MAX, spf

WORDS = (
    "all",
    "-all",
    "+all",
    "include:a.test",
    "include:b.test",
    "redirect=a.test",
    "a",
    "mx/24",
    "ptr",
    "ip4:1.2.3.4",
)
RECORDS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
TAGS = st.lists(
    st.tuples(st.sampled_from(["v", "p", "sp", "k", "t", "s", "h", "rua"]), st.text(max_size=12)), max_size=6
)


class Zone:
    """Texts by name, and nothing else."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self._texts = texts
        self.asked = 0

    def texts(self, name: str) -> list[str]:
        self.asked += 1
        return self._texts.get(name, [])

    def exchanges(self, name: str) -> list[Exchange]:
        return []

    def has_address(self, host: str) -> bool:
        return False


@given(RECORDS, RECORDS, RECORDS)
def test_any_spf_record_is_judged_within_bounds(own: str, first: str, second: str) -> None:
    names = {"ourco.test": own, "a.test": first, "b.test": second}
    zone = Zone({name: [f"v=spf1 {record}"] for name, record in names.items()})
    found = list(spf(zone, "ourco.test", ["smtp.gmail.com"]))
    assert found
    assert all(bool(finding.mend) == (finding.status != "ok") for finding in found)
    assert zone.asked <= 2 * LOOKUPS_FOLLOWED_MAX
    if any(finding.status == "ok" for finding in found):
        assert len(found) == 1


@given(TAGS)
def test_any_tag_list_is_judged(tags: list[tuple[str, str]]) -> None:
    record = "; ".join(f"{name}={value}" for name, value in tags)
    zone = Zone({"s._domainkey.ourco.test": [record], "_dmarc.ourco.test": [f"v=DMARC1; {record}"]})
    for found in (list(dkim(zone, "ourco.test", "s", "x")), list(dmarc(zone, "ourco.test"))):
        assert found
        assert all(bool(finding.mend) == (finding.status != "ok") for finding in found)


@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda rest: b"\x30\x82" + rest))
def test_any_bytes_are_a_key_or_none(content: bytes) -> None:
    bits = rsa_bits(base64.b64encode(content).decode())
    assert bits is None or 0 <= bits <= 8 * len(content)
