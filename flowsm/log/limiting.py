"""The event log of managers that have limits."""

from __future__ import annotations

from flowsm.errors import AppendUnknown
from flowsm.log.pending import prepare_limited
from flowsm.log.port import Append, Appended
from flowsm.log.port_limits import LimitedAppend
from flowsm.log.sqlite import SqliteEventLog
from flowsm.storage.errors import CommitFailed

__all__ = ["LimitingEventLog"]


class LimitingEventLog(SqliteEventLog):
    """The same, and a batch that needs places is refused where there are none: the others pay nothing for that."""

    async def append(self, batch: Append) -> Appended:
        """Record the batch, and take its places; errors as those of `EventLog.append`.

        Raises:
            LimitReached: there is no room; nothing of the batch was recorded, its execution waits in the queue.
        """
        if not isinstance(batch, LimitedAppend):
            return await super().append(batch)
        try:
            appended: Appended = await self._sessions.current().writer.submit(prepare_limited(batch))
        except CommitFailed as error:
            raise AppendUnknown(batch.stream, error.reason) from error
        return appended
