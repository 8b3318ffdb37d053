"""Many open tabs in a separate process: `python -m tests.benchmarks.tabs URL`, controlled through standard input.

Each command is a line of JSON, and each is answered with a line of JSON. `["open", cookies, count, seconds]` opens `count` tabs within
`seconds`, and each loads the list of invoices. `["work", seconds, every]` lets each tab turn a page every `every` seconds. `["close"]`
closes all tabs.
"""

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.attack.wire import HYDRATE, INVOICES, ON_LOAD

NAMESPACE = "/_event"
SECONDS = 60
ROWS = f'"{INVOICES}"'
PAGES = 10
TABS_PER_ADDRESS = 200
_TABS = count()


class OpenTab:
    """A tab on the list of invoices that speaks Engine.IO by hand: a client library would use most of the machine."""

    def __init__(self, url: str, cookie: str, address: str = "") -> None:
        self.url, self.cookie, self.token = url, cookie, str(uuid.uuid4())
        # The header that a proxy sends, for a portal that trusts one.
        self.forwarded = {"X-Forwarded-For": address} if address else {}
        self.page = self.version = 0
        self.waiting: asyncio.Future[None] | None = None
        self.socket: ClientConnection
        self.reading: asyncio.Task[None]

    async def open(self) -> None:
        """Connect, and load the list as a browser does."""
        address = f"{self.url.replace('http', 'ws', 1)}{NAMESPACE}/?token={self.token}&EIO=4&transport=websocket"
        headers = {"Origin": self.url, "Cookie": self.cookie, **self.forwarded}
        # Connect from many addresses, as customers do, because sockets per address are limited.
        place = (f"127.0.1.{next(_TABS) // TABS_PER_ADDRESS % 250 + 1}", 0)
        self.socket = await connect(address, additional_headers=headers, open_timeout=SECONDS, ping_interval=None, local_addr=place)
        await self.socket.recv()
        await self.socket.send(f"40{NAMESPACE},")
        await self.socket.recv()
        self.reading = asyncio.create_task(self._read())
        await self.ask(HYDRATE)

    async def ask(self, name: str) -> float:
        """Load the next page of the list and return the seconds until its rows arrive."""
        self.page = self.page % PAGES + 1
        router = {"pathname": "/en/invoices", "asPath": f"/en/invoices?page={self.page}", "query": {"page": str(self.page)}}
        self.waiting = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        message = json.dumps(["event", {"name": name, "payload": {}, "router_data": router}])
        await self.socket.send(f"42{NAMESPACE},{message}")
        async with asyncio.timeout(SECONDS):
            await self.waiting
        return time.perf_counter() - begun

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for frame in self.socket:
                text = str(frame)
                if text == "2":
                    await self.socket.send("3")
                elif self.waiting and not self.waiting.done() and self._brings_rows(text):
                    self.waiting.set_result(None)

    def _brings_rows(self, text: str) -> bool:
        # This check is cheap. A hydrate also names the state, but it repeats the old version.
        if ROWS not in text:
            return False
        version = json.loads(text[text.index("[") :])[1]["delta"][INVOICES].get("version_rx_state_", 0)
        before, self.version = self.version, max(version, self.version)
        return version > before

    async def close(self) -> None:
        """Close the socket as a browser does."""
        await self.socket.close()
        await self.reading


class _Tabs:
    def __init__(self, url: str) -> None:
        self.url = url
        self.tabs: list[OpenTab] = []

    async def open(self, cookies: Sequence[str], count: int, seconds: float) -> Any:
        """Open tabs, and return the seconds until each has its rows and the seconds of all together."""
        begun = time.perf_counter()

        async def one(place: int) -> float:
            await asyncio.sleep(place * seconds / count)
            own = time.perf_counter()
            tab = OpenTab(self.url, cookies[place % len(cookies)])
            await tab.open()
            self.tabs.append(tab)
            return time.perf_counter() - own

        took = await asyncio.gather(*(one(place) for place in range(count)))
        return {"took": took, "all": time.perf_counter() - begun}

    async def work(self, seconds: float, every: float) -> Any:
        """Let every tab turn pages, each at its own moment, and return the seconds of each page."""
        chance = random.Random(7)

        async def one(tab: OpenTab) -> list[float]:
            took: list[float] = []
            due = time.perf_counter() + chance.random() * every
            end = time.perf_counter() + seconds
            while due < end:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                took.append(await tab.ask(ON_LOAD))
                due += every
            return took

        return {"took": [each for tab in await asyncio.gather(*map(one, self.tabs)) for each in tab]}

    async def close(self) -> Any:
        """Close all tabs."""
        await asyncio.gather(*(tab.close() for tab in self.tabs))
        self.tabs = []
        return {}


async def main() -> None:
    """Run the commands from standard input until it ends."""
    open_tabs = _Tabs(sys.argv[1])
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, *values = json.loads(line)
        answer = await {"open": open_tabs.open, "work": open_tabs.work, "close": open_tabs.close}[name](*values)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
