"""The system's clock: aware, and monotonic where the machine allows."""

from datetime import UTC, datetime

from freezegun import freeze_time

from sequencer.clock import SystemClock


def test_now_is_aware_utc() -> None:
    with freeze_time("2026-11-23 09:00:00"):
        assert SystemClock().now() == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_monotonic_never_goes_back() -> None:
    readings = [SystemClock().monotonic() for _ in range(100)]
    assert readings == sorted(readings)
