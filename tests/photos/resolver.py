"""Names of the tests' own: no test asks a name server."""

import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    """Resolves the names that it is given, and no others; of away.test it can't tell."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host == "away.test":
            raise OSError(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host not in self.names:
            raise OSError(socket.EAI_NONAME, "Name or service not known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.names[host]
        ]

    async def close(self) -> None:
        """Nothing to close."""


def resolver(**names: str | list[str]) -> Callable[[], Names]:
    """What `HttpClient` takes: names below `.test`, each with one address or several."""
    found = {f"{n}.test": [a] if isinstance(a, str) else a for n, a in names.items()}
    return lambda: Names(found)
