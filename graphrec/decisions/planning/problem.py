r"""The integer program behind a plan, as arrays: candidates, what each uses up, and the limits that all share.

Hides how rules of many kinds become two kinds of constraint. *Local* limits bind one customer (contacts in all, in a
window, of an offer, of an exclusive group). *Shared* limits tie customers together; each is linear in counts:

.. math::
    \max_{x \in X_1 \times \dots \times X_N} \sum_j v_j x_j \quad\text{s.t.}\quad A u(x) + m \, k(x) \le b

where `u` counts the chosen candidates of every *cell* (a channel, a channel in a slot, a product, a segment), `k` is
the money spent, and :math:`X_i` are the choices that the local limits leave to customer `i`. A capacity is a row of `A`
with a single 1, a minimum a row with a single -1, parity of pressure a dense row over the segments. Prices of rows turn
into prices of cells, so a candidate is priced by a few look-ups however many limits there are; a matrix with one column
for each candidate, the textbook form, would be a hundred times larger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["Limits", "Problem"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Cells = NDArray[np.int32]
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Limits:
    """Shared limits, a row each: ``matrix @ counts of cells + money * spent <= amount``.

    Attributes
    ----------
    names : tuple of str
        For example ``channel_capacity[email]``.
    matrix : scipy.sparse.csr_array, shape (rows, cells)
    money : (rows,) float
        1 for the budget, 0 for all others.
    amount : (rows,) float
        Right-hand sides, all finite.
    """

    names: tuple[str, ...]
    matrix: csr_array
    money: Floats
    amount: Floats

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.matrix.shape[1])

    @cached_property
    def growing(self) -> NDArray[np.bool_]:
        """Rows that every further contact can only bring closer to their amount."""
        least = np.zeros(len(self.amount))
        if self.matrix.nnz:
            least = np.asarray(self.matrix.min(axis=1).toarray(), dtype=np.float64).ravel()
        return (least >= 0) & (self.amount >= 0)

    @cached_property
    def falling(self) -> NDArray[np.bool_]:
        """Minima: rows that no contact brings closer to their amount."""
        most = np.zeros(len(self.amount))
        if self.matrix.nnz:
            most = np.asarray(self.matrix.max(axis=1).toarray(), dtype=np.float64).ravel()
        return np.asarray((most <= 0) & (self.money == 0) & ~self.growing)

    @cached_property
    def ceilings(self) -> Floats:
        """What each cell may hold by the limits that fill up; infinite where none does."""
        return self._of_cells(self.growing & (self.money == 0))

    @cached_property
    def floors(self) -> Floats:
        """What each cell must hold by the minima; infinite where none asks for it."""
        return self._of_cells(self.falling)

    def _of_cells(self, rows: NDArray[np.bool_]) -> Floats:
        found = np.full(self.cells, np.inf)
        for row in np.flatnonzero(rows):
            place = slice(self.matrix.indptr[row], self.matrix.indptr[row + 1])
            cells = self.matrix.indices[place]
            found[cells] = np.minimum(found[cells], np.round(self.amount[row] / self.matrix.data[place]))
        return found

    @property
    def purse(self) -> float:
        """Money that may be spent; infinite without a budget."""
        return float(np.min(self.amount[self.money > 0], initial=np.inf))

    def cell_prices(self, prices: Floats) -> tuple[Floats, float]:
        """Price of each cell and of a unit of money, from those of the rows."""
        return np.asarray(self.matrix.T @ prices), float(self.money @ prices)

    def tolerance(self) -> Floats:
        """What floating point may add to a row: nothing for counts, one part in a billion for money and rates."""
        whole = (self.money == 0) & (self.amount == np.round(self.amount))
        if self.matrix.nnz:
            odd = np.asarray((self.matrix != np.round(self.matrix.toarray())).sum(axis=1)).ravel() > 0
            whole &= ~odd
        return np.where(whole, 0.0, _SLACK * np.maximum(1.0, np.abs(self.amount)))


@dataclass(frozen=True, eq=False)
class Problem:
    """Admissible candidates, sorted by customer, and what they use.

    Attributes
    ----------
    customer : (n,) int
        Codes 0, 1, ... without gaps.
    value, cost : (n,) float
        Net value and cost of each candidate.
    cells : (n, families) int32
        The cells each candidate counts in; the last cell of all is nobody's and costs nothing.
    most : (customers,) int
        Contacts each customer may get, at least 1.
    local : (n, kinds) int
        For each kind of local limit the group of the candidate, -1 for none.
    room : (groups,) int
        Contacts each local group may hold, at least 1.
    limits : Limits
    """

    customer: Integers
    value: Floats
    cost: Floats
    cells: Cells
    most: Integers
    local: Integers
    room: Integers
    limits: Limits

    @cached_property
    def start(self) -> Integers:
        """First candidate of each customer, and the number of candidates."""
        return np.searchsorted(self.customer, np.arange(self.customers + 1)).astype(np.int64)

    @property
    def customers(self) -> int:
        """Number of customers with a candidate."""
        return len(self.most)

    def counts(self, rows: Integers) -> Floats:
        """Chosen candidates of each cell."""
        return np.bincount(self.cells[rows].ravel(), minlength=self.limits.cells).astype(np.float64)

    def used(self, rows: Integers) -> Floats:
        """Left-hand side of every limit."""
        spent = float(self.cost[rows].sum())
        return np.asarray(self.limits.matrix @ self.counts(rows)) + self.limits.money * spent

    def fits(self, rows: Integers) -> bool:
        """Whether the chosen rows keep every shared limit."""
        return bool(np.all(self.used(rows) <= self.limits.amount + self.limits.tolerance()))

    def worth(self, rows: Integers) -> float:
        """Net value of the chosen rows."""
        return float(self.value[rows].sum())

    def columns(self, rows: Integers) -> csr_array:
        """What each of some candidates adds to each limit, shape (limits, len(rows))."""
        counted = csr_array(
            (
                np.ones(self.cells[rows].size),
                (self.cells[rows].ravel(), np.repeat(np.arange(len(rows)), self.cells.shape[1])),
            ),
            shape=(self.limits.cells, len(rows)),
        )
        spent = csr_array(np.outer(self.limits.money, self.cost[rows])) if self.limits.money.any() else None
        matrix = csr_array(self.limits.matrix @ counted)
        return matrix if spent is None else csr_array(matrix + spent)

    def part(self, customers: Integers, amount: Floats, allowed: NDArray[np.bool_] | None = None) -> Problem:
        """The problem of some customers (sorted codes), or of their allowed rows, under other amounts."""
        inside = np.zeros(self.customers, dtype=bool)
        inside[customers] = True
        rows = np.flatnonzero(inside[self.customer] if allowed is None else inside[self.customer] & allowed)
        kept, code = np.unique(self.customer[rows], return_inverse=True)
        return Problem(
            customer=code.astype(np.int64),
            value=self.value[rows],
            cost=self.cost[rows],
            cells=self.cells[rows],
            most=self.most[kept],
            local=self.local[rows],
            room=self.room,
            limits=replace(self.limits, amount=amount),
        )
