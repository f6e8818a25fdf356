"""Compressed RTF, as Outlook stores bodies (MS-OXRTFCP)."""

import struct

_PRELOADED = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_HEADER_BYTES = 16


def decompress(data: bytes) -> bytes:
    """The RTF; as much of it as there is. At most nine times the size of `data`.

    Raises:
        ValueError: it is no compressed RTF.
    """
    if len(data) < _HEADER_BYTES:
        raise ValueError("shorter than its header")
    raw_bytes, kind = struct.unpack_from("<L4s", data, 4)
    if kind == b"MELA":
        return data[_HEADER_BYTES : _HEADER_BYTES + raw_bytes]
    if kind != b"LZFu":
        raise ValueError(f"compressed in an unknown way, {kind!r}")
    return bytes(_inflated(data)[:raw_bytes])


def _inflated(data: bytes) -> bytearray:
    """Runs of eight tokens, each run after a byte of flags: a literal byte, or 12 bits of place and 4 of length."""
    out = bytearray()
    window = bytearray(_PRELOADED.ljust(_WINDOW, b"\0"))
    write_at = len(_PRELOADED)
    position = _HEADER_BYTES
    while position < len(data):
        flags = data[position]
        position += 1
        for bit in range(8):
            width = 2 if flags >> bit & 1 else 1
            token = data[position : position + width]
            position += width
            if len(token) < width:
                return out
            place, length = (token[0] << 4 | token[1] >> 4, (token[1] & 0xF) + 2) if width == 2 else (0, 1)
            if width == 2 and place == write_at:
                return out
            for step in range(length):
                # Byte by byte: a run may read what it has just written.
                byte = window[(place + step) % _WINDOW] if width == 2 else token[0]
                window[write_at] = byte
                write_at = (write_at + 1) % _WINDOW
                out.append(byte)
    return out
