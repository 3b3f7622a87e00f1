from __future__ import annotations

import pytest

from flowsm.errors import DataInvalid
from flowsm.tasks.builtin import process

ROWS = [
    {"id": 1, "name": "Ada", "amount": 120.5, "tags": ["a", "b"], "at": {"city": "Rome"}, "ok": True},
    {"id": 2, "name": "Bo", "amount": None, "tags": [], "at": {"city": "Oslo"}, "ok": False},
    {"id": 3, "name": "Cy", "amount": 7, "tags": ["b"], "at": {}, "extra": "x", "ok": True},
    {"id": 4, "name": "Ada", "amount": "n/a", "tags": None, "at": {"city": "Bonn"}, "ok": True},
]


@pytest.fixture
def ids(run):
    """The ids that processing leaves."""

    async def process(**parameters):
        return [row["id"] for row in (await run("process_data", ROWS, **parameters)).data["records"]]

    return process


async def test_standard(run):
    """`standard` passes the records on, with the figures of each numeric field."""
    rows = [{"a": 1, "b": "x", "c": 0.1, "d": True}, {"a": 5, "b": 2, "c": 0.2, "d": 1}, {"a": None}]
    result = await run("process_data", rows, method="standard")
    assert result.data == {
        "records": rows,
        "count": 3,
        "summary": {
            "count": 3,
            "fields": {
                "a": {"total": 6, "least": 1, "greatest": 5},
                "c": {"total": 0.30000000000000004, "least": 0.1, "greatest": 0.2},
            },
        },
    }
    assert result.warnings == []
    assert result.message == "processed 3 records of task 'before', 3 remain"


async def test_unknown_method(run):
    """An unknown method, and unknown parameters, are noted, and mean nothing."""
    result = await run("process_data", ROWS, method="magic", validation=True, filtre=[], timeout=3)
    assert result.data["count"] == 4
    assert result.warnings == [
        "parameter 'validation' was not used (process_data does not know it)",
        "parameter 'filtre' was not used (did you mean 'filter'?)",
        "method 'magic' is not known; 'standard' was used",
    ]


async def test_records_by_parameter(run):
    """Records may be given as a parameter, and then earlier results do not count."""
    result = await run("process_data", ROWS, records=[{"z": 1}])
    assert result.data["records"] == [{"z": 1}]
    assert result.message == "processed 1 records of its parameters, 1 remain"


async def test_no_records(run):
    """Without records anywhere the failure says what to do."""
    with pytest.raises(DataInvalid, match="run fetch_data before, or give `records`"):
        await run("process_data")


@pytest.mark.parametrize(
    ("field", "op", "value", "left"),
    [
        ("id", "eq", 2.0, [2]),
        ("ok", "eq", 1, []),
        ("ok", "eq", True, [1, 3, 4]),
        ("tags", "eq", ["b"], [3]),
        ("tags", "eq", ["a", True], []),
        ("at", "eq", {"city": "Rome"}, [1]),
        ("extra", "eq", None, []),
        ("amount", "eq", None, [2]),
        ("id", "ne", 2, [1, 3, 4]),
        ("extra", "ne", "x", [1, 2, 4]),
        ("amount", "lt", 100, [3]),
        ("amount", "le", 7, [3]),
        ("amount", "gt", 7, [1]),
        ("amount", "ge", 7, [1, 3]),
        ("name", "gt", "Ada", [2, 3]),
        ("ok", "ge", 0, []),
        ("id", "in", [1, "2", 3.0], [1, 3]),
        ("extra", "in", [None], []),
        ("id", "not_in", [1, 2], [3, 4]),
        ("extra", "not_in", ["x"], [1, 2, 4]),
        ("name", "contains", "d", [1, 4]),
        ("name", "contains", 1, []),
        ("tags", "contains", "b", [1, 3]),
        ("at", "contains", "city", [1, 2, 4]),
        ("id", "contains", 1, []),
        ("name", "starts_with", "A", [1, 4]),
        ("id", "starts_with", "1", []),
        ("extra", "exists", None, [3]),
        ("extra", "exists", False, [1, 2, 4]),
        ("tags", "empty", None, [2, 4]),
        ("extra", "empty", True, [1, 2, 4]),
        ("tags", "empty", False, [1, 3]),
        ("id", "empty", None, []),
        ("/at/city", "eq", "Rome", [1]),
        ("/tags/1", "eq", "b", [1]),
        ("/tags/x", "exists", None, []),
        ("/at/city/x", "exists", None, []),
    ],
)
async def test_filter(ids, field, op, value, left):
    """Every operator of conditions, on fields by name and by pointer."""
    assert await ids(filter=[{"field": field, "op": op, "value": value}]) == left


async def test_filter_clauses_all_hold(ids):
    """A record must meet every clause."""
    assert await ids(
        filter=[{"field": "name", "op": "eq", "value": "Ada"}, {"field": "id", "op": "gt", "value": 1}]
    ) == [4]


async def test_names_with_slashes(run):
    """A field whose name begins with a slash, or holds a tilde, is reached by a pointer."""
    rows = [{"/a~b": 1}]
    clause = {"field": "/~1a~0b", "op": "eq", "value": 1}
    result = await run("process_data", rows, filter=[clause], fields=["/~1a~0b"])
    assert result.data["records"] == [{"/a~b": 1}]


@pytest.mark.parametrize(
    ("op", "args", "value"),
    [
        ("add", [{"field": "n"}, 1, 0.5], 8.5),
        ("subtract", [{"field": "n"}, 1], 6),
        ("multiply", [{"field": "n"}, 2, 3], 42),
        ("divide", [{"field": "n"}, 2], 3.5),
        ("concat", [{"field": "s"}, "-", {"field": "n"}, True, [1]], "Ada-7true[1]"),
        ("lower", [{"field": "s"}], "ada"),
        ("upper", [{"field": "s"}], "ADA"),
        ("round", [2.567], 3),
        ("round", [2.567, 1], 2.6),
        ("length", [{"field": "s"}], 3),
        ("length", [[1, 2]], 2),
        ("coalesce", [{"field": "none"}, {"field": "missing"}, 0, 1], 0),
        ("coalesce", [None], None),
        ("add", [{"field": "none"}, 1], None),
        ("concat", [{"field": "missing"}, "x"], None),
        ("add", [{"field": "/at/x"}, 1], 2),
    ],
)
async def test_derive(run, op, args, value):
    """Every operation, on fields and constants; null gives null, except for coalesce."""
    rows = [{"n": 7, "s": "Ada", "none": None, "at": {"x": 1}}]
    result = await run("process_data", rows, derive=[{"field": "new", "op": op, "args": args}])
    assert result.data["records"] == [{**rows[0], "new": value}]
    assert type(result.data["records"][0]["new"]) is type(value)
    assert result.warnings == []


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("add", [{"field": "s"}, 1]),
        ("add", [True, 1]),
        ("divide", [1, 0]),
        ("multiply", [1e300, 1e300]),
        ("divide", [10**400, 1]),
        ("lower", [1]),
        ("length", [1]),
        ("round", [1, 0.5]),
        ("round", [5, -(10**9)]),
        ("multiply", [10**900, 10**900]),
        ("concat", ["x" * 600_000, "y" * 600_000]),
    ],
)
async def test_derive_from_what_cannot_be_used(run, op, args):
    """Where an argument cannot be used the field is null, and one warning counts the records."""
    result = await run("process_data", [{"s": "x"}, {"s": "y"}], derive=[{"field": "new", "op": op, "args": args}])
    assert [row["new"] for row in result.data["records"]] == [None, None]
    (warning,) = result.warnings
    assert warning.startswith(f"/derive/0: {op} could not use the values of 2 records")


async def test_derivations_build_on_each_other(run):
    """A derivation sees what the ones before it gave, and the given records stay as they are."""
    rows = [{"a": 1}]
    steps = [
        {"field": "b", "op": "add", "args": [{"field": "a"}, 1]},
        {"field": "a", "op": "multiply", "args": [{"field": "b"}, 10]},
    ]
    assert (await run("process_data", rows, derive=steps)).data["records"] == [{"a": 20, "b": 2}]
    assert rows == [{"a": 1}]


async def test_aggregate(run):
    """One record per group, in the order of their first records, with every figure."""
    rows = [
        {"k": "x", "at": {"c": 1}, "n": 3},
        {"k": "y", "at": {"c": 1}, "n": 0.5},
        {"k": "x", "at": {"c": 1}, "n": 1},
        {"k": "x", "at": {"c": 1}, "n": None},
    ]
    ops = ("count", "sum", "min", "max", "mean", "first", "last", "distinct")
    values = {op: {"op": op, "field": "n"} for op in ops} | {"rows": {"op": "count"}}
    result = await run("process_data", rows, aggregate={"by": ["k", "/at/c", "missing"], "values": values})
    one = {"k": "y", "c": 1, "missing": None, "count": 1, "sum": 0.5, "min": 0.5, "max": 0.5, "mean": 0.5, "first": 0.5}
    assert result.data["records"] == [
        {"k": "x", "c": 1, "missing": None, "count": 2, "sum": 4, "min": 1, "max": 3, "mean": 2.0}
        | {"first": 3, "last": 1, "distinct": 2, "rows": 3},
        one | {"last": 0.5, "distinct": 1, "rows": 1},
    ]
    assert result.warnings == []


async def test_aggregate_all_and_none(run):
    """Without `by` all records are one group, and no records still give one record."""
    values = {"n": {"op": "count"}, "mean": {"op": "mean", "field": "a"}, "top": {"op": "max", "field": "a"}}
    result = await run("process_data", [], aggregate={"values": values})
    assert result.data["records"] == [{"n": 0, "mean": None, "top": None}]
    result = await run("process_data", [], aggregate={"by": ["k"], "values": values})
    assert result.data["records"] == []


async def test_groups_are_told_apart(run):
    """Groups are equal values: 1 is 1.0, but neither true nor "1"; arrays and objects are compared as JSON."""
    rows = [{"k": value} for value in (1, 1.0, True, "1", None, [1], [1], {"a": 1})] + [{}]
    result = await run("process_data", rows, aggregate={"by": ["k"], "values": {"n": {"op": "count"}}})
    assert [(row["k"], row["n"]) for row in result.data["records"]] == [
        (1, 2),
        (True, 1),
        ("1", 1),
        (None, 2),
        ([1], 2),
        ({"a": 1}, 1),
    ]


async def test_aggregate_of_mixed_values(run):
    """What is no number is left out of sums, with a warning; least and greatest order all types."""
    rows = [{"v": value} for value in (2, "b", False, [1], "a", 1)]
    values = {op: {"op": op, "field": "v"} for op in ("sum", "mean", "min", "max")}
    result = await run("process_data", rows, aggregate={"values": values})
    assert result.data["records"] == [{"sum": 3, "mean": 1.5, "min": False, "max": [1]}]
    assert result.warnings == [
        "/aggregate/values/sum: sum left out 4 values that are no numbers",
        "/aggregate/values/mean: mean left out 4 values that are no numbers",
    ]


async def test_totals_beyond_floats(run):
    """A total that no float can hold is null."""
    rows = [{"v": 1e308}, {"v": 1e308}, {"v": 10**400}]
    values = {"sum": {"op": "sum", "field": "v"}, "mean": {"op": "mean", "field": "v"}}
    result = await run("process_data", rows, aggregate={"values": values})
    assert result.data["records"] == [{"sum": None, "mean": None}]
    assert (await run("process_data", rows[:2])).data["summary"]["fields"]["v"]["total"] is None
    assert (await run("process_data", rows[2:] * 2)).data["summary"]["fields"]["v"]["total"] == 2 * 10**400


async def test_mean_of_huge_integers(run):
    """A mean that no float can hold is null."""
    result = await run("process_data", [{"v": 10**400}], aggregate={"values": {"m": {"op": "mean", "field": "v"}}})
    assert result.data["records"] == [{"m": None}]


async def test_sort(ids):
    """Records are sorted by several keys, stably, with those that have no value last in either order."""
    assert await ids(sort=[{"field": "name"}, {"field": "id", "order": "desc"}]) == [4, 1, 2, 3]
    assert await ids(sort=[{"field": "name", "order": "desc"}]) == [3, 2, 1, 4]
    assert await ids(sort=[{"field": "amount"}]) == [3, 1, 4, 2]
    assert await ids(sort=[{"field": "amount", "order": "desc"}]) == [4, 1, 3, 2]
    assert await ids(sort=[{"field": "/at/city"}]) == [4, 2, 1, 3]
    assert await ids(sort=[{"field": "extra"}]) == [3, 1, 2, 4]


async def test_limit_and_fields(run):
    """At most `limit` records are left, with these fields, null where a record has none."""
    result = await run("process_data", ROWS, limit=2, fields=["id", "/at/city", "extra"])
    assert result.data["records"] == [
        {"id": 1, "city": "Rome", "extra": None},
        {"id": 2, "city": "Oslo", "extra": None},
    ]
    assert result.data["count"] == 2


async def test_order_of_operations(run):
    """Filter, derive, aggregate, sort, limit, fields: in this order, whatever the order in the flow."""
    result = await run(
        "process_data",
        [{"k": "a", "v": 1}, {"k": "b", "v": 5}, {"k": "b", "v": 7}, {"k": "c", "v": 100}],
        fields=["k"],
        limit=1,
        sort=[{"field": "s", "order": "desc"}],
        aggregate={"by": ["k"], "values": {"s": {"op": "sum", "field": "d"}}},
        derive=[{"field": "d", "op": "multiply", "args": [{"field": "v"}, 2]}],
        filter=[{"field": "v", "op": "lt", "value": 50}],
    )
    assert result.data["records"] == [{"k": "b"}]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"filter": [{"field": "a", "op": "equals"}]}, "/filter/0/op: expected one of "),
        ({"filter": [{"field": "a", "op": "in", "value": 3}]}, "/filter/0: operator 'in' needs an array as `value`"),
        ({"filter": [{"field": "a", "op": "lt"}]}, "/filter/0: operator 'lt' needs a number or a text as `value`"),
        ({"filter": [{"field": "a", "op": "lt", "value": True}]}, "operator 'lt' needs a number"),
        ({"filter": [{"field": "a", "op": "starts_with", "value": 3}]}, "operator 'starts_with' needs a text"),
        ({"filter": [{"field": "a", "op": "exists", "value": "x"}]}, "operator 'exists' takes true, false or no"),
        ({"filter": [{"field": "a", "op": "empty", "value": 0}]}, "operator 'empty' takes true, false or no"),
        ({"filter": [{"field": "/a~2", "op": "exists"}]}, "/filter/0: '/a~2' is no JSON Pointer"),
        ({"filter": [{"op": "exists"}]}, "/filter/0: Object missing required field `field`"),
        (
            {"filter": [{"field": "a", "op": "exists", "path": "x"}]},
            "/filter/0: expected only the fields field, op, value, found 'path'",
        ),
        ({"derive": [{"field": "a", "op": "eval", "args": []}]}, "/derive/0/op: expected one of "),
        ({"derive": [{"field": "a", "op": "divide", "args": [1]}]}, "operation 'divide' takes 2 arguments, found 1"),
        ({"derive": [{"field": "a", "op": "round", "args": []}]}, "operation 'round' takes 1 to 2 arguments, found 0"),
        ({"derive": [{"field": "/a", "op": "lower", "args": [1]}]}, "`field` is the name of the new field"),
        ({"derive": [{"field": "", "op": "lower", "args": [1]}]}, "`field` is the name of the new field"),
        (
            {"derive": [{"field": "a", "op": "lower", "args": [{"fied": "b"}]}]},
            'args/0: expected a constant or {"field"',
        ),
        ({"derive": [{"field": "a", "op": "lower", "args": [{"field": 3}]}]}, "/derive/0: args/0: expected a constant"),
        ({"derive": [{"field": "a", "op": "lower", "args": [{"field": "/~"}]}]}, "/derive/0: '/~' is no JSON Pointer"),
        ({"aggregate": {"values": {"x": {"op": "sum"}}}}, "operation 'sum' needs a `field`"),
        ({"aggregate": {"values": {"x": {"op": "sum", "field": "/~"}}}}, "'/~' is no JSON Pointer"),
        ({"aggregate": {"by": ["/~"], "values": {}}}, "/aggregate: '/~' is no JSON Pointer"),
        ({"aggregate": {"by": ["x", "/a/x"], "values": {}}}, "/aggregate: the new records would have 'x' twice"),
        ({"aggregate": {"by": ["x"], "values": {"x": {"op": "count"}}}}, "would have 'x' twice"),
        ({"sort": [{"field": "a", "order": "up"}]}, "/sort/0/order: expected one of asc, desc"),
        ({"sort": [{"field": "/~"}]}, "/sort/0: '/~' is no JSON Pointer"),
        ({"sort": "a"}, '/sort: Expected `array`, got `str`, found "a"'),
        ({"limit": "3"}, "/limit: Expected `int | null`, got `str`"),
        ({"fields": ["a", 3]}, "/fields/1: Expected `str`, got `int`"),
        ({"fields": ["a", "/x/a"]}, "`fields` would give 'a' twice"),
        ({"fields": ["/~"]}, "'/~' is no JSON Pointer"),
        ({"records": [3]}, "/records/0: Expected `object`, got `int`"),
    ],
)
async def test_wrong_parameters(run, parameters, message):
    """A wrong declared parameter is a failure with its pointer, and nothing is done."""
    with pytest.raises(ValueError, match=r"^/") as caught:
        await run("process_data", ROWS, **parameters)
    assert message in str(caught.value)


def test_every_field_of_the_parameters_is_documented():
    """The class says what each of its parameters is for."""
    for name in process.ProcessParameters.__struct_fields__:
        assert f"{name}" in process.ProcessData.__doc__
