"""Windows code pages and font character sets by their numbers, as RTF and Outlook name encodings."""

import codecs

_CODE_PAGES = {
    **{
        708: "iso8859_6",
        709: "iso8859_6",
        819: "latin-1",
        936: "gb18030",
        949: "cp949",
        950: "cp950",
        951: "big5hkscs",
    },
    **{1361: "johab", 10000: "mac_roman", 10001: "shift_jis", 10006: "mac_greek", 10007: "mac_cyrillic"},
    **{10029: "mac_latin2", 10081: "mac_turkish", 20127: "ascii", 20866: "koi8_r", 21866: "koi8_u", 20932: "euc_jp"},
    **{20936: "gb2312", 50220: "iso2022_jp", 50221: "iso2022_jp", 50222: "iso2022_jp", 50225: "iso2022_kr"},
    **{
        51932: "euc_jp",
        51936: "gb2312",
        51949: "euc_kr",
        52936: "hz",
        54936: "gb18030",
        65000: "utf-7",
        65001: "utf-8",
    },
}
_FONT_CHARSETS = {
    **{0: "cp1252", 77: "mac_roman", 78: "shift_jis", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030"},
    **{136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257"},
    **{204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850"},
}


def code_page(number: int, default: str = "cp1252") -> str:
    """The codec of a Windows code page; `default` where there is none."""
    if 28591 <= number <= 28606:
        return _known(f"iso8859_{number - 28590}", default)
    return _known(_CODE_PAGES.get(number, f"cp{number}"), default)


def font_charset(number: int, default: str) -> str:
    """The codec of a font by its character set; `default` for those that say nothing (1) or are symbols (2)."""
    return _FONT_CHARSETS.get(number, default)


def _known(encoding: str, default: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return default
