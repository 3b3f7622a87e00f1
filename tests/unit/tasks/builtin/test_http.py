from __future__ import annotations

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from flowsm.errors import DataInvalid, ExtraMissing, NotAllowed
from flowsm.tasks.builtin import http
from flowsm.tasks.builtin.http import fetch_url, without_secrets
from flowsm.tasks.context import Permissions

PAGES = {
    "/a.csv": (200, "text/plain", b"a,b\n1,x\n"),
    "/csv": (200, "text/csv; charset=utf-8", b"a\n1\n"),
    "/lines": (200, "application/x-ndjson", b'{"a":1}\n'),
    "/api": (200, "application/json", b'{"rows":[{"a":1}]}'),
    "/silent": (404, "text/plain", b""),
    "/broken": (500, "text/plain", b"it  is\nbroken"),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, target = self.path.partition("?to=")
        if path == "/redirect":
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path == "/hangup":
            self.close_connection = True
            return
        pages = {"/host": (200, "text/plain", self.headers["Host"].encode())}
        if path.endswith("/proxied"):
            pages[path] = (200, "text/plain", path.encode())
        status, kind, body = (PAGES | pages)[path]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def permissions(host):
    return Permissions(folders=(), hosts=(host,))


@pytest.mark.parametrize(
    "page",
    [("/a.csv", [{"a": 1, "b": "x"}]), ("/csv", [{"a": 1}]), ("/lines", [{"a": 1}]), ("/api", [{"a": 1}])],
)
async def test_fetch(run, make_context, permissions, host, page):
    """Records come from a URL, in the format that its suffix or its content type says."""
    path, records = page
    context = make_context(permissions=permissions)
    result = await run("fetch_data", context=context, data_source=f"http://me:secret@{host}{path}")
    assert result.data == {"records": records, "count": 1, "source": f"http://{host}{path}"}
    assert "secret" not in result.message


async def test_nothing_is_logged_of_a_url(host, permissions, caplog):
    """Httpx would log what it asks for as it is; of what others ask with it, it does."""
    caplog.set_level(logging.INFO)
    await fetch_url(f"http://me:secret@{host}/redirect?to=/api", permissions)
    with pytest.raises(DataInvalid):
        await fetch_url(f"http://{host}/broken?key=secret", permissions)
    assert caplog.text == ""
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"http://{host}/api")
    assert f"http://{host}/api" in caplog.text


async def test_redirect(host, permissions):
    """A redirect is followed to a host that is allowed."""
    body, kind = await fetch_url(f"http://{host}/redirect?to=/api", permissions)
    assert (body, kind) == (b'{"rows":[{"a":1}]}', "application/json")


async def test_redirect_elsewhere(host, permissions):
    """A redirect to a host that is not allowed, or to a file, is not followed."""
    with pytest.raises(NotAllowed, match=r"--allow-host example\.org"):
        await fetch_url(f"http://{host}/redirect?to=http://example.org/", permissions)
    with pytest.raises(DataInvalid, match="found 'file:///etc/passwd'"):
        await fetch_url(f"http://{host}/redirect?to=file:///etc/passwd", permissions)


async def test_redirect_to_what_is_no_url(host, permissions):
    """A place that cannot be read is a failure that names it."""
    with pytest.raises(DataInvalid, match=r"it redirects to 'http://\[bad', which is not a URL"):
        await fetch_url(f"http://{host}/redirect?to=http://[bad", permissions)


async def test_a_status_without_a_body(host, permissions):
    """The sentence ends with the status where the host says no more."""
    with pytest.raises(DataInvalid, match=r"the host answered 404 Not Found$"):
        await fetch_url(f"http://{host}/silent", permissions)


async def test_redirects_are_bounded(host, permissions, monkeypatch):
    """A URL that redirects on and on is given up."""
    monkeypatch.setattr(http, "HTTP_REDIRECTS_MAX", 2)
    url = f"http://{host}/redirect?to=/redirect?to=/redirect?to=/api"
    with pytest.raises(DataInvalid, match="more than 2 redirects"):
        await fetch_url(url, permissions)


async def test_error_of_the_host(host, permissions):
    """A status that is not 2xx is a failure with the beginning of what the host said."""
    with pytest.raises(DataInvalid, match="the host answered 500 Internal Server Error: it is broken"):
        await fetch_url(f"http://{host}/broken", permissions)


async def test_no_answer(host, permissions):
    """A host that hangs up is a failure that names the URL, without its password."""
    with pytest.raises(DataInvalid, match=f"^http://{host}/hangup: no answer: "):
        await fetch_url(f"http://me:secret@{host}/hangup", permissions)


async def test_largest_body(host, permissions, monkeypatch):
    """A body larger than DATA_MAX_BYTES is not read to its end."""
    monkeypatch.setattr(http, "DATA_MAX_BYTES", 3)
    with pytest.raises(DataInvalid, match="larger than"):
        await fetch_url(f"http://{host}/api", permissions)


async def test_time_is_bounded(host, permissions, monkeypatch):
    """A fetch that takes too long as a whole is given up."""
    monkeypatch.setattr(http, "HTTP_TOTAL_SECONDS", 0)
    with pytest.raises(DataInvalid, match="no answer: TimeoutError"):
        await fetch_url(f"http://{host}/api", permissions)


async def test_host_that_can_be_read_in_two_ways(host, permissions, monkeypatch):
    """A URL of which httpx would ask another host than the one that was checked is refused."""
    monkeypatch.setattr(httpx.URL, "host", property(lambda self: "another"))
    with pytest.raises(DataInvalid, match="can be read in two ways"):
        await fetch_url(f"http://{host}/api", permissions)


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://a:99999/"])
async def test_what_is_no_url(url, permissions):
    """What is no URL is a clear failure."""
    with pytest.raises(DataInvalid, match="URL"):
        await fetch_url(url, permissions)


async def test_extra(host, permissions, monkeypatch):
    """Without httpx the error names the extra."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'flowsm\[http\]'"):
        await fetch_url(f"http://{host}/api", permissions)


def test_without_secrets():
    """User and password are taken out of a URL, and nothing else is."""
    assert without_secrets("https://a:b@h:1/p?q#f") == "https://h:1/p?q#f"


@pytest.fixture
def names(monkeypatch):
    """Names, and what they lead to at each look, one after the other."""
    known = {}

    def getaddrinfo(name, port, *arguments, **more):
        found = known.get(name, [[name]])
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


async def test_a_name_is_looked_up_once(host, names):
    """What was checked is what is asked: a name that leads elsewhere at the second look is not looked at again."""
    port = host.partition(":")[2]
    names["turns.example"] = [["127.0.0.1"], ["192.0.2.1"]]
    permissions = Permissions(folders=(), hosts=(f"turns.example:{port}", host))
    body, _ = await fetch_url(f"http://turns.example:{port}/api", permissions)
    assert body == b'{"rows":[{"a":1}]}'
    assert names["turns.example"] == [["192.0.2.1"]]
    asked = await fetch_url(f"http://{host}/host", permissions)
    assert asked[0] == host.encode()


async def test_the_host_is_told_its_own_name(host, names):
    """The request goes to the address, under the name."""
    port = host.partition(":")[2]
    names["named.example"] = [["127.0.0.1"]]
    permissions = Permissions(folders=(), hosts=(f"named.example:{port}", host))
    body, _ = await fetch_url(f"http://me:secret@named.example:{port}/host", permissions)
    assert body == f"named.example:{port}".encode()


async def test_a_name_that_leads_inside(host, names):
    """A host that is allowed, but leads to this machine, is refused; so is a redirect to such a one, and each hop anew."""
    port = host.partition(":")[2]
    names["inside.example"] = [["127.0.0.1"]]
    inside = f"http://inside.example:{port}/api"
    with pytest.raises(NotAllowed, match="private network"):
        await fetch_url(inside, Permissions(folders=(), hosts=("*",)))
    names["later.example"] = [["127.0.0.1"]]
    with pytest.raises(NotAllowed, match=r"later\.example \(which leads to 127\.0\.0\.1\)"):
        await fetch_url(f"http://{host}/redirect?to=http://later.example/", Permissions(folders=(), hosts=("*", host)))


async def test_the_next_address_is_tried(host, names):
    """Where one address takes no connection the next one is asked."""
    port = host.partition(":")[2]
    names["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    hosts = (f"two.example:{port}", f"127.0.0.2:{port}", host)
    body, _ = await fetch_url(f"http://two.example:{port}/api", Permissions(folders=(), hosts=hosts))
    assert body


async def test_a_proxy_finds_its_own_way(host, names, monkeypatch):
    """Where the environment names a proxy, it is asked for the URL as it is, and names are its business."""
    monkeypatch.setenv("http_proxy", f"http://{host}")
    monkeypatch.setenv("no_proxy", "direct.example")
    body, _ = await fetch_url("http://far.example/proxied", Permissions(folders=(), hosts=("far.example",)))
    assert body == b"http://far.example/proxied"
    names["direct.example"] = [["10.0.0.1"]]
    with pytest.raises(NotAllowed, match="private network"):
        await fetch_url("http://direct.example/", Permissions(folders=(), hosts=("*",)))
