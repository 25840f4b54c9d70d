"""Reads ONNX directories and runs them, in NumPy alone: protobuf by hand, operators as ONNX's documentation has them.

    run_onnx.py CASES.json

CASES.json lists {"path", "tokens", "out"}; logits of each go to out as float32. A line of JSON lists the operators.
"""

import json
import math
import os
import struct
import sys

import numpy as np


def fields(data):
    """The fields of a message: {number: [values]}, bytes or integers."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value = varint()
            value -= (value >> 63) << 64
        elif kind == 2:
            size = varint()
            value = data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {kind}")
        found.setdefault(number, []).append(value)
    return found


def text(message, number):
    return message[number][0].decode()


TYPES = {1: np.float32, 7: np.int64, 10: np.float16, 11: np.float64}


def tensor(raw, directory):
    t = fields(raw)
    dims, kind = t.get(1, []), TYPES[t[2][0]]
    if t.get(14, [0])[0] == 1:
        where = {text(e, 1): text(e, 2) for e in map(fields, t[13])}
        values = np.fromfile(os.path.join(directory, where["location"]), kind, int(np.prod(dims)), offset=int(where["offset"]))
        assert values.nbytes == int(where["length"])
    else:
        values = np.frombuffer(t[9][0], kind)
    return text(t, 8), values.reshape(dims)


def attributes(node):
    out = {}
    for a in map(fields, node.get(5, [])):
        kind = a[20][0]
        out[text(a, 1)] = a[3][0] if kind == 2 else a[8]
        assert kind in (2, 7)
    return out


def reshape(x, dims):
    return x.reshape([x.shape[i] if d == 0 else d for i, d in enumerate(dims)])


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def cut(x, lo, hi, axes, steps):
    at = [slice(None)] * x.ndim
    for a, b, axis, step in zip(lo, hi, axes, steps):
        at[axis] = slice(a, b, step)
    return x[tuple(at)]


erf = np.vectorize(math.erf, otypes=[np.float32])
OPERATORS = {
    "Shape": lambda a, x: np.array(x.shape, np.int64),
    "Gather": lambda a, x, i: np.take(x, i, a.get("axis", 0)),
    "Range": lambda a, lo, hi, step: np.arange(lo, hi, step),
    "Unsqueeze": lambda a, x, axes: np.expand_dims(x, tuple(axes)),
    "Cast": lambda a, x: x.astype(TYPES[a["to"]]),
    "Reshape": lambda a, x, dims: reshape(x, dims),
    "Transpose": lambda a, x: x.transpose(a["perm"]),
    "Slice": lambda a, x, *rest: cut(x, *rest),
    "Concat": lambda a, *x: np.concatenate(x, a["axis"]),
    "ReduceMean": lambda a, x: x.mean(tuple(a["axes"]), keepdims=bool(a["keepdims"])),
    "MatMul": lambda a, x, y: x @ y,
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: x / y,
    "And": lambda a, x, y: x & y, "LessOrEqual": lambda a, x, y: x <= y, "Greater": lambda a, x, y: x > y, "Where": lambda a, c, x, y: np.where(c, x, y),
    "Sqrt": lambda a, x: np.sqrt(x), "Cos": lambda a, x: np.cos(x), "Sin": lambda a, x: np.sin(x),
    "Softmax": lambda a, x: softmax(x, a["axis"]), "Sigmoid": lambda a, x: 1 / (1 + np.exp(-x)), "Tanh": lambda a, x: np.tanh(x),
    "Relu": lambda a, x: np.maximum(x, 0), "Erf": lambda a, x: erf(x), "Identity": lambda a, x: x,
}
SAME = ("Add", "Sub", "Mul", "Div", "MatMul", "Where", "Concat")  # operators whose inputs must be of one type


def run(directory, tokens):
    model = fields(open(os.path.join(directory, "model.onnx"), "rb").read())
    graph = fields(model[7][0])
    opset = fields(model[8][0])
    assert model[1][0] == 8 and opset[2][0] == 17
    assert [text(fields(i), 1) for i in graph[11]] == ["input_ids"] and [text(fields(o), 1) for o in graph[12]] == ["logits"]
    values = dict(tensor(raw, directory) for raw in graph[5])
    values["input_ids"] = tokens
    used = {}
    for node in map(fields, graph[1]):
        op, inputs = text(node, 4), [values[name.decode()] for name in node[1]]
        if op in SAME:
            kinds = {x.dtype for x in inputs if x.dtype != bool}
            assert len(kinds) == 1, (op, kinds)
        out = OPERATORS[op](attributes(node), *inputs)
        assert not (out.dtype == np.float64 and op not in ("Cast", "Mul", "Cos", "Sin")), op
        values[text(node, 2)] = out
        used[op] = used.get(op, 0) + 1
    return values["logits"], used


for case in json.load(open(sys.argv[1])):
    logits, used = run(case["path"], np.array(case["tokens"], np.int64))
    assert logits.dtype == np.float32
    logits.tofile(case["out"])
    print(json.dumps(used))
