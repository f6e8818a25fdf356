"""Values of spreadsheet cells as people read them."""

import math
from datetime import date, datetime, time, timedelta


def cell_text(value: object) -> str:
    """Whole numbers without a point, dates as in ISO 8601, a date without a time where it is midnight."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return _number(value)
        case datetime():
            midnight = value.time() == time()
            return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds")
        case timedelta():
            return str(timedelta(seconds=round(value.total_seconds())))
        case _:
            return str(value).strip()


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    # 15 digits are what spreadsheets keep: 0.1 + 0.2 is 0.3 there.
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")
