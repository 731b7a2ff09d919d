"""What the ontology costs and what it is worth: compile times, graphs found under knowledge, plans, matched columns.

``python -m benchmarks.ontology`` prints four tables. Graphs are held against the generating graph itself, on the same
panel with five states of knowledge:

no       nothing is known
tiers    the order in time only
full     tiers, required and forbidden pairs of the ontology
soft     the same pairs as prior probabilities, which only decide what the data leave open
wrong    full, with a tenth of the true edges forbidden and a tenth of the forbidden pairs allowed

The value of the plan is the true uplift of the fifth of the customers contacted first, as a share of the best possible.
"identified" is the share of markets in which the graph found lets the effect be learned: where it does not, the plan is
still ranked, from every column known before, but graded X, and no advice is given on it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import causal
import graphrec
from benchmarks.columns import FRENCH, TRUTH, french_table, public_tables
from benchmarks.graphsearch.distances import ARROW, Distance, compare, graph_marks
from causal import Knowledge
from ontology import Ontology, Rule, load_ontology
from ontology.axioms import Declaration

__all__ = ["draw_ontology", "knowledge_arms", "main", "matching_table", "plan_share"]

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
CONTACTED = 0.2


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data sets that are not shipped")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--only", choices=("compile", "match", "sachs", "simulator"), help="one table")
    asked = parser.parse_args(arguments)
    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "compile": compile_table,
        "match": lambda: matching_table(asked.data),
        "sachs": lambda: _means(_sachs_rows(asked.seeds)),
        "simulator": lambda: _means(_simulator_rows(asked.seeds, asked.customers)),
    }
    for name, table in tables.items():
        if asked.only in (None, name):
            print(f"\n{name}\n{table().to_string(index=False)}", flush=True)


def compile_table() -> pd.DataFrame:
    """CPU seconds to compile ontologies of 100, 1,000 and 10,000 classes, and to ask one for 100 columns."""
    rows = []
    for count in (100, 1_000, 10_000):
        declarations, rules = draw_ontology(count, np.random.default_rng(0))
        start = time.process_time()
        onto = Ontology(declarations, rules)
        compiled = time.process_time()
        names = list(onto.classes)
        onto.knowledge({f"column {i}": names[(i * 7_919) % count] for i in range(100)})
        rows.append({"classes": count, "rules": len(rules), "compile s": round(compiled - start, 3),
                     "100 columns s": round(time.process_time() - compiled, 3)})  # fmt: skip
    start = time.process_time()
    ours = load_ontology()
    spent = round(time.process_time() - start, 3)
    return pd.DataFrame(
        [*rows, {"classes": f"ours, {len(ours.classes)}, from its file", "rules": len(ours.rules), "compile s": spent}]
    )


def draw_ontology(count: int, rng: np.random.Generator) -> tuple[list[Declaration], list[Rule]]:
    """Draw a tree of classes in eight tiers, with one rule for ten classes, none against the tiers."""
    tier = np.sort(rng.integers(0, 8, count))
    declarations = [Declaration(f"T{level}", (), {"tier": int(level)}) for level in range(8)]
    for index in range(8, count):
        same = [d.name for d in declarations[-40:] if d.own.get("tier", -1) == tier[index]] or [f"T{tier[index]}"]
        declarations.append(Declaration(f"C{index}", (str(rng.choice(same)),), {"tier": int(tier[index])}))
    levels = {d.name: d.own["tier"] for d in declarations}
    names = [d.name for d in declarations]
    rules: dict[tuple[str, str], Rule] = {}
    for a, b in rng.choice(names, (max(10, count // 10), 2)):
        cause, effect = sorted((str(a), str(b)), key=lambda n: (levels[n], n))
        if levels[cause] < levels[effect]:
            rules[cause, effect] = Rule("mayCause", cause, effect, 0.8, "drawn")
    return declarations, list(rules.values())


def matching_table(data: Path) -> pd.DataFrame:
    """Columns matched, above and below the threshold, on four public data sets and a made-up French table."""
    onto = load_ontology()
    asked = [(name, TRUTH[name], frame) for name, _, frame in public_tables(ROOT / "data", data)]
    asked += [("French, with values", FRENCH, french_table()), ("French, names only", FRENCH, french_table().iloc[:0])]
    counts: dict[str, np.ndarray] = {}
    for name, truth, frame in asked:
        found = onto.match(frame)
        known = [c for c in frame.columns if truth[c]]
        told = [
            len(known),
            sum(found[c].class_name == truth[c] for c in known),
            sum(m.class_name not in ("", truth[c]) for c, m in found.items()),
            len(frame.columns) - len(known),
            sum(not found[c].class_name for c in frame.columns if not truth[c]),
        ]
        counts[name] = np.array(told) + counts.get(name, 0)
    missing = [name for name in TRUTH if name not in counts]
    if missing:
        print(f"left out, for their files are not in {data}: {', '.join(missing)}", file=sys.stderr)
    rows = [[name, *c, round(c[1] / c[0], 3)] for name, c in counts.items()]
    return pd.DataFrame(rows, columns=["table", "columns", "right", "wrong", "opaque", "left alone", "matched"])


def knowledge_arms(full: Knowledge, edges: set[tuple[str, str]], rng: np.random.Generator) -> dict[str, Knowledge]:
    """Return the five states of knowledge about one table."""
    held = sorted(edges - full.required)
    bad = {held[i] for i in rng.choice(len(held), size=round(0.1 * len(held)), replace=False)}
    forbidden = sorted(full.forbidden)
    kept = rng.random(len(forbidden)) >= 0.1
    doubted = dict.fromkeys(full.required, 0.95) | dict.fromkeys(full.forbidden, 0.05)
    wrong = {pair for pair, stays in zip(forbidden, kept) if stays} | bad
    return {
        "no": Knowledge(),
        "tiers": Knowledge(tiers=full.tiers),
        "full": full,
        "soft": Knowledge(confidence={**full.confidence, **doubted}),
        "wrong": Knowledge(tiers=full.tiers, required=full.required, forbidden=wrong),
    }


def plan_share(sim: graphrec.Simulation, scores: pd.DataFrame) -> float:
    """Return the true uplift of the customers contacted first, as a share of the best possible."""
    truth = sim.truth.potential_outcomes(
        sim.market.vocabulary.customers.ids, sim.market.vocabulary.products.ids
    )  # fmt: skip
    key = ["customer_id", "product_id", "channel"]
    count = max(1, round(CONTACTED * scores["customer_id"].nunique()))
    first = scores[scores["rank"] == 1].nlargest(count, "uplift")
    reached = first[key].merge(truth[[*key, "uplift"]], on=key)["uplift"].sum()
    best = truth.groupby("customer_id")["uplift"].max().nlargest(count).sum()
    return float(reached / best)


def _simulator_rows(seeds: int, customers: int) -> Iterator[dict[str, object]]:
    for seed in range(seeds):
        sim = graphrec.simulate_market(customers, 40, 12, rng=seed)
        panel = graphrec.build_panel(sim.market, offer="product", horizon_days=28, rng=seed)
        names = tuple(panel.variables.columns)
        edges = {(a, b) for a, b in sim.truth.graph.edges if a in names and b in names}
        full = Knowledge(**load_ontology().knowledge(panel.roles))
        for arm, known in knowledge_arms(full, edges, np.random.default_rng([seed, 5])).items():
            graph = causal.discover(panel.variables, knowledge=known, weights=panel.weights, clusters=panel.clusters,
                                    bootstraps=0, rng=seed)  # fmt: skip
            model = graphrec.Recommender().fit(sim.market, graph=graph, rng=seed)
            told = {"identified": float(model.effects.adjustment.identified),
                    "adjusts for": float(len(model.effects.adjustment.columns)),
                    "plan": plan_share(sim, model.recommend(n=10))}  # fmt: skip
            yield _row(arm, _judge(graph, edges, names)) | told


def _sachs_rows(seeds: int) -> Iterator[dict[str, object]]:
    folder = ROOT / "data" / "sachs"
    if not (folder / "cells.txt.gz").is_file():
        print(f"left out: there is no {folder / 'cells.txt.gz'}", file=sys.stderr)
        return
    text = (folder / "published_network.txt").read_text()
    proteins = next(line for line in text.splitlines() if ";" in line).split(";")
    cells = pd.read_csv(folder / "cells.txt.gz", sep="\t")[proteins]  # logarithms, the interventions left out
    edges = {tuple(line.split(". ")[1].split(" --> ")) for line in text.splitlines() if " --> " in line}
    names = tuple(cells.columns)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        frame = cells.sample(len(cells) // 2, random_state=seed).reset_index(drop=True)
        for arm, known in knowledge_arms(_told(names, edges, rng), edges, rng).items():
            graph = causal.discover(frame, knowledge=known, bootstraps=0, rng=seed)
            yield _row(arm, _judge(graph, edges, names))


def _told(names: tuple[str, ...], edges: set[tuple[str, str]], rng: np.random.Generator) -> Knowledge:
    """Tell three tiers of a true order, a fifth of the true edges and a fifth of the pairs that are no edges."""
    from benchmarks.graphsearch.networks import draw_knowledge

    known = draw_knowledge(names, edges, rng, tiers=3, share=0.2)
    true = sorted(edges)
    required = {true[i] for i in rng.choice(len(true), size=len(true) // 5, replace=False)}
    return Knowledge(tiers=known.tiers, required=required, forbidden=known.forbidden)


def _judge(graph: causal.CausalGraph, edges: set[tuple[str, str]], names: tuple[str, ...]) -> Distance:
    true = np.zeros((len(names), len(names)), dtype=int)
    for a, b in edges:
        true[names.index(a), names.index(b)] = ARROW
    place = [graph.nodes.index(name) for name in names]
    return compare(graph_marks(graph)[np.ix_(place, place)], true, names, Knowledge())


def _row(arm: str, far: Distance) -> dict[str, object]:
    return {"knowledge": arm, "SHD": far.shd, "orientation F1": far.orientation, "skeleton F1": far.skeleton}


def _means(rows: Iterator[dict[str, object]]) -> pd.DataFrame:
    """Means over the seeds with their standard errors."""
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        return frame
    grouped = frame.groupby("knowledge", sort=False)
    errors = grouped.sem().add_suffix(" se")
    table = grouped.mean().join(errors).round(3).reset_index()
    order = ["knowledge", *(n for c in frame.columns[1:] for n in (c, f"{c} se"))]
    return table[order]


if __name__ == "__main__":
    main()
