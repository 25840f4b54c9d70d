#!/usr/bin/env python3
"""The models of bench_test.go in PyTorch, for comparison: the same shapes, tokens per step, and work.

    python3 torch_peer.py [peer|pocket|long|wide ...] [--only forward,step,gradients,squares] [--threads 2] [--seconds 5]

prints one line per shape, tokens per second and processor time of

    forward    the forward pass with loss, no_grad: next to BenchmarkForward and the forward pass of importance's BenchmarkTaylor
    step       forward, backward, plain SGD in place: next to BenchmarkStep
    gradients  forward, and the gradients of all linears by autograd: next to the way back of importance's BenchmarkTaylor
    squares    forward, and for each sequence the gradient of each linear, added up and squared and added up: next to its Fisher sums and
               Taylor scores. One backward pass gives the gradients by the linears' outputs, and one batched product the gradient of each
               sequence from these and the inputs, all in memory at once: faster than a backward pass for each sequence.

Medians over the calls that fit in the time; float32, eager mode, as PyTorch 1.13 has it: without scaled_dot_product_attention,
so attention is matmul, masked softmax, matmul.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F

# vocabulary, hidden, mid, layers, heads, kv heads, batch, length
SHAPES = {
    "peer": (2048, 256, 704, 4, 8, 8, 8, 256),
    "pocket": (2048, 256, 640, 4, 8, 4, 8, 256),
    "long": (2048, 256, 704, 4, 8, 8, 2, 1024),
    "wide": (2048, 1024, 2816, 2, 16, 16, 4, 256),
}


class Model:
    """A LLaMA decoder with a tied head; weights are [out, in]."""

    def __init__(self, vocab, hidden, mid, layers, heads, kv, length):
        self.heads, self.kv, self.hd = heads, kv, hidden // heads
        self.params = []
        self.embed = self.weight(vocab, hidden)
        self.blocks = []
        for _ in range(layers):
            self.blocks.append({
                "n1": self.norm(hidden), "q": self.weight(hidden, hidden), "k": self.weight(kv * self.hd, hidden),
                "v": self.weight(kv * self.hd, hidden), "o": self.weight(hidden, hidden), "n2": self.norm(hidden),
                "gate": self.weight(mid, hidden), "up": self.weight(mid, hidden), "down": self.weight(hidden, mid)})
        self.final = self.norm(hidden)
        self.linears = [w[k] for w in self.blocks for k in ("q", "k", "v", "o", "gate", "up", "down")]
        self.seen = None  # inputs and outputs of linears, where someone asks for them
        j = torch.arange(0, self.hd, 2, dtype=torch.float64) / self.hd
        angle = torch.outer(torch.arange(length, dtype=torch.float64), 10000.0 ** -j)
        angle = torch.cat((angle, angle), dim=1)
        self.cos, self.sin = angle.cos().float()[:, None, :], angle.sin().float()[:, None, :]
        self.mask = torch.full((length, length), float("-inf")).triu(1)

    def weight(self, out, inp):
        w = (torch.randn(out, inp) * 0.02).requires_grad_()
        self.params.append(w)
        return w

    def norm(self, n):
        w = torch.ones(n, requires_grad=True)
        self.params.append(w)
        return w

    @staticmethod
    def rms(x, g):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g

    def linear(self, x, w):
        y = F.linear(x, w)
        if self.seen is not None:
            self.seen.append((w, x.detach(), y))
        return y

    def rope(self, x):  # [B, T, heads, hd]
        a, b = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-b, a), dim=-1) * self.sin

    def attention(self, x, w):
        b, t, d = x.shape
        q = self.rope(self.linear(x, w["q"]).view(b, t, self.heads, self.hd)).transpose(1, 2)
        k = self.rope(self.linear(x, w["k"]).view(b, t, self.kv, self.hd)).transpose(1, 2)
        v = self.linear(x, w["v"]).view(b, t, self.kv, self.hd).transpose(1, 2)
        if self.kv != self.heads:
            k = k.repeat_interleave(self.heads // self.kv, dim=1)
            v = v.repeat_interleave(self.heads // self.kv, dim=1)
        s = q @ k.transpose(-1, -2) / math.sqrt(self.hd) + self.mask
        return self.linear((s.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d), w["o"])

    def loss(self, tokens):
        h = F.embedding(tokens[:, :-1], self.embed)
        for w in self.blocks:
            h = h + self.attention(self.rms(h, w["n1"]), w)
            x = self.rms(h, w["n2"])
            h = h + self.linear(F.silu(self.linear(x, w["gate"])) * self.linear(x, w["up"]), w["down"])
        logits = F.linear(self.rms(h, self.final), self.embed)
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    def forward(self, tokens):
        with torch.no_grad():
            return self.loss(tokens)

    def step(self, tokens):
        loss = self.loss(tokens)
        grads = torch.autograd.grad(loss, self.params)
        with torch.no_grad():
            for p, g in zip(self.params, grads):
                p.add_(g, alpha=-0.01)
        return loss

    def gradients(self, tokens):
        return torch.autograd.grad(self.loss(tokens), self.linears)

    def squares(self, tokens):
        self.seen = []
        loss = self.loss(tokens) * tokens.shape[0]  # the sum of the sequences' means
        seen, self.seen = self.seen, None
        scores = []
        for (_, x, _), dy in zip(seen, torch.autograd.grad(loss, [y for _, _, y in seen])):
            g = torch.bmm(dy.transpose(1, 2), x)
            scores.append((g.sum(0), g.square_().sum(0)))
        return scores


def rate(work, tokens, seconds):
    """Median tokens per second of work, and processor time per call in ms, after two runs to warm up."""
    for _ in range(2):
        work(tokens)
    times, cpu, end = [], time.process_time(), time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        work(tokens)
        times.append(time.perf_counter() - start)
    count = tokens.shape[0] * (tokens.shape[1] - 1)
    return count / sorted(times)[len(times) // 2], (time.process_time() - cpu) / len(times) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES))
    parser.add_argument("--only", default="forward,step,gradients,squares")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    for name in args.shapes:
        *dims, batch, length = SHAPES[name]
        model = Model(*dims, length)
        tokens = torch.randint(0, dims[0], (batch, length + 1))
        rates = []
        for what in args.only.split(","):
            speed, cpu = rate(getattr(model, what), tokens, args.seconds)
            rates.append(f"{what} {speed:.0f} tokens/s ({cpu:.0f} cpu-ms/batch)")
        print(f"{name} torch {torch.__version__}, {args.threads} threads: " + ", ".join(rates), flush=True)


if __name__ == "__main__":
    main()
