import pytest
from assay_wire.sse import Decoder, ServerEvent, decode, decode_sync, encode


def test_an_event_has_these_bytes() -> None:
    event = ServerEvent("token", '{"text":"Zwölf"}', "3")
    assert encode(event) == b'id: 3\nevent: token\ndata: {"text":"Zw\xc3\xb6lf"}\n\n'
    assert encode(ServerEvent("", "a\nb")) == b"data: a\ndata: b\n\n"


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_events_come_back_from_pieces_of_any_size(step: int) -> None:
    events = [
        ServerEvent("token", '{"text":"a\u2028b\u2029c\x85d\x0ce é \U0001f334"}', "1"),
        ServerEvent("done", "{}", "2"),
    ]
    raw = b": keep-alive\n\n".join(encode(e) for e in events)
    pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
    assert list(decode_sync(pieces)) == events


async def test_decoding_waits_for_whole_events() -> None:
    async def pieces():
        yield b"event: token\r\ndata: 1\r\n\r\nda"
        yield b"ta: 2\n\ndata: unfinished"

    assert [e.data async for e in decode(pieces())] == ["1", "2"]


def test_several_data_lines_are_one_text() -> None:
    assert [e.data for e in Decoder().feed(b"data: a\ndata:  b\n\n")] == ["a\n b"]
