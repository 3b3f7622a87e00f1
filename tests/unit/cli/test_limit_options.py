"""The options that set limits."""

from __future__ import annotations

import re

import pytest

from flowsm import Limits, Rate
from flowsm.cli.limit_options import limits_of
from flowsm.errors import UsageError


def test_options_say_limits() -> None:
    """Each option is NAME=LIMIT, as often as wanted; a name may hold an equals sign; none sets no limits."""
    limits = limits_of(["mail=3", "a=b=2"], ["orders=10"], ["mail=10/60", "http=5/0.5/2"])
    assert limits == Limits(
        task_types={"mail": 3, "a=b": 2},
        flows={"orders": 10},
        rates={"mail": Rate(10, 60), "http": Rate(5, 0.5, 2)},
    )
    assert limits_of(None, None, None) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((["mail"], None, None), "--limit is 'mail', expected NAME=LIMIT"),
        ((["=3"], None, None), "--limit is '=3', expected NAME=LIMIT"),
        ((["mail=x"], None, None), "--limit is 'mail=x', expected NAME=N with a whole number"),
        ((["mail=0"], None, None), "the limit of task type 'mail' is 0, expected a whole number from 1"),
        ((["mail=1", "mail=2"], None, None), "--limit names 'mail' twice: give it once"),
        ((None, ["f=1.5"], None), "--limit-flow is 'f=1.5', expected NAME=N with a whole number"),
        ((None, None, ["mail=3"]), "--rate is 'mail=3', expected TYPE=N/SECONDS or TYPE=N/SECONDS/BURST"),
        ((None, None, ["mail=3/x"]), "--rate is 'mail=3/x', expected TYPE=N/SECONDS"),
        ((None, None, ["mail=3/1/1/1"]), "--rate is 'mail=3/1/1/1', expected TYPE=N/SECONDS"),
        ((None, None, ["mail=3/nan"]), "a rate's seconds are nan, expected more than 0"),
    ],
)
def test_what_says_no_limit_is_refused(options: tuple[list[str] | None, ...], said: str) -> None:
    """The error names the option, what was given, and what was expected."""
    with pytest.raises(UsageError, match=re.escape(said)):
        limits_of(*options)
