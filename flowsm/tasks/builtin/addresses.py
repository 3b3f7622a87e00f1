"""Where the name of a host leads: to addresses of the open network, or to those that were allowed themselves.

A name says nothing of what answers under it: who has it may let it point into the network that the caller is in, or at
the caller's own machine, and may do so between two looks. So the address that is asked is the one that was looked at.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.tasks.builtin.allowed import host_and_port, is_listed, shown_host
from flowsm.tasks.context import Permissions

__all__ = ["is_open", "open_addresses"]

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""Addresses of IPv4, as a network that has only IPv6 writes them."""
_LOCALHOST: Final = "localhost"


async def open_addresses(url: SplitResult, source: str, permissions: Permissions) -> Sequence[str]:
    """The addresses of a URL's host, which is allowed; each of them may be asked.

    `localhost` that is allowed is this machine, and needs no word more.

    Raises:
        NotAllowed: one of them is not of the open network, and was not allowed by itself.
        DataInvalid: there is no such host.
    """
    name, port = host_and_port(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataInvalid(source, "", f"no answer: the host {name!r} was not found: {reason}") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for address in addresses:
        at_home = name == _LOCALHOST and is_listed(url.scheme, name, port, permissions) and _plain(address).is_loopback
        if not at_home and not is_open(address) and not is_listed(url.scheme, address, port, permissions):
            shown = shown_host(url.scheme, address, port)
            found_at = f"{name} (which leads to {shown})" if name != address else shown
            raise NotAllowed(
                "host",
                found_at,
                f"that is an address of a private network: if it is meant, allow it with --allow-host {shown} or "
                f"FlowManager(allow_hosts=[{shown!r}]) besides",
            )
    return addresses


def is_open(address: str) -> bool:
    """Whether an address is one of the open network: neither private, nor of this machine, nor of this link, nor of many."""
    plain = _plain(address)
    return plain.is_global and not plain.is_multicast


def _plain(address: str) -> IPv4Address | IPv6Address:
    """The address, or the one of IPv4 that is written into it."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found
    inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
    if inner is None and found in _TRANSLATED:
        inner = IPv4Address(int(found) & 0xFFFFFFFF)
    return inner or found
