"""What BenchmarkAsk measures, with scikit-learn's Gaussian process: the same fit (Matern-5/2, 30 length scales, noise; as many starts) of 200 trials in
30 dimensions, and the maximum of expected improvement on the same budget surface from as many candidates and climbs. scikit-learn gives no gradient of
a prediction, so SciPy differentiates by differences. Milliseconds, the best of three: by the clock, and of processor time.
Usage: python3 sklearn_peer.py"""
import time
import warnings

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

warnings.filterwarnings("ignore")
D, N, CANDIDATES, CLIMBS, EVALUATIONS = 30, 200, 256, 6, 60
rng = np.random.default_rng(1)
weights = np.resize([1, 1, 2.6875, 2.6875, 2.6875], D)
budget = weights.sum() * 0.3 / 0.9


def project(v):
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        if weights @ np.clip(v - middle * weights, 0, 1) > budget:
            low = middle
        else:
            high = middle
    return np.clip(v - high * weights, 0, 1)


x = np.array([project(rng.random(D)) for _ in range(N)])
y = ((0.9 * x - np.arange(D) / D) ** 2).sum(1) + 0.01 * rng.standard_normal(N)
y = (y - y.mean()) / y.std()


def kernel(length):
    return ConstantKernel(1, (1e-3, 1e2)) * Matern(length, (0.02, 100 * D**0.5), nu=2.5) + WhiteKernel(1e-3, (1e-6, 1))


def fit(restarts, iterations):
    def lbfgs(objective, start, bounds):
        r = minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": iterations, "maxfun": 2 * iterations})
        return r.x, r.fun

    return GaussianProcessRegressor(kernel(np.full(D, 4.0 * D**0.5)), optimizer=lbfgs, n_restarts_optimizer=restarts, random_state=0).fit(x, y)


def improvement(gp, u, best):
    mean, s = gp.predict(np.atleast_2d(u), return_std=True)
    z = (best - mean) / s
    return s * (z * norm.cdf(z) + norm.pdf(z))


def maximise(gp):
    best = gp.predict(x).min()
    starts = np.array([project(rng.random(D)) for _ in range(CANDIDATES)])
    scores = improvement(gp, starts, best)
    budgeted = {"type": "eq", "fun": lambda u: weights @ u - budget, "jac": lambda u: weights}
    tops = [
        minimize(lambda u: -improvement(gp, u, best)[0], starts[i], bounds=[(0, 1)] * D, constraints=[budgeted], method="SLSQP", options={"maxiter": 10})
        for i in np.argsort(-scores)[:CLIMBS]
    ]
    return min(tops, key=lambda r: r.fun).x


for name, restarts, iterations in [("full", 1, 40), ("incremental", 0, 3)]:
    times, work = [], []
    for _ in range(3):
        start, used = time.perf_counter(), time.process_time()
        gp = fit(restarts, iterations)
        middle = time.perf_counter()
        maximise(gp)
        times.append((time.perf_counter() - start, middle - start))
        work.append(time.process_time() - used)
    print(f"ask/{name} d={D} n={N} {1e3 * min(times)[0]:.0f} ms, of which the fit {1e3 * min(times)[1]:.0f} ms; processor time {1e3 * min(work):.0f} ms")
