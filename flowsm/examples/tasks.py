"""The task types of this flow that are not built in: plain functions."""

from __future__ import annotations

from typing import Any

from flowsm import TaskContext, TaskResult, TaskStatus, task


@task("review")
async def review(records: list[dict[str, Any]], limit: float = 1000.0) -> TaskResult:
    """Look at the totals by country: the outcome `large` sends the flow another way than `success`."""
    large = [record["country"] for record in records if record["total"] > limit]
    return TaskResult(
        status=TaskStatus.SUCCESS,
        outcome="large" if large else "success",
        message=f"{len(large)} of {len(records)} countries are above {limit:g}",
        data={"large": large},
    )


@task("ask_manager")
def ask_manager(countries: list[str], context: TaskContext) -> dict[str, Any]:
    """Not async: it runs in a thread. A person would be asked here."""
    context.logger.info("asking about %s", countries)
    return {"approved": countries, "by": context.input["manager"]}


@task("apologise")
def apologise(context: TaskContext) -> str:
    """Where the flow goes when the orders cannot be read."""
    return f"no report today: {context.previous_results['fetch_orders'].error}"
