"""A WebSocket server by other people: Python's websockets, with the settings that it comes with.

The first line of stdin is what to serve, as JSON; each later line is {"do": "close" | "abort" | "shut-down"}.
Each line of stdout is something that the server saw. It ends when stdin does.
"""

import asyncio
import base64
import json
import logging
import os
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

# Connections that break are part of the tests, and told below.
logging.getLogger("websockets").setLevel(logging.CRITICAL)


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class WatchedConnection(ServerConnection):
    def process_event(self, event):
        if isinstance(event, Frame) and event.opcode in (Opcode.PING, Opcode.PONG):
            tell(event.opcode.name.lower(), port=self.remote_address[1])
        super().process_event(event)


def fragments_of(message, size):
    return [message[at : at + size] for at in range(0, len(message), size)]


async def send_all(connection, settings):
    """All messages once, then the last one again and again, unless it shall be silent."""
    for message in settings["messages"]:
        size = settings.get("fragmentBytes")
        await connection.send(fragments_of(message, size) if size else message)
        await asyncio.sleep(settings["everyMs"] / 1000)
    tell("sent", messages=len(settings["messages"]))
    while settings.get("goesOn"):
        await connection.send(settings["messages"][-1])
        await asyncio.sleep(settings["everyMs"] / 1000)
    await connection.wait_closed()


async def obey(order, server):
    for connection in list(server.connections):
        if order["do"] == "close":
            await connection.close(order["code"], order["reason"])
        elif order["do"] == "abort":
            connection.transport.abort()
    if order["do"] == "shut-down":
        server.close()


async def main():
    lines = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    settings = json.loads(await lines.readline())
    settings["messages"] = [base64.b64decode(text) for text in settings["messages"]]

    async def hold(connection):
        port = connection.remote_address[1]
        extensions = [extension.name for extension in connection.protocol.extensions]
        tell("open", port=port, extensions=extensions)
        try:
            await send_all(connection, settings)
        except ConnectionClosed:
            pass
        finally:
            await connection.wait_closed()
            tell("closed", port=port, code=connection.close_code)

    ours = {"ping_interval": settings["pingEveryMs"] / 1000} if "pingEveryMs" in settings else {}
    server = await serve(
        hold, "127.0.0.1", 0, create_connection=WatchedConnection, **ours
    )
    tell("listening", port=server.sockets[0].getsockname()[1], pid=os.getpid())
    while line := await lines.readline():
        await obey(json.loads(line), server)
    os._exit(0)


asyncio.run(main())
