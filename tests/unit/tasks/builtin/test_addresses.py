"""Where names may lead."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.tasks.builtin.addresses import is_open, open_addresses
from flowsm.tasks.context import Permissions


@pytest.fixture
def names(monkeypatch):
    """Names and what they lead to; each look is noted."""
    known, asked = {}, []

    def getaddrinfo(host, port, *arguments, **more):
        asked.append(host)
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def asked_of(url, *hosts):
    return open_addresses(urlsplit(url), "the source", Permissions(folders=(), hosts=hosts))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_open_addresses(address):
    """What anybody can reach is open, however it is written."""
    assert is_open(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1:0:0:80ff:fffe",
    ],
)
def test_addresses_that_are_not_open(address):
    """Private networks, this machine, this link, clouds' own services and groups are not, however they are written."""
    assert not is_open(address)


async def test_a_name_that_leads_outside(names):
    """All its addresses are given, each once."""
    names["example.org"] = ["93.184.215.14", "93.184.215.14", "93.184.215.15"]
    assert await asked_of("http://example.org/", "example.org") == ["93.184.215.14", "93.184.215.15"]


@pytest.mark.parametrize("hosts", [("inside.example",), ("*",), ("inside.example", "10.0.0.7"), ("*", "10.0.0.9:8080")])
async def test_a_name_that_leads_inside(names, hosts):
    """One address of a private network is enough: it is refused, and the sentence says how it is allowed."""
    names["inside.example"] = ["93.184.215.14", "10.0.0.7"]
    with pytest.raises(
        NotAllowed, match=r"inside\.example \(which leads to 10\.0\.0\.7:8080\).*--allow-host 10\.0\.0\.7:8080 "
    ):
        await asked_of("http://inside.example:8080/", *hosts)


async def test_a_private_address_that_is_allowed(names):
    """A name may lead to what was allowed itself, with its port."""
    names["inside.example"] = ["10.0.0.7"]
    hosts = ("inside.example:8080", "10.0.0.7:8080")
    assert await asked_of("http://inside.example:8080/", *hosts) == ["10.0.0.7"]
    names["10.0.0.7"] = ["10.0.0.7"]
    assert await asked_of("http://10.0.0.7:8080/", "10.0.0.7:8080") == ["10.0.0.7"]
    with pytest.raises(NotAllowed, match=r"host '10\.0\.0\.7' is not allowed"):
        await asked_of("http://10.0.0.7/", "*")


async def test_localhost(names):
    """That name is this machine's when it is allowed by itself; `*` does not mean it, and it leads nowhere else."""
    names["localhost"] = ["::1", "127.0.0.1"]
    assert await asked_of("http://localhost:81/", "localhost:81") == ["::1", "127.0.0.1"]
    with pytest.raises(NotAllowed):
        await asked_of("http://localhost:81/", "*")
    names["localhost"] = ["10.0.0.1"]
    with pytest.raises(NotAllowed):
        await asked_of("http://localhost:81/", "localhost:81")


async def test_no_such_host(names):
    """A name that leads nowhere is a failure that says so."""
    with pytest.raises(DataInvalid, match=r"the host 'nowhere\.example' was not found: Name or service not known"):
        await asked_of("http://nowhere.example/", "*")


async def test_a_name_that_is_none(monkeypatch):
    """What cannot be a name is a failure, too."""
    with pytest.raises(DataInvalid, match="was not found"):
        await asked_of(f"http://{'a' * 64}.example/", "*")
