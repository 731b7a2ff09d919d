"""One round of EM over all customers, compiled.

Hides the loop. The responsibilities are never stored: each customer's row adds to the sums of the segments at once, and
the logarithms of the variances are one logarithm of their product.

Alternative considered: numpy. It passes over the same table a dozen times for each segment and took six times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from causal.search.jit import compiled

__all__ = ["em_round"]


@compiled
def em_round(z: Any, noise: Any, log_share: Any, mean: Any, spread: Any) -> Any:
    """Log likelihood, and the sums over customers of r, r b and r (b^2 + B); see `mixture` for the symbols."""
    n, f = z.shape
    k = len(log_share)
    total, first, second = np.zeros(k), np.zeros((k, f)), np.zeros((k, f))
    weight = np.empty(k)
    loglik = -0.5 * f * np.log(2 * np.pi) * n
    for i in range(n):
        top = -np.inf
        for j in range(k):
            squares, product = 0.0, 1.0
            for d in range(f):
                variance = spread[j, d] + noise[i, d]
                gap = z[i, d] - mean[j, d]
                squares += gap * gap / variance
                product *= variance
            weight[j] = log_share[j] - 0.5 * (squares + np.log(product))
            top = max(top, weight[j])
        whole = 0.0
        for j in range(k):
            weight[j] = np.exp(weight[j] - top)
            whole += weight[j]
        loglik += top + np.log(whole)
        for j in range(k):
            r = weight[j] / whole
            if r < 1e-12:
                continue
            total[j] += r
            for d in range(f):
                gain = spread[j, d] / (spread[j, d] + noise[i, d])
                guess = mean[j, d] + gain * (z[i, d] - mean[j, d])
                first[j, d] += r * guess
                second[j, d] += r * (guess * guess + gain * noise[i, d])
    return loglik, total, first, second
