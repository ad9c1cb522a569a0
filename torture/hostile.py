"""What strangers do to files: bytes and values changed, as hypothesis draws them."""

import io
import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

EVIL = str(Path(tempfile.gettempdir(), "evil.py"))
HOSTILE: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, -0.5, 2**31, -(2**31), 2**53, 2**62, 2**63 - 1, 2**64, 10**400),
    *(float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 1e-320),
    *(
        "",
        "0",
        "a",
        "../x",
        "/etc/passwd",
        "nan",
        "\0",
        "a\nb",
        "\x1b[31m",
        "\ud800",
        "x" * 100_000,
        "é" * 300,
    ),
    *("<script>", "CON", "extension.py:Network", f"{EVIL}:Network", "__class__", "{split}", "$data"),
    *([], {}, [[]], [0], [None], ["a", "a"], [1, 2, 3], [2**62] * 4, {"a": 1}, {"": {}}),
    json.loads("[" * 90 + "]" * 90),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in nested lists and dictionaries."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at a path; `new` of ... removes it."""
    if not path:
        return None if new is ... else new
    made = dict(value) if isinstance(value, dict) else list(value)
    if new is ... and len(path) == 1:
        del made[path[0]]
    else:
        made[path[0]] = put(made[path[0]], path[1:], new)
    return made


def hostile_json(draw: st.DrawFn, text: str) -> str:
    value = json.loads(text)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(value))))
        value = put(value, path, draw(st.sampled_from([..., *HOSTILE])))
    return json.dumps(value)


def hostile_safetensors(draw: st.DrawFn, data: bytes) -> bytes:
    """Its own header or ours inside it is changed; the tensors' bytes stay."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    ours = next(iter(header.get("__metadata__", {})), None)
    if ours is not None and draw(st.booleans()):
        header["__metadata__"][ours] = hostile_json(draw, header["__metadata__"][ours])
    elif draw(st.booleans()):
        header = json.loads(hostile_json(draw, json.dumps(header)))
    else:  # another shape or type for the same bytes, which safetensors itself has nothing against
        name = draw(st.sampled_from([key for key in header if key != "__metadata__"]))
        one, kinds = header[name], ("F32", "I32", "U32", "F16", "BF16", "I16", "U8", "I64", "F64", "BOOL")
        one["dtype"] = draw(st.sampled_from(kinds))
        side = {"F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "I64": 8, "F64": 8}
        count = (one["data_offsets"][1] - one["data_offsets"][0]) // side.get(one["dtype"], 1)
        one["shape"] = draw(st.permutations([count, *[1] * draw(st.integers(0, 4))]))
        if draw(st.booleans()):  # no bytes at all, and a shape as large as one likes
            one["shape"] = [*draw(st.permutations([0, 2**40, 3]))]
            one["data_offsets"] = [0, 0]
    changed = json.dumps(header).encode()
    claimed = draw(st.sampled_from([len(changed)] * 8 + [0, 2**63, len(changed) + 1, len(data) * 2]))
    if draw(st.integers(0, 3)) == 0:  # values: any bits, among them NaN, infinite and negative ones
        at = draw(st.integers(0, max(0, len(body) - 8)))
        body = body[:at] + draw(st.binary(min_size=8, max_size=8)) + body[at + 8 :]
    return claimed.to_bytes(8, "little") + changed + body


def hostile_lines(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = hostile_json(draw, lines[at])
    return "\n".join(lines)


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value).replace("null", '"null"')


def hostile_toml(draw: st.DrawFn, text: str) -> str:
    value = tomllib.loads(text)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([one for one in places(value) if one]))
        value = put(value, path, draw(st.sampled_from([..., *HOSTILE])))
    return "\n".join(f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items())


def hostile_table(draw: st.DrawFn, data: bytes) -> bytes:
    """The header of an .npy file with other words, or the same table with other numbers."""
    table = np.load(io.BytesIO(data))
    if draw(st.booleans()):
        column = draw(st.sampled_from(["label", "frames", "shard", "roles"]))
        table[column][draw(st.integers(0, len(table) - 1))] = draw(
            st.sampled_from(
                [0, 1, 2, 3, 4, 7, 255] + ([-1, 2**31 - 1, -(2**31)] if column != "roles" else [])
            )
        )
        out = io.BytesIO()
        np.save(out, table)
        return out.getvalue()
    shape = f"({len(table)},)".encode()
    words = (
        b"(1000000000000,)",
        b"(-1,)",
        b"()",
        b"(2,2)",
        b"(1e9,)",
        b"('a',)",
        b"(((((((1)))))))",
        b"None",
    )
    found = {shape: words, b"'<i4'": (b"'O'  ", b"'|O8'", b"'<i8'"), b"False": (b"True ", b"print")}
    old = draw(st.sampled_from(sorted(found)))
    return data.replace(old, draw(st.sampled_from(found[old])), 1)


def hostile_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["flip", "cut", "drop", "repeat", "put"]))
        some = draw(st.binary(min_size=1, max_size=8))
        if kind == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ some[0]]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "drop":
            data = data[:at] + data[at + len(some) :]
        elif kind == "repeat":
            data = data[:at] + data[max(0, at - 40) :]
        else:
            data = data[:at] + some + data[at:]
    return data


@st.composite
def changes(draw: st.DrawFn, data: bytes, name: str) -> bytes:
    """What becomes of a file."""
    if draw(st.integers(0, 3)) == 0:
        return hostile_bytes(draw, data)
    if name.endswith(".safetensors"):
        return hostile_safetensors(draw, data)
    if name.endswith(".npy"):
        return hostile_table(draw, data)
    kinds = {".json": hostile_json, ".jsonl": hostile_lines, ".toml": hostile_toml}
    return kinds[Path(name).suffix](draw, data.decode()).encode()
