"""Which columns an effect model may use, decided by the causal graph.

Hides how a graph becomes a list of columns. The adjustment set must be there; every other column known before the
decision may help to say *for whom* the effect is large, provided that adding it keeps the set valid. A descendant of
the contact, and a collider between hidden causes, are kept out with the reason. Where the graph gives the effect
through mediators or an instrument only, the effect model, which adjusts, must not claim it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from causal.graph import CausalGraph
from causal.identification import Estimand, NotIdentifiable, identify, is_valid_adjustment
from graphrec.market.panel import Panel

__all__ = ["Adjustment", "choose_columns"]


@dataclass(frozen=True)
class Adjustment:
    """Columns by their use.

    Attributes
    ----------
    columns : tuple of str
        Everything the effect model may use.
    adjustment_set : tuple of str
        The part that closes the back-door paths.
    excluded : mapping of str to str
        Column to the reason why it stays out.
    estimand : Estimand or None
        None where the effect is not identifiable.
    refusal : str or None
        The witness of non-identifiability, in words.
    """

    columns: tuple[str, ...]
    adjustment_set: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)
    estimand: Estimand | None = None
    refusal: str | None = None

    @property
    def identified(self) -> bool:
        """Whether the graph lets the effect be learned from these data."""
        return self.refusal is None


def choose_columns(panel: Panel, graph: CausalGraph | None) -> Adjustment:
    """Choose the columns of an effect model.

    Parameters
    ----------
    panel : Panel
        Its covariates are the candidates; columns that the graph does not know are judged by time alone.
    graph : CausalGraph, optional
        Without a graph every covariate is used.

    Notes
    -----
    Assumes that the graph is right about the columns it knows. A reversed edge can let a bad control in.
    """
    everything = panel.covariates
    if graph is None or panel.treatment not in graph.nodes or panel.outcome not in graph.nodes:
        return Adjustment(everything, everything)
    # Mediators, consequences and nodes that the panel does not hold cannot be adjusted for: the same as not observed.
    usable = {*panel.covariates, panel.treatment, panel.outcome}
    try:
        estimand = identify(graph, panel.treatment, panel.outcome, latent=[n for n in graph.nodes if n not in usable])
    except NotIdentifiable as refusal:
        return Adjustment(everything, everything, refusal=str(refusal))
    refusal_text = _refusal(estimand, panel)
    if refusal_text is not None:
        return Adjustment(everything, everything, estimand=estimand, refusal=refusal_text)
    known = [column for column in panel.covariates if column in graph.nodes]
    free = [column for column in panel.covariates if column not in graph.nodes]
    needed = [column for column in estimand.adjustment_set if column in panel.covariates]
    chosen, excluded = _extend(graph, panel, needed, known)
    columns = tuple(column for column in panel.covariates if column in chosen or column in free)
    return Adjustment(columns, tuple(estimand.adjustment_set), excluded, estimand)


def _refusal(estimand: Estimand, panel: Panel) -> str | None:
    """Why the panel's covariates cannot close the back-door paths, or None."""
    if not estimand.adjusts:
        by_formula = estimand.method == "id"
        through = estimand.functional if by_formula else ", ".join(estimand.mediators or estimand.instruments)
        return (
            f"no set of columns closes the back-door paths; the graph gives the effect by the {estimand.method} only "
            f"({through}), which needs another estimator: measure a column that blocks them, or randomise the contact"
        )
    lost = sorted(set(estimand.adjustment_set) - set(panel.covariates))
    if lost:
        return f"the adjustment set needs {', '.join(lost)}, which the panel does not hold as covariates; add them"
    return None


def _extend(graph: CausalGraph, panel: Panel, needed: list[str], known: list[str]) -> tuple[set[str], dict[str, str]]:
    """Add columns while the set stays valid; name the others."""
    treatment, outcome = panel.treatment, panel.outcome
    after = set(graph.descendants(treatment))
    excluded = {column: "it is a consequence of the contact" for column in known if column in after}
    candidates = [column for column in known if column not in excluded]
    if is_valid_adjustment(graph, treatment, outcome, candidates):
        return set(candidates), excluded
    chosen = list(needed)
    for column in candidates:
        if column in chosen:
            continue
        if is_valid_adjustment(graph, treatment, outcome, [*chosen, column]):
            chosen.append(column)
        else:
            excluded[column] = "adjusting for it opens a path between hidden causes of contact and outcome"
    return set(chosen), excluded
