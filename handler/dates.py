"""Dates and times of ISO 8601, as whole microseconds since 1970 in UTC.

The form is YYYY-MM-DD, alone or with a time: YYYY-MM-DDThh:mm[:ss[.fraction]][Z or ±hh:mm]. A date alone is its midnight,
and a time without a zone is UTC. It reads no other form, and no year before 1 or after 9999.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# Compiled when it is asked for: a start reads no date.
_FORM = (
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2})?)(?:(?<=:..:..)[.,]([0-9]+))?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?"
)
# Without a zone: zones are subtracted by hand, which can't overflow.
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000
LEAST = (datetime.min - _EPOCH) // _MICROSECOND
MOST = (datetime.max - _EPOCH) // _MICROSECOND


def now() -> str:
    """Returns the time in UTC, as 2026-11-23T10:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_date(text: str) -> int | None:
    """Reads a date or date-time; digits after the microseconds are cut off. None where it isn't one."""
    found = re.fullmatch(_FORM, text)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day} {time or '00:00'}")
    except ValueError:
        return None  # the 30th of February
    micros = (at - _EPOCH) // _MICROSECOND + int((fraction or "")[:6].ljust(6, "0"))
    if zone and zone not in "Zz":
        minutes = 60 * int(zone[1:3]) + int(zone[3:].lstrip(":") or 0)
        micros -= (minutes if zone[0] == "+" else -minutes) * 60_000_000
    return micros if LEAST <= micros <= MOST else None


def format_date(micros: int) -> str:
    """Writes a date alone where the time is midnight, and else with its time and Z. Takes LEAST to MOST."""
    at = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=UTC)
    if micros % DAY == 0:
        return at.date().isoformat()
    return at.isoformat().replace("+00:00", "Z")
