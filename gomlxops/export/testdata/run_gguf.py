"""Reads GGUF files and runs them, in NumPy alone: the format from ggml's docs/gguf.md, the networks from what llama.cpp's graphs compute.

    run_gguf.py CASES.json

CASES.json lists {"path", "tokens", "out"}; logits of each go to out as float32. A line of JSON says what the metadata has.
"""

import json
import struct
import sys

import numpy as np

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Reader:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        assert self.data[:4] == b"GGUF"
        version, tensors, pairs = struct.unpack_from("<IQQ", self.data, 4)
        assert version == 3
        self.at, self.meta, infos = 24, {}, []
        for _ in range(pairs):
            key = self.text()
            self.meta[key] = self.value(self.take("I"))
        for _ in range(tensors):
            name, n = self.text(), self.take("I")
            sizes = [self.take("Q") for _ in range(n)]
            infos.append((name, sizes, self.take("I"), self.take("Q")))
        alignment = self.meta.get("general.alignment", 32)
        start = -(-self.at // alignment) * alignment
        self.tensors = {name: self.tensor(sizes, kind, start + offset) for name, sizes, kind, offset in infos}
        self.kinds = {name: kind for name, _, kind, _ in infos}

    def take(self, code):
        (v,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return v

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n : self.at].decode("utf-8")

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, n = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(n)]
        return self.take(SCALARS[kind])

    def tensor(self, sizes, kind, at):
        n = int(np.prod(sizes))
        if kind == 8:
            blocks = np.frombuffer(self.data, np.dtype([("d", "<f2"), ("q", "i1", 32)]), n // 32, at)
            values = blocks["d"].astype(np.float32)[:, None] * blocks["q"].astype(np.float32)
        elif kind == 30:
            values = (np.frombuffer(self.data, "<u2", n, at).astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(self.data, {0: "<f4", 1: "<f2"}[kind], n, at)
        return values.astype(np.float64).reshape(sizes[::-1])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


class Network:
    def __init__(self, reader):
        self.w, self.arch = reader.tensors, reader.meta["general.architecture"]
        self.meta = reader.meta

    def key(self, name, default=None):
        v = self.meta.get(f"{self.arch}.{name}", default)
        assert v is not None, name
        return v

    def per_layer(self, name, layer):
        v = self.key(name)
        return v[layer] if isinstance(v, list) else v

    def linear(self, name, x):
        y = x @ self.w[name + ".weight"].T
        return y + self.w[name + ".bias"] if name + ".bias" in self.w else y

    def norm(self, name, x):
        if self.arch == "gpt2":
            x = x - x.mean(-1, keepdims=True)
            x = x / np.sqrt((x**2).mean(-1, keepdims=True) + self.key("attention.layer_norm_epsilon"))
            return x * self.w[name + ".weight"] + self.w[name + ".bias"]
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + self.key("attention.layer_norm_rms_epsilon")) * self.w[name + ".weight"]

    def rope(self, x):
        """x is [heads, length, width]. Neighbours turn in llama, deci and chatglm, halves in qwen2 and qwen3; frequencies are float64."""
        n, length = self.key("rope.dimension_count"), x.shape[1]
        f = self.key("rope.freq_base") ** (-np.arange(0, n, 2) / n)
        if "rope_freqs.weight" in self.w:
            f = f / self.w["rope_freqs.weight"]
        magnitude, kind = 1.0, self.key("rope.scaling.type", "none")
        if kind == "linear":
            f = f / self.key("rope.scaling.factor")
        if kind == "yarn":
            f, magnitude = self.yarn(f, n)
        angle = np.arange(length)[:, None] * f
        cos, sin = magnitude * np.cos(angle), magnitude * np.sin(angle)
        y = x.copy()
        if self.arch in ("qwen2", "qwen3"):
            a, b = slice(0, n // 2), slice(n // 2, n)
        else:
            a, b = slice(0, n, 2), slice(1, n, 2)
        y[..., a] = x[..., a] * cos - x[..., b] * sin
        y[..., b] = x[..., a] * sin + x[..., b] * cos
        return y

    def yarn(self, f, n):
        """ggml's rope_yarn: corrected dimensions, a ramp between, and the magnitude."""
        factor, base, first = self.key("rope.scaling.factor"), self.key("rope.freq_base"), self.key("rope.scaling.original_context_length")
        dim = lambda turns: n * np.log(first / (turns * 2 * np.pi)) / (2 * np.log(base))
        low, high = max(0, np.floor(dim(32))), min(n - 1, np.ceil(dim(1)))
        ramp = 1 - np.clip((np.arange(n // 2) - low) / max(0.001, high - low), 0, 1)
        return f / factor * (1 - ramp) + f * ramp, 1 + 0.1 * np.log(factor)

    def block(self, layer, h):
        p, length = f"blk.{layer}.", h.shape[0]
        heads = self.per_layer("attention.head_count", layer)
        groups = heads if self.arch == "gpt2" else self.per_layer("attention.head_count_kv", layer)
        x = self.norm(p + "attn_norm", h)
        if p + "attn_qkv.weight" in self.w:
            width = h.shape[1] // heads
            q, k, v = np.split(self.linear(p + "attn_qkv", x), [heads * width, (heads + groups) * width], -1)
        else:
            width = self.key("attention.key_length")
            q, k, v = (self.linear(p + "attn_" + c, x) for c in "qkv")
        split = lambda y: y.reshape(length, -1, width).transpose(1, 0, 2)
        q, k, v = split(q), split(k), split(v)
        assert len(q) == heads and len(k) == groups
        if p + "attn_q_norm.weight" in self.w:
            q, k = self.norm(p + "attn_q_norm", q), self.norm(p + "attn_k_norm", k)
        if self.arch != "gpt2":
            q, k = self.rope(q), self.rope(k)
        k, v = np.repeat(k, heads // groups, 0), np.repeat(v, heads // groups, 0)
        s = q @ k.transpose(0, 2, 1) / np.sqrt(width)
        s = softmax(np.where(np.tril(np.ones((length, length), bool)), s, -np.inf))
        h = h + self.linear(p + "attn_output", (s @ v).transpose(1, 0, 2).reshape(length, -1))
        x = self.norm(p + "ffn_norm", h)
        up = self.linear(p + "ffn_up", x)
        if self.arch == "gpt2":
            mid = gelu(up)
        elif self.arch == "chatglm":
            gate, up = np.split(up, 2, -1)
            mid = silu(gate) * up
        else:
            mid = silu(self.linear(p + "ffn_gate", x)) * up
        assert mid.shape[-1] == self.per_layer("feed_forward_length", layer)
        return h + self.linear(p + "ffn_down", mid)

    def run(self, tokens):
        h = self.w["token_embd.weight"][tokens]
        if "position_embd.weight" in self.w:
            h = h + self.w["position_embd.weight"][: len(tokens)]
        for layer in range(self.key("block_count")):
            h = self.block(layer, h)
        return self.linear("output" if "output.weight" in self.w else "token_embd", self.norm("output_norm", h))


for case in json.load(open(sys.argv[1])):
    reader = Reader(case["path"])
    logits = np.stack([Network(reader).run(np.array(t)) for t in case["tokens"]])
    logits.astype("<f4").tofile(case["out"])
    kinds = {}
    for kind in reader.kinds.values():
        kinds[str(kind)] = kinds.get(str(kind), 0) + 1
    print(json.dumps({"arch": reader.meta["general.architecture"], "kinds": kinds, "tokens": len(reader.meta.get("tokenizer.ggml.tokens", []))}))
