"""What bench_test.go measures, in NumPy: the best of six, or of as many as begin within 10 s, in milliseconds by the clock and of processors.
Usage: python3 numpy_peer.py [sizes and operations ...]; OPENBLAS_NUM_THREADS=1 for the processor's time to say something."""
import sys
import time

import numpy as np


def best(run):
    times, cpu = [], []
    while len(times) < 6 and sum(times) < 10:
        start, cpu_start = time.perf_counter(), time.process_time()
        run()
        times.append(time.perf_counter() - start)
        cpu.append(time.process_time() - cpu_start)
    return 1e3 * min(times), 1e3 * min(cpu)


chosen = [s for s in sys.argv[1:] if not s.isdigit()]
for n in [int(s) for s in sys.argv[1:] if s.isdigit()] or [256, 512, 1024]:
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, 2 * n)) * np.arange(1, n + 1)[:, None] ** -0.5
    a, w = x @ x.T, rng.standard_normal((n, n))
    for name, run in [
        ("eigh", lambda: np.linalg.eigh(a)),
        ("svd", lambda: np.linalg.svd(a, full_matrices=False)),
        ("cholesky", lambda: np.linalg.cholesky(a)),
        ("matmul", lambda: w @ w),
    ]:
        if not chosen or name in chosen:
            print("%s n=%d %.2f ms %.2f cpu-ms" % (name, n, *best(run)))
