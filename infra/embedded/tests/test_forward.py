"""Connections through the forwarder lose nothing, however early it comes."""

import asyncio

from assay_embedded.forward import Front


class _Client(asyncio.Transport):
    """The client's end, as the event loop would show it."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""
        self.ended = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.received += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended.set()


async def _shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def test_what_arrives_before_the_way_is_open_is_passed_on() -> None:
    async with await asyncio.start_server(_shout, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client, front = _Client(), Front(port, set())
        front.connection_made(client)
        front.data_received(b"early ")
        front.data_received(b"words")
        front.eof_received()
        async with asyncio.timeout(5):
            await client.ended.wait()
    assert client.received == b"EARLY WORDS"
