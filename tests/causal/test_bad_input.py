"""What no caller means to give: it is refused by name, or handled and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causal import (
    CausalGraph,
    Estimand,
    Knowledge,
    KnowledgeError,
    attribute_outcome,
    discover,
    estimate_effect,
    fit_scm,
    identify,
    refute,
)
from causal.encoding import FrameError
from causal.graph import GraphError


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    wealth = rng.normal(size=300)
    contact = (rng.random(300) < 1 / (1 + np.exp(-wealth))).astype(int)
    return pd.DataFrame({"wealth": wealth, "contact": contact, "spend": wealth + contact + rng.normal(size=300)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"knowledge": {"tiers": {}}}, "knowledge is of type dict"),
        ({"weights": "wealth"}, "one number for each row"),
        ({"alpha": "small"}, "level between 0 and 1"),
        ({"alpha": float("nan")}, "level between 0 and 1"),
        ({"bootstraps": "many"}, "whole number, 0 for none"),
        ({"bootstraps": float("nan")}, "whole number, 0 for none"),
        ({"workers": 1.5}, "whole number from 1 on"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_named(frame, given, said):
    with pytest.raises(FrameError, match=said):
        discover(frame, **{"bootstraps": 0, **given})


def test_numbers_whose_square_is_none_are_refused(frame):
    with pytest.raises(FrameError, match=r"'wealth' holds .*rescale"):
        discover(frame.assign(wealth=frame["wealth"] * 1e200), bootstraps=0)


@pytest.mark.parametrize(("scale", "shift"), [(1e-30, 0.0), (1e80, 0.0), (1.0, 1e10)])
def test_a_unit_of_measurement_changes_no_edge(frame, scale, shift):
    moved = discover(frame.assign(wealth=frame["wealth"] * scale + shift), method="pc", bootstraps=0)
    plain = discover(frame, method="pc", bootstraps=0)
    assert (moved.edges, moved.undirected_edges) == (plain.edges, plain.undirected_edges)
    assert plain.undirected_edges


def test_rounding_is_no_variation(frame):
    noise = np.random.default_rng(1).choice([0.1 + 0.2, 0.3], 300)
    found = discover(frame.assign(same=noise), bootstraps=0)
    assert [note.columns for note in found.notes if note.kind == "constant"] == [("same",)]


def test_a_confounder_in_small_units_is_adjusted_for(frame):
    asked = Estimand("contact", "spend", ("wealth",))
    plain = estimate_effect(frame, asked, rng=0)
    small = estimate_effect(frame.assign(wealth=frame["wealth"] * 1e-12), asked, rng=0)
    assert small.value == pytest.approx(plain.value, abs=1e-3)


def test_a_graph_of_another_library_is_named():
    graph = CausalGraph(["wealth", "contact"], [("wealth", "contact")])
    with pytest.raises(GraphError, match=r"DiGraph; make it one with causal\.CausalGraph\.from_networkx"):
        identify(graph.to_networkx(), "wealth", "contact")


def test_one_latent_name_is_one_name():
    graph = CausalGraph(["wealth", "c", "y", "m"], [("wealth", "c"), ("wealth", "y"), ("c", "m"), ("m", "y")])
    assert identify(graph, "c", "y", latent="wealth").method == "front-door"


def test_a_control_outcome_with_gaps_is_named(frame):
    asked = Estimand("contact", "spend", ("wealth",))
    effect = estimate_effect(frame, asked, rng=0)
    with pytest.raises(FrameError, match="control_outcome is missing or infinite in 300 rows"):
        refute(frame, asked, effect, control_outcome=np.full(300, np.nan), beside=False, rng=0)


def test_knowledge_about_other_columns_is_named_before_the_table_is_read(frame):
    with pytest.raises(ValueError, match=r"'welth' .did you mean 'wealth'"):
        discover(frame.assign(spend=np.inf), Knowledge(tiers={"welth": 0}), bootstraps=0)


def nothing_right(frame):
    """Calls with one thing of the wrong kind, each with what the refusal says."""
    asked = Estimand("contact", "spend", ("wealth",))
    graph = CausalGraph(list(frame), [("wealth", "contact"), ("wealth", "spend"), ("contact", "spend")])
    model = fit_scm(frame, graph, rng=0)
    return {
        "clusters as a name": (lambda: discover(frame, clusters="wealth"), "give one customer for each row"),
        "a list of tiers": (lambda: Knowledge(tiers=[["wealth"]]), "tiers is of type list; give a mapping"),
        "confidence in words": (lambda: Knowledge(confidence={("a", "b"): "high"}), "probability between 0 and 1"),
        "no estimand": (lambda: estimate_effect(frame, graph), r"give what causal\.identify"),
        "several effects": (lambda: refute(frame, asked, {1: None}), "give one Effect"),
        "no moves": (lambda: model.do(frame, ["contact"]), "mapping of column to its new value"),
        "a move in words": (lambda: model.do(frame, {"wealth": "more"}), "cannot become 'more'"),
        "to invert nothing": (lambda: model.invert("weather"), "cannot move 'weather'"),
        "a method": (lambda: attribute_outcome(model, frame, "spend", method="shap"), "method is 'shap'; choose"),
        "a scale": (lambda: attribute_outcome(model, frame, "spend", scale="log"), "scale is 'log'; choose"),
    }


def test_what_is_of_the_wrong_kind_is_refused_with_the_remedy(frame):
    for what, (call, said) in nothing_right(frame).items():
        with pytest.raises((FrameError, KnowledgeError), match=said):
            call()
            pytest.fail(what)


class OtherFrame:
    def to_pandas(self):
        return None


def test_another_library_s_frame_is_told_how_to_become_one_of_pandas(frame):
    for call in (lambda: discover(OtherFrame()), lambda: estimate_effect(OtherFrame(), Estimand("a", "b"))):
        with pytest.raises(FrameError, match=r"OtherFrame; convert it with \.to_pandas"):
            call()
