"""Which lever to move for a customer, what it changes, through what, and how sure that is.

The door of `graphrec.decisions.prescriptions`. Hides the meeting of three things: the ontology says what may be moved,
the causal graph what a move reaches, the effect model and a surface of the outcome how much it changes. Contacts are
promised by the effect model with its interval. Other levers are chosen on some customers by the lower end of what they
net, and promised on others with an interval, beside what the structural equations say and the mean over all who get the
same advice. Doing nothing and the best action that is the same for everybody are always candidates.

Alternative considered: explain the model and advise its strongest feature. Acting on the top-SHAP lever realised 0.000
of an attainable 0.897, for it was a consequence of the purchase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.graph import CausalGraph
from graphrec.decisions.prescriptions.appraisal import appraise_moves
from graphrec.decisions.prescriptions.budgeting import check_budget
from graphrec.decisions.prescriptions.collection import Prescriptions
from graphrec.decisions.prescriptions.constantaction import ConstantAction, find_constant
from graphrec.decisions.prescriptions.contact import ContactModel, Gaps
from graphrec.decisions.prescriptions.decision import Decision
from graphrec.decisions.prescriptions.drafting import Draft, Evidence
from graphrec.decisions.prescriptions.mechanism import Mechanism, find_mechanism
from graphrec.decisions.prescriptions.movechoice import Moves
from graphrec.decisions.prescriptions.moves import ask, search_moves
from graphrec.decisions.prescriptions.promises import GRADE_WORDS, Prescription
from graphrec.decisions.prescriptions.tryout import Cost
from graphrec.decisions.subjects import Subjects, find_subjects
from graphrec.learning.adjustment import choose_columns
from graphrec.learning.effects import EffectModel
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError
from ontology import load_ontology
from ontology.domain import Ontology
from ontology.levers import Lever

if TYPE_CHECKING:
    from graphrec.decisions.recommender import Recommender

__all__ = ["Prescription", "Prescriptions", "prescribe"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Values = NDArray[Any]


def prescribe(
    model: Recommender,
    *,
    ontology: Ontology | None = None,
    customers: Sequence[Any] | None = None,
    n: int = 20,
    as_of: object = None,
    graph: CausalGraph | None = None,
    budget: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> Prescriptions:
    """Prescribe the best feasible move, of at most two levers, for each customer.

    Parameters
    ----------
    model : Recommender
        Fitted on a market or on a ready-made panel; brings its panel, graph and effect model.
    ontology : Ontology, optional
        Says what may be moved; the packaged one by default.
    customers : sequence, optional
        Identifiers (positions for a panel without any); by default the ``n`` whose best contact is worth most.
    n : int
        Number of customers when none are named.
    as_of : time-like, optional
        Moment of the decision, for a market; the end of its records by default.
    graph : CausalGraph, optional
        Another graph over the model's variables. A contact that it does not identify, or identifies by other columns
        than the model was fitted with, loses its grade.
    budget : float, optional
        Money that all moves together may cost; `Prescriptions.within` with it.
    rng : int, Generator or None
        Draws the customers that choose and those that promise.

    Returns
    -------
    Prescriptions
        One for each customer, in order; `Prescriptions.blocked` says why everything else stays where it is.
        `Prescriptions.compare` sets the advice beside doing nothing and the best constant action.

    Raises
    ------
    DataError
        Unknown customer, a graph of other data, or a budget that is no amount of money.
    NotFitted
        The model has to be fitted first.

    Notes
    -----
    Assumes that the graph is right about what it leaves out: among customers alike in what is adjusted for, the lever
    was as good as random. An effect is the mean over customers like this one, not the customer's own; for levers other
    than the contact the contact is held at none, or at the channel advised.

    References
    ----------
    Díaz & van der Laan 2012, Biometrics 68 (modified treatment policies); Chernozhukov, Newey & Singh 2022,
    Econometrica 90 (their correction); Nychka 1988, JASA 83 (intervals of a surface); Shah & Peters 2020, Annals of
    Statistics 48 (negative controls).

    Examples
    --------
    >>> import pandas as pd
    >>> draw = np.random.default_rng(0)
    >>> table = pd.DataFrame({"arm": draw.choice(["mail", "none"], 2000), "age": draw.uniform(20, 70, 2000)})
    >>> table["visit"] = (draw.random(2000) < 0.1 + 0.2 * (table["arm"] == "mail")).astype(float)
    >>> from graphrec import Panel, Recommender
    >>> panel = Panel.from_frame(table, treatment="arm", outcome="visit", control="none", roles={"age": "Age"})
    >>> advice = prescribe(Recommender().fit(panel, rng=0), customers=[7], rng=0)
    >>> advice.items[0].moves, advice.items[0].through
    ((Move(lever='arm', before='none', after='mail'),), ('arm -> visit',))
    """
    if n < 1:
        raise DataError(f"n is {n}; ask for at least one customer")
    if budget is not None:
        check_budget(budget)
    panel, onto = model.panel, ontology or load_ontology()
    used = model.graph if graph is None else _checked_graph(panel, graph)
    evidence = _contact_evidence(model, used, onto)
    subjects = find_subjects(
        model, [c for c in model.effects.channels if evidence[c].grade != "X"], customers, n, as_of
    )
    mechanism_rng, appraisal_rng = np.random.default_rng(rng).spawn(2)
    mechanism = find_mechanism(Decision.of(panel), used, onto, mechanism_rng)
    search = _Search.of(model, mechanism, subjects, evidence, onto)
    moves, constant = search.moves(), search.constant()
    appraisals = appraise_moves(
        mechanism, used, moves, search.filled, subjects.value,
        contact=panel.treatment, level=model.config.level, rng=appraisal_rng,
    )  # fmt: skip
    draft = Draft(model, mechanism, subjects, evidence, moves, onto, used, appraisals, constant, search.filled)
    advice = draft.write()
    return advice if budget is None else advice.within(budget).prescriptions


def _checked_graph(panel: Panel, graph: CausalGraph) -> CausalGraph:
    """Refuse a graph of other data."""
    columns = set(panel.variables.columns)
    wrong = [f"lacks {name!r}" for name in (panel.treatment, panel.outcome) if name not in graph.nodes]
    strange = [node for node in graph.nodes if node not in columns]
    if 2 * len(strange) > len(graph.nodes):
        wrong.append(f"has {', '.join(map(repr, strange[:5]))}, unknown here")
    if wrong:
        raise DataError(
            f"the graph belongs to other data: it {' and '.join(wrong)}; the model's variables are "
            f"{', '.join(list(panel.variables.columns)[:8])}, ...; discover it from model.panel.variables"
        )
    return graph


def _contact_evidence(model: Recommender, graph: CausalGraph, onto: Ontology) -> dict[str, Evidence]:
    """Grade of each channel under a graph: never above what the model earned."""
    effects, panel = model.effects, model.panel
    forbidden = onto.blocked({panel.treatment: panel.roles.get(panel.treatment, "Solicitation")})
    if forbidden:
        return {channel: Evidence("X", next(iter(forbidden.values()))) for channel in effects.channels}
    judged = effects.adjustment if graph is model.graph else choose_columns(panel, graph)
    strange = sorted(set(effects.design.sources) - set(judged.columns))
    excluded = f"the model was fitted with {strange[0]}, which this graph excludes" if strange else None
    return {channel: _grade_contact(effects, channel, judged.refusal, excluded) for channel in effects.channels}


def _grade_contact(effects: EffectModel, channel: str, refusal: str | None, excluded: str | None) -> Evidence:
    """What a channel's grade becomes under a graph, and why."""
    grade, check = effects.grades[channel], effects.check
    if grade == "A":
        return Evidence("A", GRADE_WORDS["A"])
    if refusal is not None:
        return Evidence("X", f"its effect cannot be told (grade X): {refusal}")
    if grade == "X":
        return Evidence("X", f"its effect cannot be told (grade X): {_why_unknown(effects, channel)}")
    if excluded is not None:
        return Evidence("C", f"{GRADE_WORDS['C']}, for {excluded}")
    if grade == "B":
        return Evidence("B", GRADE_WORDS["B"])
    why = effects.reasons.get(channel, "") or ("" if check.passed else check.sentence)
    why = why.rstrip(".") or "its evidence ladder could not confirm it"
    return Evidence("C", f"{GRADE_WORDS['C']}, for {why[0].lower()}{why[1:]}")


def _why_unknown(effects: EffectModel, channel: str) -> str:
    """The effect model's own reason for an X; a test is named only where it failed."""
    own = effects.reasons.get(channel, "")
    if own and own != effects.check.sentence:
        return own.rstrip(".")
    if effects.check.status == "failed":
        return "it failed a test on outcomes that no contact can have moved"
    return "its evidence was not enough"


@dataclass(frozen=True, eq=False)
class _Search:
    """The two models of what a move changes, and what is asked of them."""

    choice: ContactModel
    promise: ContactModel
    rows: pd.DataFrame
    filled: pd.DataFrame
    levers: Sequence[Lever]
    outcome: str
    value: Floats
    costs: Mapping[str, Cost]
    held: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        model: Recommender,
        mechanism: Mechanism,
        subjects: Subjects,
        evidence: Mapping[str, Evidence],
        onto: Ontology,
    ) -> _Search:
        """Questions about the subjects of a model."""
        panel, effects = model.panel, model.effects
        allowed = np.array([evidence[channel].grade != "X" for channel in effects.channels], dtype=bool)
        usual = np.column_stack([np.ones(len(subjects.rows)), subjects.possible & allowed]).astype(np.float64)
        columns = [*effects.design.sources, *(mechanism.choice.order if mechanism.choice is not None else ())]
        gaps = Gaps.of(panel, [c for c in dict.fromkeys(columns) if c in panel.covariates])
        filled = gaps.fill(subjects.rows)
        held = {lever.column: filled[lever.column].to_numpy() for lever in mechanism.levers}
        choice, promise = (
            ContactModel(base, effects, panel, usual, gaps) for base in (mechanism.choice, mechanism.promise)
        )
        contact = onto.levers({panel.treatment: panel.roles[panel.treatment]}) if allowed.any() else []
        return cls(
            choice,
            promise,
            subjects.rows,
            filled.assign(**{panel.treatment: panel.control}),
            [*contact, *mechanism.levers],
            panel.outcome,
            subjects.value,
            _costs(panel, mechanism.levers, subjects, onto),
            {**held, panel.treatment: panel.control},
        )

    def moves(self) -> Moves:
        """Best moves: chosen with one set of customers, promised with another."""
        return search_moves(
            self.choice, self.rows, self.levers, self.outcome, self.value, self.costs,
            held=self.held, promise=self.promise,
        )  # fmt: skip

    def constant(self) -> ConstantAction | None:
        """Best action that is the same for everybody."""
        levers, question = ask(self.choice, self.rows, self.levers, self.outcome, self.value, self.costs, self.held)
        return find_constant(self.choice, self.promise, question, levers, question.frame)


def _costs(panel: Panel, levers: Sequence[Lever], subjects: Subjects, onto: Ontology) -> dict[str, Cost]:
    """Money of each move: the recorded cost of a contact, what a lower price gives away on every sale."""

    def contact(rows: Rows, before: Values, after: Values, sold: Floats) -> Floats:
        return np.array([subjects.cost.get(str(channel), 0.0) for channel in after], dtype=np.float64)

    costs: dict[str, Cost] = {panel.treatment: contact}
    for lever in levers:
        if onto.is_a(lever.class_name, "Price"):
            price = subjects.rows[lever.column].to_numpy(np.float64)
            known = price > 0
            pieces = np.where(known, np.maximum(subjects.value / np.where(known, price, 1.0), 1.0), 1.0)
            costs[lever.column] = _given_away(-pieces)
        elif onto.is_a(lever.class_name, "Discount"):
            costs[lever.column] = _given_away(subjects.value)
    return costs


def _given_away(each: Floats) -> Cost:
    """Money lost on the expected sales for each unit the lever rises."""

    def cost(rows: Rows, before: Values, after: Values, sold: Floats) -> Floats:
        return np.asarray((after - before) * each[rows] * sold, dtype=np.float64)

    return cost
