"""What a plan promises when contacts are not alone: bias of its expected value over spill-over and crowding.

    python -m benchmarks.interference --seeds 5

A plan adds up effects that were learned one contact at a time. That is right where nobody's contact changes another
person's purchase (no spill-over) and where a second contact adds as much as the first (additivity). Here both are
broken by a known amount: each market is simulated, a model fitted, a plan drawn up, and the plan carried out in the
simulator. Where neither is broken, the bias that remains is the winner's curse: the plan takes the contacts that look
best.

    promised   value the plan expects: sum of uplift x value over its contacts
    alone      the same with the true effect of each contact by itself
    realised   true value with all contacts at once, neighbours included
    bias       promised / realised - 1; "of learning" is promised / alone - 1, "of adding up" alone / realised - 1

Spill-over works on both sides: neighbours of the contacted stand among the controls when the model learns, and gain
something the plan does not count. Crowding is in the past contacts too, so the model learns effects as diluted as they
were, but not how diluted they will be.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import graphrec
from graphrec.market.simulation import Simulation

__all__ = ["KNOBS", "Outcome", "carry_out", "main"]

KNOBS: tuple[dict[str, float], ...] = (
    {},
    {"spillover": 0.25},
    {"spillover": 0.5},
    {"spillover": 1.0},
    {"spillover": -0.5},
    {"crowding": 0.1},
    {"crowding": 0.3},
    {"crowding": 1.0},
    {"spillover": 0.5, "crowding": 0.3},
)
"""Settings of `graphrec.simulate_market`, none first."""


@dataclass(frozen=True)
class Outcome:
    """Money that one plan promised and earned.

    Attributes
    ----------
    promised, alone, realised : float
        See the module's text.
    contacts : int
    """

    promised: float
    alone: float
    realised: float
    contacts: int


def carry_out(sim: Simulation, plan: pd.DataFrame) -> Outcome:
    """Value of a plan's contacts as promised, one by one, and all at once.

    Parameters
    ----------
    sim : Simulation
        The market at the end of its last period.
    plan : pandas.DataFrame
        Columns customer_id, product_id, channel, uplift and value; no more than one contact for each customer and
        product.
    """
    value = plan.groupby("product_id")["value"].first()
    joint = sim.truth.joint_outcomes(plan)
    told = sim.truth.potential_outcomes(plan["customer_id"].unique(), plan["product_id"].unique())
    alone = plan.merge(told, on=["customer_id", "product_id", "channel"], suffixes=("_promised", "_true"))
    return Outcome(
        promised=float((plan["uplift"] * plan["value"]).sum()),
        alone=float((alone["uplift_true"] * alone["value"]).sum()),
        realised=float((joint["uplift"] * joint["product_id"].map(value)).sum()),
        contacts=len(plan),
    )


def _run(seed: int, knobs: dict[str, float], customers: int, products: int, contacts: int) -> Outcome:
    sim = graphrec.simulate_market(customers, products, 10, rng=seed, **knobs)  # type: ignore[arg-type]
    model = graphrec.Recommender().fit(sim.market, graph=sim.truth.graph, rng=seed)
    policy = graphrec.ContactPolicy(max_contacts_per_customer=contacts)
    plan = graphrec.allocate(model.recommend(n=4 * contacts, by="net_value"), policy, market=sim.market, rng=seed)
    return carry_out(sim, plan.contacts)


def _ratio(top: Sequence[float], bottom: Sequence[float]) -> str:
    """Mean of top / bottom - 1 over the markets, and its standard error."""
    values = np.array(top) / np.array(bottom) - 1
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():+7.1%} +-{error:5.1%}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row for each setting of the knobs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="markets for each row")
    parser.add_argument("--first", type=int, default=300, help="seed of the first market")
    parser.add_argument("--customers", type=int, default=600)
    parser.add_argument("--products", type=int, default=40)
    parser.add_argument("--contacts", type=int, default=3, help="most contacts of a customer in the plan")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; use 1 or more")
    head = f"{'spill-over':>10} {'crowding':>9} {'contacts':>9} {'promised':>9} {'realised':>9}"
    print(f"{head} {'bias':>15} {'of learning':>15} {'of adding up':>15}", flush=True)
    for knobs in KNOBS:
        runs = [
            _run(options.first + seed, knobs, options.customers, options.products, options.contacts)
            for seed in range(options.seeds)
        ]
        promised, alone, realised = ([getattr(run, name) for run in runs] for name in ("promised", "alone", "realised"))
        print(
            f"{knobs.get('spillover', 0.0):10.2f} {knobs.get('crowding', 0.0):9.2f} "
            f"{np.mean([run.contacts for run in runs]):9.0f} {np.mean(promised):9.0f} {np.mean(realised):9.0f} "
            f"{_ratio(promised, realised):>15} {_ratio(promised, alone):>15} {_ratio(alone, realised):>15}",
            flush=True,
        )
        print(f"[{time.process_time():,.0f} CPU s]", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
