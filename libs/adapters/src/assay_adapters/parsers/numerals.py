"""Numbers of list items, as Office names their formats."""


def formatted(count: int, format: str) -> str:
    """A number as letters or Roman digits where that is wanted; other scripts' numbers become digits."""
    match format:
        case "lowerLetter" if count > 0:
            return chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1) if count <= 260 else str(count)
        case "upperLetter" if count > 0:
            return formatted(count, "lowerLetter").upper()
        case "lowerRoman" if 0 < count < 4000:
            return _roman(count)
        case "upperRoman":
            return formatted(count, "lowerRoman").upper()
        case _:
            return str(count)


_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


def _roman(count: int) -> str:
    digits = ""
    for value, sign in _ROMAN:
        digits += sign * (count // value)
        count %= value
    return digits
