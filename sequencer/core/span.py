"""A length of time as a sequence file writes it: `90s`, `30m`, `4h`, `3d`, `2bd`.

Minutes and hours elapse; days and business days are counted on the calendar of a zone (core/window.py does that).
This module does not know any calendar.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

Unit = Literal["s", "m", "h", "d", "bd"]
SPAN = re.compile(r"(\d{1,5})\s*(s|m|h|d|bd)")
SPAN_DAYS_MAX = 730
_SECONDS: dict[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "bd": 86_400}


@dataclass(frozen=True, slots=True)
class Span:
    """`amount` of `unit`; at most two years."""

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Read `3bd`. Raises ValueError, with what was expected."""
        found = SPAN.fullmatch(text.strip())
        if not found:
            raise ValueError(f'"{text}" is no length of time: write a number and m, h, d or bd, as in 30m, 4h, 3d, 2bd')
        amount, unit = int(found[1]), found[2]
        if amount * _SECONDS[unit] > SPAN_DAYS_MAX * 86_400:
            raise ValueError(f'"{text}" is longer than two years')
        return cls(amount, unit)  # type: ignore[arg-type]

    @property
    def elapsed(self) -> timedelta:
        """The plain duration: exact for s, m and h; a day counts 24 hours."""
        return timedelta(seconds=self.amount * _SECONDS[self.unit])

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"

    def __bool__(self) -> bool:
        return self.amount > 0

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> "Span":
            if isinstance(value, Span):
                return value
            return cls.parse(str(value))

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{SPAN.pattern}$", "examples": ["30m", "4h", "3d", "2bd"]}


NOTHING = Span(0, "m")
