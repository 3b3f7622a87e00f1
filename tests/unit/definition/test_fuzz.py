"""Fuzzing: any bytes whatever give findings or a flow, never a traceback.

`FLOWSM_FUZZ_DOCUMENTS` sets how many documents are tried, `FLOWSM_FUZZ_SEED` which ones.
"""

from __future__ import annotations

import copy
import json
import os
import random
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from flowsm.definition.digest import canonical_json, flow_digest, flow_from_canonical
from flowsm.definition.graph import reach
from flowsm.definition.load import check_flow, load_flow
from flowsm.definition.model import RESERVED_TARGETS
from flowsm.definition.schema import flow_schema
from flowsm.errors import DocumentInvalid

VALID = Path(__file__).parents[2] / "flows" / "valid"
SCHEMA = Draft202012Validator(flow_schema())
DOCUMENTS = int(os.environ.get("FLOWSM_FUZZ_DOCUMENTS", "10000"))
SEED = int(os.environ.get("FLOWSM_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
ODD = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    float("nan"),
    2**64,
    10**400,
    "",
    "end",
    "\x00",
    "\ud800",
    "/results/a/data",
    "/input",
    "~",
    "$from",
    "exists",
    [],
    {},
    [[]],
    {"$from": "/input"},
    {"$from": None, "default": 1, "x": 2},
    {"$ref": "#"},
)
TOKENS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\u",
    b"\\",
    b"1e9",
    b"NaN",
    b"null",
    b"\xff",
    b"\n",
    b"&a ",
    b"*a",
    b"-",
)


def assert_fits_schema(document):
    """A document that loads fits the schema; jsonschema recurses, and is given the stack for it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        SCHEMA.validate(document)
    finally:
        sys.setrecursionlimit(before)


def structures():
    for path in sorted(VALID.iterdir()):
        text = path.read_text("utf-8-sig")
        if path.suffix == ".toml":
            yield tomllib.loads(text)
        elif path.suffix in {".yaml", ".yml"}:
            yield yaml.safe_load(text.replace("2024-01-31", "'1'").replace("name: =", "name: '='"))
        elif path.name != "deepest.json":
            yield json.loads(text)


def containers(document):
    """Every object and array of a document, from the root down."""
    found, todo = [], [document]
    while todo:
        value = todo.pop()
        if isinstance(value, (dict, list)):
            found.append(value)
            todo.extend(value.values() if isinstance(value, dict) else value)
    return found


def mutate_structure(document, rng):  # noqa: C901 - a table of eight changes
    """Change a document in one to four places: delete, double, replace, swap, rename, nest."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.randint(1, 4)):
        everything = containers(document)
        holder = rng.choice(everything)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key = rng.choice(keys)
        match rng.randrange(8):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(rng.randrange(len(holder) + 1), holder[key])
            case 2:
                holder[key] = copy.deepcopy(rng.choice(ODD))
            case 3:
                other = rng.choice(keys)
                holder[key], holder[other] = holder[other], holder[key]
            case 4 if isinstance(holder, dict):
                holder[rng.choice(("nmae", "flow", "when", "timeout", "retry", "$schema", key + "x"))] = holder.pop(key)
            case 5:
                holder[key] = json.loads(json.dumps(rng.choice(everything), default=str)) if len(everything) < 99 else 1
            case 6:
                for _ in range(rng.choice((1, 5, 70))):
                    holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
            case _:
                holder[key] = rng.choice([value for other in everything for value in leaves(other)] or [None])
    return document


def leaves(holder):
    values = holder.values() if isinstance(holder, dict) else holder
    return [value for value in values if not isinstance(value, (dict, list))]


def mutate_bytes(data, rng):
    """Change a text in one to five places: cut, double, overwrite, insert."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        start = rng.randrange(len(data) + 1)
        stop = min(len(data), start + rng.randrange(12))
        match rng.randrange(4):
            case 0:
                del data[start:stop]
            case 1:
                data[start:start] = data[start:stop]
            case 2 if start < len(data):
                data[start] = rng.randrange(256)
            case _:
                data[start:start] = rng.choice(TOKENS)
    return bytes(data)


def check(source):
    """The flow of a document, or None: nothing but `DocumentInvalid` may come out."""
    checked = check_flow(source)
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    assert (checked.flow is None) == bool(errors)
    assert "\n".join(map(str, checked.findings)).encode() is not None
    if checked.flow is None:
        with pytest.raises(DocumentInvalid):
            load_flow(source)
    return checked.flow


def assert_sound(flow):
    """A flow that loads comes back from its canonical form, and every task of it has a way to an end."""
    stored = canonical_json(flow)
    again = flow_from_canonical(stored)
    assert flow_digest(again) == flow_digest(flow)
    assert load_flow(stored) == again
    sources = {}
    for task in flow.tasks:
        conditions = [condition for condition in flow.conditions if condition.source_task == task.name]
        targets = {condition.target_task_success for condition in conditions}
        targets.add(conditions[-1].target_task_failure if conditions else "end")
        for target in targets:
            sources.setdefault(target, []).append(task.name)
    assert {task.name for task in flow.tasks} <= reach(RESERVED_TARGETS, sources)


@pytest.mark.many
def test_mutated_documents_give_findings_or_a_sound_flow():
    """A document that was changed at random is refused with findings, or is a flow that fits the schema."""
    rng = random.Random(SEED)
    documents = list(structures())
    loaded = 0
    for _ in range(DOCUMENTS // 2):
        document = mutate_structure(rng.choice(documents), rng)
        as_text = rng.random() < 0.5
        flow = check(json.dumps(document, ensure_ascii=rng.random() < 0.9) if as_text else document)
        if flow is not None:
            loaded += 1
            assert_sound(flow)
            assert_fits_schema(document)
    assert loaded > DOCUMENTS // 50


@pytest.mark.many
def test_mutated_bytes_give_findings_or_a_sound_flow(tmp_path):
    """The bytes of a document, changed at random, are refused with findings, or are a sound flow."""
    rng = random.Random(SEED + 1)
    texts = [(path.suffix, path.read_bytes()) for path in sorted(VALID.iterdir())]
    files = {suffix: tmp_path / f"flow{suffix}" for suffix, _ in texts}
    loaded = 0
    for _ in range(DOCUMENTS * 2 // 5):
        suffix, data = rng.choice(texts)
        files[suffix].write_bytes(mutate_bytes(data, rng))
        flow = check(files[suffix])
        if flow is not None:
            loaded += 1
            assert_sound(flow)
    assert loaded > DOCUMENTS // 100


def test_random_bytes_give_findings(tmp_path):
    """Bytes of no sense are refused with findings, whatever their suffix says they are."""
    rng = random.Random(SEED + 2)
    files = [tmp_path / f"flow{suffix}" for suffix in (".json", ".toml", ".yaml")]
    for _ in range(DOCUMENTS // 10):
        file = rng.choice(files)
        if rng.random() < 0.5:
            file.write_bytes(rng.randbytes(rng.randrange(200)))
        else:
            file.write_bytes(b"".join(rng.choices((*TOKENS, b"a", b" ", b"0", b"=", b"- "), k=rng.randrange(100))))
        assert check(file) is None
