"""Our independence tests under causal-learn's names, so that its searches can run on them and results be compared.

Hides the interface of that library. After :func:`register_tests` its ``pc(data, alpha, "graphrec-gsq")`` asks the
compiled G² of :mod:`causal.search.contingency`, and ``"graphrec-fisherz"`` that of :mod:`causal.search.independence`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.search.blockencoding import encode_blocks
from causal.search.contingency import TableTest
from causal.search.independence import BlockTest
from causal.search.moments import effective_sizes, measure_moments
from causal.search.skeleton import IndependenceTest

__all__ = ["TEST_NAMES", "register_tests"]

TEST_NAMES = ("graphrec-gsq", "graphrec-fisherz")


def register_tests() -> tuple[str, ...]:
    """Make our tests known to causal-learn; twice does no harm.

    Returns
    -------
    tuple of str
        The names that ``causallearn.utils.cit.CIT`` and ``pc`` now take. ``graphrec-gsq`` reads every column as a
        category, ``graphrec-fisherz`` as a number (replaced by normal scores when it is far from normal). A row with a
        gap counts for neither: leave it out beforehand.

    Examples
    --------
    >>> register_tests()
    ('graphrec-gsq', 'graphrec-fisherz')
    """
    from causallearn.utils.cit import CIT_Base, register_ci_test

    for name in TEST_NAMES:

        class Registered(CIT_Base):  # type: ignore[misc]
            """One of our tests behind the library's interface."""

            kind = name

            def __init__(self, data: NDArray[Any], cache_path: str | None = None) -> None:
                super().__init__(data, cache_path)
                self.check_cache_method_consistent(self.kind, "NO SPECIFIED PARAMETERS")
                self.assert_input_data_is_valid()
                self.test = _make_test(self.kind, data)

            def __call__(self, first: int, second: int, given: Iterable[int] | None = None) -> float:
                ends, _, held, key = self.get_formatted_XYZ_and_cachekey(first, second, given)
                if key not in self.pvalue_cache:
                    other = int(second) if ends[0] == int(first) else int(first)
                    asked = np.array([ends[0]]), np.array([other]), np.array([held], dtype=np.intp).reshape(1, -1)
                    self.pvalue_cache[key] = float(self.test.p_values(*asked)[0])
                return float(self.pvalue_cache[key])

        register_ci_test(name, Registered)
    return TEST_NAMES


def _make_test(kind: str, data: NDArray[Any]) -> IndependenceTest:
    frame = pd.DataFrame(data, columns=[f"x{number}" for number in range(data.shape[1])])
    blocks = encode_blocks(frame.astype("category") if kind == "graphrec-gsq" else frame)
    weights = np.ones(len(frame))
    size = effective_sizes(blocks, weights)
    if kind == "graphrec-gsq" and blocks.codes is not None:
        return TableTest(blocks.codes, weights, size)
    return BlockTest(measure_moments(blocks, weights, size))
