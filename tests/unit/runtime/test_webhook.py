"""What is posted, and how long it is tried."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping

import pytest

from flowsm.errors import LogUnavailable
from flowsm.events.envelope import Recorded
from flowsm.limits import WEBHOOK_RETRY_MAX_SECONDS
from flowsm.runtime.webhook import Webhook, default_name
from flowsm.testing.log_contract import AT, created


def event(seq: int, stream: str = "x") -> Recorded:
    return Recorded(
        position=seq, stream=stream, seq=seq, at=AT, type="execution.created", version=1, fact=created(), digest="d"
    )


class Told:
    """Events, each of which is told until the next one is asked for; the first goes of it raise these errors."""

    def __init__(self, *events: Recorded, errors: tuple[Exception, ...] = ()) -> None:
        self.left = list(events)
        self.errors = list(errors)

    async def __aiter__(self) -> AsyncIterator[Recorded]:
        while self.left:
            yield self.left[0]
            self.left.pop(0)
            if self.errors:
                raise self.errors.pop(0)


class Host:
    """Takes what is posted, after it refused it as often as is said."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.taken: list[tuple[bytes, Mapping[str, str]]] = []
        self.pauses: list[float] = []

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        if self.refusals:
            self.refusals -= 1
            return "the host answered 503"
        self.taken.append((body, headers))
        return None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def webhook(self, secret: str = "") -> Webhook:
        return Webhook("http://host/", self.post, secret, self.pause)


async def test_the_body_is_the_event_and_the_headers_say_which() -> None:
    """A stream's name may hold anything: its header does not; without a secret nothing is signed."""
    host = Host()
    await host.webhook().deliver(Told(event(1, "x:täsk/1"), event(2, "$log")))
    assert [json.loads(body) for body, _ in host.taken] == [event(1, "x:täsk/1").as_dict(), event(2, "$log").as_dict()]
    assert [headers["Flowsm-Event-Id"] for _, headers in host.taken] == ["x:t%C3%A4sk%2F1/1", "$log/2"]
    assert "Flowsm-Signature" not in host.taken[0][1]


async def test_the_signature_is_of_the_body() -> None:
    """HMAC-SHA256, in hex."""
    host = Host()
    await host.webhook("s€cret").deliver(Told(event(1)))
    ((body, headers),) = host.taken
    assert headers["Flowsm-Signature"] == "sha256=" + hmac.new("s€cret".encode(), body, hashlib.sha256).hexdigest()


async def test_what_is_not_taken_is_sent_again_ever_more_slowly(caplog) -> None:
    """In order, for ever, up to a minute apart; each try that failed is said."""
    host = Host(refusals=9)
    await host.webhook().deliver(Told(event(1), event(2)))
    assert [headers["Flowsm-Event-Id"] for _, headers in host.taken] == ["x/1", "x/2"]
    assert host.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(host.pauses) == WEBHOOK_RETRY_MAX_SECONDS
    said = "webhook http://host/: event x/1 (execution.created) was not taken: the host answered 503; again in 4 s"
    assert caplog.messages[2] == said
    assert caplog.messages[-1] == "webhook http://host/: event x/1 was taken at last"


async def test_it_outlives_whatever_hinders_the_telling(caplog) -> None:
    """Trouble with the log, or a defect, costs time only."""
    host = Host()
    errors = (LogUnavailable("flowsm.db", "locked"), ZeroDivisionError("defect"))
    await host.webhook().deliver(Told(event(1), event(2), event(3), errors=errors))
    assert [headers["Flowsm-Event-Id"] for _, headers in host.taken] == ["x/1", "x/2", "x/3"]
    assert host.pauses == [1, 1]
    assert "locked" in caplog.messages[0]
    assert "ZeroDivisionError" in caplog.text


async def test_it_stops_at_once() -> None:
    """Cancelled between two tries it is gone."""
    host = Host(refusals=1)

    async def pause(_seconds: float) -> None:
        await asyncio.get_running_loop().create_future()

    host.pause = pause  # type: ignore[method-assign]
    work = asyncio.ensure_future(host.webhook().deliver(Told(event(1))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert host.taken == []


def test_a_url_has_a_name_of_its_own() -> None:
    """The same URL gives the same name, which tells nothing of what is in it."""
    assert default_name("http://x/") == default_name("http://x/")
    assert default_name("http://x/") != default_name("http://y/")
    assert default_name("http://secret/").startswith("webhook:")
    assert "secret" not in default_name("http://secret/")
