"""Contact plans of up to a million customers: greedy, HiGHS, PDLP and ours on the same problems, and the plan online.

Run with ``python -m benchmarks.allocation``. Rows are printed as they come: CPU seconds, net value, and the gap that is
certified (ours, by Lagrangian duality) or known (greedy, against our bound). ``allocate`` is the whole way from a table
of scores to a plan in words; ``solver`` the integer program alone. Peers solve the linear relaxation, which bounds the
plan but is none; a peer that gives no answer in ``--peer-seconds`` is ended. OR-Tools belongs to the extra ``[bench]``;
without it PDLP is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.decisions.planning.assignment import assign
from graphrec.decisions.planning.candidates import read_candidates
from graphrec.decisions.planning.desk import Desk
from graphrec.decisions.planning.exact import textbook_form
from graphrec.decisions.planning.problem import Problem
from graphrec.decisions.planning.sharedlimits import bind_together, read_segments
from graphrec.decisions.policy import ContactPolicy, allocate

__all__ = ["main", "make_case"]

CHANNELS = {"email": 0.05, "app": 0.3, "sms": 0.9, "letter": 2.0, "call": 5.0}
SHARES = {"email": 0.25, "app": 0.15, "sms": 0.08, "letter": 0.05, "call": 0.01}
SLOTS = ("dawn", "morning", "noon", "evening", "night")
PRODUCTS, SEGMENTS, CANDIDATES = 160, 9, 20


@dataclass(frozen=True)
class Case:
    """Scores and rules of one size."""

    scores: pd.DataFrame
    policy: ContactPolicy
    segments: dict[Any, str] | None


def make_case(customers: int, rows: int, seed: int = 0) -> Case:
    """Scores with 20 candidates each; 31 limits (channels, their slots, budget) or 200 (stock and segments as well)."""
    rng = np.random.default_rng(seed)
    n = customers * CANDIDATES
    channel, slot, product = rng.integers(0, 5, n), rng.integers(0, 5, n), rng.integers(0, PRODUCTS, n)
    cost = np.array(list(CHANNELS.values()))[channel] * rng.uniform(0.8, 1.2, n)
    taste = np.repeat(rng.lognormal(0.0, 0.6, customers), CANDIDATES)
    value = taste * rng.lognormal(0.2, 1.0, n) * (1 + cost / 2) - cost
    scores = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers, dtype=np.int64), CANDIDATES),
            "product_id": product,
            "channel": pd.Categorical.from_codes(channel, list(CHANNELS)),
            "slot": pd.Categorical.from_codes(slot, list(SLOTS)),
            "cost": cost,
            "net_value": value,
        }
    )
    rules: dict[str, Any] = {
        "channel_capacity": {name: int(customers * share) for name, share in SHARES.items()},
        "slot_capacity": {
            name: {slot: int(customers * share * 0.3 * rng.uniform(0.5, 1.1)) for slot in SLOTS}
            for name, share in SHARES.items()
        },
        "budget": 0.35 * customers,
    }
    if rows <= 31:
        return Case(scores, ContactPolicy.from_dict(rules), None)
    names = [f"segment {code}" for code in range(SEGMENTS)]
    segments = dict(enumerate(np.array(names)[rng.integers(0, SEGMENTS, customers)]))
    rules["stock"] = {str(i): int(customers / PRODUCTS * rng.uniform(0.2, 0.9)) for i in range(PRODUCTS)}
    rules["segment_pressure"] = {name: float(rng.uniform(0.35, 0.6)) for name in names}
    return Case(scores, ContactPolicy.from_dict(rules), segments)


def build_problem(case: Case) -> Problem:
    """The integer program of a case."""
    candidates = read_candidates(case.scores, case.policy)
    shared = bind_together(candidates, case.policy, None, read_segments(candidates, case.policy, None, case.segments))
    kept = np.flatnonzero(candidates.net_value > 0)
    present, customer = np.unique(candidates.customer[kept], return_inverse=True)
    return Problem(
        customer=customer.astype(np.int64),
        value=candidates.net_value[kept],
        cost=candidates.cost[kept],
        cells=shared.cells[kept],
        most=np.ones(len(present), dtype=np.int64),
        local=np.zeros((len(kept), 0), dtype=np.int64),
        room=np.zeros(0, dtype=np.int64),
        limits=shared.limits,
    )


def greedy(problem: Problem) -> float:
    """Best net value first, each if it fits."""
    from graphrec.decisions.planning.choice import fill_greedily

    taken = np.zeros(len(problem.value), dtype=bool)
    fill_greedily(
        np.argsort(-problem.value, kind="stable"), problem.customer, problem.cost, problem.cells, problem.local,
        problem.most.copy(), problem.room.copy(), problem.limits.ceilings.copy(), problem.limits.purse, taken,
    )  # fmt: skip
    return problem.worth(np.flatnonzero(taken))


def highs(problem: Problem, seconds: float, method: str) -> float | None:
    """Value of the linear relaxation by HiGHS, or None where time ran out."""
    from scipy.optimize import linprog

    matrix, upper = textbook_form(problem)
    options = {"time_limit": seconds, "presolve": True}
    found = linprog(-problem.value, A_ub=matrix, b_ub=upper, bounds=(0, 1), method=method, options=options)
    return None if found.status != 0 else -float(found.fun)


def pdlp(problem: Problem, seconds: float) -> float | None:
    """Value of the linear relaxation by PDLP at a relative tolerance of 1e-4, or None where time ran out."""
    from ortools.pdlp import solve_log_pb2, solvers_pb2
    from ortools.pdlp.python import pdlp as library
    from scipy.sparse import csr_matrix

    matrix, upper = textbook_form(problem)
    program = library.QuadraticProgram()
    program.objective_vector = -problem.value
    program.constraint_matrix = csr_matrix(matrix)
    program.constraint_lower_bounds = np.full(len(upper), -np.inf)
    program.constraint_upper_bounds = upper
    program.variable_lower_bounds = np.zeros(len(problem.value))
    program.variable_upper_bounds = np.ones(len(problem.value))
    settings = solvers_pb2.PrimalDualHybridGradientParams()
    settings.termination_criteria.time_sec_limit = seconds
    settings.termination_criteria.simple_optimality_criteria.eps_optimal_relative = 1e-4
    settings.termination_criteria.simple_optimality_criteria.eps_optimal_absolute = 1e-4
    found = library.primal_dual_hybrid_gradient(program, settings)
    ended = found.solve_log.termination_reason == solve_log_pb2.TERMINATION_REASON_OPTIMAL
    return float(problem.value @ found.primal_solution) if ended else None


def timed(job: Callable[[], Any]) -> tuple[Any, float]:
    """What a job returns, and its CPU seconds."""
    start = time.process_time()
    return job(), time.process_time() - start


def limited(job: Callable[[], float | None], seconds: float) -> tuple[float | None, float]:
    """Answer and CPU seconds of a job in a process of its own, ended when time is up: presolve ignores limits."""
    context = multiprocessing.get_context("fork")
    heard, told = context.Pipe(duplex=False)

    def work() -> None:
        told.send(timed(job))

    process = context.Process(target=work)
    process.start()
    answer = heard.recv() if heard.poll(seconds) else (None, seconds)
    process.kill()
    process.join()
    return answer


def compare(customers: int, rows: int, peers: bool, seconds: float) -> None:
    """Print the rows of one size."""
    case = make_case(customers, rows)
    plan, whole = timed(lambda: allocate(case.scores, case.policy, segments=case.segments))
    print(_row(customers, rows, "ours, allocate", whole, plan.value, plan.gap), flush=True)
    del plan
    problem = build_problem(case)
    found, alone = timed(lambda: assign(problem))
    value = problem.worth(found.rows)
    print(_row(customers, rows, "ours, solver", alone, value, 1 - value / found.bound), flush=True)
    best, used = timed(lambda: greedy(problem))
    print(_row(customers, rows, "greedy", used, best, 1 - best / found.bound), flush=True)
    if not peers:
        return
    solvers: dict[str, Callable[[], float | None]] = {
        "HiGHS LP, simplex": lambda: highs(problem, seconds, "highs-ds"),
        "HiGHS LP, interior point": lambda: highs(problem, seconds, "highs-ipm"),
    }
    if importlib.util.find_spec("ortools"):
        solvers["OR-Tools PDLP, 1e-4"] = lambda: pdlp(problem, seconds)
    else:
        print("    OR-Tools is not installed (extra [bench]); PDLP is left out", flush=True)
    for name, job in solvers.items():
        answer, used = limited(job, 1.2 * seconds)
        print(_row(customers, rows, name, used, answer, None), flush=True)


def _row(customers: int, rows: int, name: str, used: float, value: float | None, gap: float | None) -> str:
    told = "     no answer" if value is None else f"{value:14,.1f}"
    certified = "            " if gap is None else f"{100 * gap:10.5f} %"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"{customers:>9,}  {rows:>4}  {name:<26}{used:9.2f} s  {told}  {certified}  {memory:6.2f} GiB so far"


def online(customers: int = 100_000, rows: int = 200) -> None:
    """Print how fast and how well the plan decides customers one by one."""
    case = make_case(customers, rows)
    plan = allocate(case.scores, case.policy, segments=case.segments)
    arrival = np.random.default_rng(1).permutation(customers)[case.scores["customer_id"].to_numpy()]
    table = case.scores.iloc[np.argsort(arrival, kind="stable")]
    assert plan.tariff is not None
    Desk(plan.tariff, plan.policy).decide(0, [("0", "email", "noon", 1.0, 0.1)])  # compiled
    desk = Desk(plan.tariff, plan.policy)
    day = list(desk.slates(table))
    start, value = time.process_time(), 0.0
    for customer, slate in day:
        decision = desk.decide(customer, slate)
        if decision.place >= 0:
            value += slate.net_value[decision.place]
    used = time.process_time() - start
    print(
        f"online, {customers:,} customers, {rows} limits: {len(day) / used:,.0f} decisions/s of CPU time on one thread,"
    )
    print(f"  {value / plan.bound:.4%} of the bound of the plan for all of them, limits kept: {_kept(desk)}")
    crowd = Desk(plan.tariff, plan.policy)
    day = list(crowd.slates(table))
    threads = [threading.Thread(target=_serve, args=(crowd, day[k::8])) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  eight threads: {crowd.decisions:,} decisions, limits kept: {_kept(crowd)}")


def _serve(desk: Desk, day: list[Any]) -> None:
    for customer, slate in day:
        desk.decide(customer, slate)


def _kept(desk: Desk) -> bool:
    limits = desk.tariff.limits
    use = np.array(list(desk.usage.values()))
    return bool(np.all(use <= limits.amount * (1 + 1e-9)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--limits", type=int, nargs="+", default=[31, 200])
    parser.add_argument("--peers-up-to", type=int, default=100_000, help="largest size given to the peers")
    parser.add_argument("--peer-seconds", type=float, default=120.0)
    parser.add_argument("--online", type=int, default=100_000, help="customers decided one by one; 0 for none")
    given = parser.parse_args()
    allocate(make_case(300, 31).scores, make_case(300, 31).policy)  # compiled code is loaded before the clock starts
    print("customers  rows  method                      CPU time       net value   certified gap")
    for customers in given.customers:
        for rows in given.limits:
            compare(customers, rows, customers <= given.peers_up_to, given.peer_seconds)
    if given.online:
        for rows in given.limits:
            online(given.online, rows)


if __name__ == "__main__":
    main()
