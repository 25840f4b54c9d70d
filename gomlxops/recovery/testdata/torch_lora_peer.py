#!/usr/bin/env python3
"""BenchmarkLoRA of adapterbench_test.go in PyTorch, for comparison: the same shapes, tokens per step, and work.

    python3 torch_lora_peer.py [--threads 2] [--seconds 5] [--rank 8]

A LLaMA decoder whose weights are frozen (requires_grad False, so that autograd makes no gradients of theirs) with LoRA beside every linear,
as one writes it by hand: y = F.linear(x, w) + scale * F.linear(F.linear(x, a), b). A step is forward, backward, clipping by the norm of all
gradients, and torch.optim.AdamW. Prints tokens per second, median over the steps that fit in the time, and processor time of a step;
float32, eager mode, as PyTorch 1.13 has it: without scaled_dot_product_attention.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F

VOCABULARY, HIDDEN, MID, LAYERS, HEADS, BATCH, LENGTH = 2048, 256, 704, 4, 8, 8, 256


class LoRA:
    """A frozen linear [out, in] with a trained branch of low rank beside it."""

    def __init__(self, out, inp, rank, trained):
        self.w = torch.randn(out, inp) * 0.02
        self.a = (torch.randn(rank, inp) / 16).requires_grad_()
        self.b = torch.zeros(out, rank).requires_grad_()
        trained += [self.a, self.b]

    def __call__(self, x):
        return F.linear(x, self.w) + 2.0 * F.linear(F.linear(x, self.a), self.b)


class Model:
    def __init__(self, rank):
        self.trained = []
        linear = lambda out, inp: LoRA(out, inp, rank, self.trained)
        self.embed = torch.randn(VOCABULARY, HIDDEN) * 0.02
        self.blocks = [{
            "n1": torch.ones(HIDDEN), "n2": torch.ones(HIDDEN),
            "q": linear(HIDDEN, HIDDEN), "k": linear(HIDDEN, HIDDEN), "v": linear(HIDDEN, HIDDEN), "o": linear(HIDDEN, HIDDEN),
            "gate": linear(MID, HIDDEN), "up": linear(MID, HIDDEN), "down": linear(HIDDEN, MID)} for _ in range(LAYERS)]
        self.final = torch.ones(HIDDEN)
        hd = HIDDEN // HEADS
        angle = torch.outer(torch.arange(LENGTH, dtype=torch.float64), 10000.0 ** -(torch.arange(0, hd, 2, dtype=torch.float64) / hd))
        angle = torch.cat((angle, angle), dim=1)
        self.cos, self.sin = angle.cos().float()[:, None, :], angle.sin().float()[:, None, :]
        self.mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)

    @staticmethod
    def rms(x, g):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * g

    def rope(self, x):  # [B, T, heads, hd]
        a, b = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-b, a), dim=-1) * self.sin

    def attention(self, x, w):
        b, t, d = x.shape
        split = lambda y: y.view(b, t, HEADS, d // HEADS)
        q, k = self.rope(split(w["q"](x))).transpose(1, 2), self.rope(split(w["k"](x))).transpose(1, 2)
        v = split(w["v"](x)).transpose(1, 2)
        s = q @ k.transpose(-1, -2) / math.sqrt(d // HEADS) + self.mask
        return w["o"]((s.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))

    def loss(self, tokens):
        h = F.embedding(tokens[:, :-1], self.embed)
        for w in self.blocks:
            h = h + self.attention(self.rms(h, w["n1"]), w)
            x = self.rms(h, w["n2"])
            h = h + w["down"](F.silu(w["gate"](x)) * w["up"](x))
        logits = F.linear(self.rms(h, self.final), self.embed)
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rank", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = Model(args.rank)
    optimizer = torch.optim.AdamW(model.trained, lr=1e-3, weight_decay=0.0)
    tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH + 1))

    def step():
        optimizer.zero_grad(set_to_none=True)
        model.loss(tokens).backward()
        torch.nn.utils.clip_grad_norm_(model.trained, 1.0)
        optimizer.step()

    for _ in range(2):
        step()
    times, cpu, end = [], time.process_time(), time.perf_counter() + args.seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(f"torch {torch.__version__}, {args.threads} threads, rank {args.rank}: {BATCH * LENGTH / sorted(times)[len(times) // 2]:.0f} tok/s, "
          f"{(time.process_time() - cpu) / len(times) * 1e3:.0f} cpu-ms/step", flush=True)


if __name__ == "__main__":
    main()
