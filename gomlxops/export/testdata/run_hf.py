"""Runs exported Hugging Face directories on PyTorch, with a loader of its own.

    run_hf.py CASES.json

CASES.json lists {"dir", "tokens", "out"}. For each the logits go to out, float32, and a line of JSON says how far the ways to get there
are apart. A directory with auto_map is run by the class that this names, as from_pretrained would; one without by the arithmetic below.
"""

import importlib.util
import json
import math
import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "standin"))


def tensors(path):
    """Every tensor of a safetensors file, as float32."""
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin : 8 + size + end]
        if entry["dtype"] == "BF16":
            wide = np.frombuffer(raw, np.uint16).astype(np.uint32) << 16
            values = wide.view(np.float32)
        else:
            values = np.frombuffer(raw, {"F32": np.float32, "F16": np.float16}[entry["dtype"]]).astype(np.float32)
        found[name] = torch.tensor(values.reshape(entry["shape"]))
    return found


def load(directory):
    config = json.load(open(os.path.join(directory, "config.json")))
    weights = {}
    for name in sorted(os.listdir(directory)):
        if name.endswith(".safetensors"):
            weights.update(tensors(os.path.join(directory, name)))
    return config, weights


def program(directory, reference):
    """The class that auto_map names."""
    module, name = reference.split(".")
    spec = importlib.util.spec_from_file_location(module, os.path.join(directory, module + ".py"))
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded, getattr(loaded, name)


def far(a, b):
    return float((a - b).abs().max())


@torch.no_grad()
def custom(directory, config, weights, tokens):
    code, config_class = program(directory, config["auto_map"]["AutoConfig"])
    model_class = getattr(code, config["auto_map"]["AutoModelForCausalLM"].split(".")[1])
    report = {}
    plain = code.PareNetwork(config["pare"])
    plain.load_state_dict(weights, strict=True)
    logits = plain.eval()(tokens)

    model = model_class(config_class(**config))
    model.load_state_dict(weights, strict=True)
    model.eval()
    whole = model(input_ids=tokens, output_hidden_states=True)
    report["wrapped"] = far(whole.logits, logits)
    report["states"] = len(whole.hidden_states)
    report["kept"] = far(model(input_ids=tokens, logits_to_keep=1).logits, logits[:, -1:])
    report["tuple"] = far(model(input_ids=tokens, return_dict=False, use_cache=False)[0], logits)

    if "dynamic" not in config["pare"]["network"]["positions"]:  # there the frequencies change with the length
        cache, steps = code.Cache(), []
        split = max(1, tokens.shape[1] - 5)
        steps.append(plain(tokens[:, :split], cache=cache))
        for at in range(split, tokens.shape[1]):
            steps.append(plain(tokens[:, at : at + 1], cache=cache))
        report["cached"] = far(torch.cat(steps, dim=1), logits)

        pad = 3
        padded = torch.cat([torch.zeros(tokens.shape[0], pad, dtype=torch.long), tokens], dim=1)
        mask = torch.ones_like(padded)
        mask[:, :pad] = 0
        report["padded"] = far(model(input_ids=padded, attention_mask=mask).logits[:, pad:], logits)

        grown = model.generate(tokens[:, :4], max_new_tokens=5)
        expected = tokens[:, :4]
        for _ in range(5):
            expected = torch.cat([expected, plain(expected)[:, -1].argmax(-1, keepdim=True)], dim=1)
        report["generated"] = int((grown != expected).sum())

    labels = tokens.clone()
    labels[:, :2] = -100
    chosen = F.log_softmax(logits[:, 1:-1], -1).gather(-1, tokens[:, 2:, None])
    report["loss"] = abs(float(model(input_ids=tokens, labels=labels).loss) + float(chosen.mean()))
    report["items"] = abs(float(model(input_ids=tokens, labels=labels, num_items_in_batch=10).loss) + float(chosen.sum()) / 10)

    def fused(q, k, v, attn_mask):
        scores = (q.double() @ k.double().transpose(-1, -2)) / math.sqrt(q.shape[-1])
        return (scores.masked_fill(~attn_mask, float("-inf")).softmax(-1) @ v.double()).to(q.dtype)

    had = getattr(F, "scaled_dot_product_attention", None)
    F.scaled_dot_product_attention = fused
    report["fused"] = far(plain(tokens), logits)
    if had is None:
        del F.scaled_dot_product_attention
    else:
        F.scaled_dot_product_attention = had
    return logits, report


@torch.no_grad()
def stock(config, w, tokens):
    """LLaMA, Mistral, Qwen2, Qwen3 and GPT-2 by their stock names and keys, in float64."""
    w = {name: t.double() for name, t in w.items()}
    if config["model_type"] == "gpt2":
        return gpt2(config, w, tokens)
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    groups = config.get("num_key_value_heads") or heads
    width = config.get("head_dim") or hidden // heads
    n, length = tokens.shape

    def linear(name, x):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    def norm(name, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * w[name + ".weight"]

    angle = torch.arange(length).double()[:, None] * (config["rope_theta"] ** (-torch.arange(0, width, 2).double() / width))
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
    rotate = lambda x: x * cos + torch.cat([-x[..., width // 2 :], x[..., : width // 2]], -1) * sin
    i = torch.arange(length)
    window = config.get("sliding_window") if config["model_type"] == "mistral" else None
    hide = (i[None] > i[:, None]) | ((i[None] <= i[:, None] - window) if window else False)
    h = w["model.embed_tokens.weight"][tokens]
    for l in range(config["num_hidden_layers"]):
        p = f"model.layers.{l}."
        x = norm(p + "input_layernorm", h)
        split = lambda y: y.view(n, length, -1, width)
        q, k, v = (split(linear(p + f"self_attn.{c}_proj", x)) for c in "qkv")
        if p + "self_attn.q_norm.weight" in w:
            q, k = norm(p + "self_attn.q_norm", q), norm(p + "self_attn.k_norm", k)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        q, k = rotate(q), rotate(k)
        k, v = (y.repeat_interleave(heads // groups, 1) for y in (k, v))
        s = (q @ k.transpose(2, 3) / math.sqrt(width)).masked_fill(hide, -math.inf).softmax(-1)
        h = h + linear(p + "self_attn.o_proj", (s @ v).transpose(1, 2).reshape(n, length, -1))
        x = norm(p + "post_attention_layernorm", h)
        h = h + linear(p + "mlp.down_proj", F.silu(linear(p + "mlp.gate_proj", x)) * linear(p + "mlp.up_proj", x))
    head = "model.embed_tokens" if config.get("tie_word_embeddings") else "lm_head"
    return F.linear(norm("model.norm", h), w[head + ".weight"])


def gpt2(config, w, tokens):
    n, length = tokens.shape
    hidden, heads = config["n_embd"], config["n_head"]
    conv = lambda name, x: x @ w[name + ".weight"] + w[name + ".bias"]
    norm = lambda name, x: F.layer_norm(x, (hidden,), w[name + ".weight"], w[name + ".bias"], config["layer_norm_epsilon"])
    hide = torch.ones(length, length).triu(1).bool()
    h = w["transformer.wte.weight"][tokens] + w["transformer.wpe.weight"][:length]
    for l in range(config["n_layer"]):
        p = f"transformer.h.{l}."
        q, k, v = (y.view(n, length, heads, -1).transpose(1, 2) for y in conv(p + "attn.c_attn", norm(p + "ln_1", h)).split(hidden, -1))
        s = (q @ k.transpose(2, 3) / math.sqrt(hidden // heads)).masked_fill(hide, -math.inf).softmax(-1)
        h = h + conv(p + "attn.c_proj", (s @ v).transpose(1, 2).reshape(n, length, -1))
        h = h + conv(p + "mlp.c_proj", F.gelu(conv(p + "mlp.c_fc", norm(p + "ln_2", h)), approximate="tanh"))
    return norm("transformer.ln_f", h) @ w["transformer.wte.weight"].T


torch.set_num_threads(1)
for case in json.load(open(sys.argv[1])):
    config, weights = load(case["dir"])
    tokens = torch.tensor(case["tokens"])
    if "auto_map" in config:
        logits, report = custom(case["dir"], config, weights, tokens)
    else:
        logits, report = stock(config, weights, tokens), {}
    logits.float().contiguous().numpy().tofile(case["out"])
    print(json.dumps(report), flush=True)
