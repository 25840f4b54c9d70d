"""What bench_test.go measures, in NumPy: best of five, in milliseconds. Usage: python3 numpy_peer.py [sizes ...]"""
import sys
import time

import numpy as np


def best(run):
    run()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


for n in [int(s) for s in sys.argv[1:]] or [256, 512, 1024]:
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, 2 * n)) * np.arange(1, n + 1)[:, None] ** -0.5
    a, w = x @ x.T, rng.standard_normal((n, n))
    for name, run in [
        ("eigh", lambda: np.linalg.eigh(a)),
        ("svd", lambda: np.linalg.svd(a, full_matrices=False)),
        ("cholesky", lambda: np.linalg.cholesky(a)),
        ("matmul", lambda: w @ w),
    ]:
        print(f"{name} n={n} {best(run):.2f} ms")
