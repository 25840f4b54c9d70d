"""bench_test.go's times as multiples of NumPy's, taken in turns, so that what else the machine does falls on both; the median over rounds,
with the least and the most. Build the tests first:

    go test -c -o /tmp/linalg.test ./gomlxops/linalg
    python3 ratio.py /tmp/linalg.test ROUNDS Eigh 1024 2048          # two threads each, by the clock
    python3 ratio.py /tmp/linalg.test ROUNDS Eigh 1024 --cpu         # one thread each, by processor time, for a busy machine
"""
import os
import re
import statistics
import subprocess
import sys

binary, rounds, operation, *sizes = [a for a in sys.argv[1:] if a != "--cpu"]
cpu = "--cpu" in sys.argv
threads = "1" if cpu else str(os.cpu_count())
env = dict(os.environ, OPENBLAS_NUM_THREADS=threads, GOMAXPROCS=threads)
peer = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "numpy_peer.py")]


def out(command):
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


for n in sizes:
    ratios = {}
    for _ in range(int(rounds)):
        wall, used = re.search(r"([\d.]+) ms ([\d.]+) cpu-ms", out(peer + [n, operation.lower()])).groups()
        text = out([binary, "-test.run", "-", "-test.bench", f"^Benchmark{operation}$/^n={n}$", "-test.benchtime", "4x"])
        for solver, line in re.findall(r"n=\d+/(\w+)\S*(.*)", text):
            mine = float(re.search(r"([\d.]+) best-cpu-ms" if cpu else r"([\d.]+) best-ms", line)[1])
            ratios.setdefault(solver, []).append(mine / float(used if cpu else wall))
    for solver, r in sorted(ratios.items()):
        print(f"{operation} n={n} {solver}: {statistics.median(r):.2f} of NumPy ({min(r):.2f} to {max(r):.2f}, {len(r)} rounds)", flush=True)
