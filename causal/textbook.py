"""A corpus of textbook graphs with their answers, for tests, documentation and demonstrations.

Hides where each graph and each answer comes from. Every entry cites the work that discusses it; the answers are those
of the literature, and the tests hold them against brute force over all subsets and against models with known effects.
A folder of DOT files was considered; the answers would then stand apart from the graphs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from causal.graph import CausalGraph

__all__ = ["TEXTBOOK", "TextbookGraph", "textbook_graph"]

Sets = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class TextbookGraph:
    """A graph from the literature, a question about it and the answer.

    Parameters
    ----------
    name : str
        Short name to ask for.
    edges : str
        ``a -> b``, ``a <-> b`` (a latent common cause) and ``a -- b`` (direction open), separated by ``;``.
    treatment, outcome : str
        The effect in question.
    method : str
        How the total effect is identified: ``adjustment``, ``front-door``, ``id``, ``instrument``, or ``none``.
    source : str
        The work that discusses the graph, with the place in it.
    lesson : str
        What the graph teaches, in a sentence.
    minimal : tuple of tuple of str
        Every adjustment set from which nothing can be left out, the smallest first.
    optimal : tuple of str, optional
        The O-set where it is valid and observed; None elsewhere.
    invalid : tuple of tuple of str
        Sets that people are tempted to adjust for, wrongly.
    latent : tuple of str
        Nodes that are not observed.
    """

    name: str
    edges: str
    treatment: str
    outcome: str
    method: str
    source: str
    lesson: str
    minimal: Sets = ()
    optimal: tuple[str, ...] | None = None
    invalid: Sets = ()
    latent: tuple[str, ...] = ()

    @cached_property
    def graph(self) -> CausalGraph:
        """The graph, nodes in the order in which the edges name them."""
        kinds: dict[str, list[tuple[str, str]]] = {"->": [], "--": [], "<->": []}
        nodes: dict[str, None] = {}
        for edge in self.edges.split(";"):
            start, mark, end = edge.split()
            kinds[mark].append((start, end))
            nodes.update({start: None, end: None})
        return CausalGraph(nodes, kinds["->"], kinds["--"], kinds["<->"])


def textbook_graph(name: str) -> TextbookGraph:
    """Return an entry of the corpus by name.

    Raises
    ------
    KeyError
        Listing the names there are.

    Examples
    --------
    >>> entry = textbook_graph("front-door")
    >>> entry.method, entry.source.split(",")[0]
    ('front-door', 'Pearl (1995)')
    """
    found = next((entry for entry in TEXTBOOK if entry.name == name), None)
    if found is None:
        raise KeyError(f"no textbook graph {name!r}; there are {', '.join(entry.name for entry in TEXTBOOK)}")
    return found


_PEARL_1995 = "Pearl (1995), Causal diagrams for empirical research, Biometrika 82"
_PEARL_2009 = "Pearl (2009), Causality, 2nd edition"
_CINELLI = "Cinelli, Forney & Pearl (2022), A crash course in good and bad controls, Sociological Methods & Research"
_PERKOVIC = "Perković, Textor, Kalisch & Maathuis (2018), Complete graphical characterization of adjustment, JMLR 18"

TEXTBOOK = (
    TextbookGraph(
        "confounding-triangle", "z -> x; z -> y; x -> y", "x", "y", "adjustment",
        f"{_PEARL_2009}, section 3.3", "A common cause is adjusted for.",
        minimal=(("z",),), optimal=("z",), invalid=((),),
    ),
    TextbookGraph(
        "chain", "x -> m; m -> y", "x", "y", "adjustment",
        f"{_CINELLI}, model 11", "Adjusting for a mediator removes what is to be measured.",
        minimal=((),), optimal=(), invalid=(("m",),),
    ),
    TextbookGraph(
        "mediator-child", "x -> m; m -> y; m -> z", "x", "y", "adjustment",
        f"{_CINELLI}, model 12", "A child of a mediator carries part of the effect away.",
        minimal=((),), optimal=(), invalid=(("z",),),
    ),
    TextbookGraph(
        "surrogate-confounder", "u -> z; z -> x; u -> y; x -> y", "x", "y", "adjustment",
        f"{_CINELLI}, model 2", "A column on the path of a hidden common cause blocks it.",
        minimal=(("z",),), invalid=((),), latent=("u",),
    ),
    TextbookGraph(
        "precision-variable", "x -> y; z -> y", "x", "y", "adjustment",
        f"{_CINELLI}, model 8", "Another cause of the outcome is not needed and narrows the interval.",
        minimal=((),), optimal=("z",),
    ),
    TextbookGraph(
        "case-control", "x -> y; y -> z", "x", "y", "adjustment",
        f"{_CINELLI}, model 18", "A consequence of the outcome is never adjusted for.",
        minimal=((),), optimal=(), invalid=(("z",),),
    ),
    TextbookGraph(
        "selection-collider", "x -> c; y -> c; x -> y", "x", "y", "adjustment",
        "Hernán, Hernández-Díaz & Robins (2004), A structural approach to selection bias, Epidemiology 15",
        "Looking only at the selected opens a path that was closed.",
        minimal=((),), optimal=(), invalid=(("c",),),
    ),
    TextbookGraph(
        "berkson", "x -> hospital; y -> hospital", "x", "y", "adjustment",
        "Berkson (1946), Limitations of the application of fourfold table analysis to hospital data, Biometrics 2",
        "Two unrelated diseases look related among patients.",
        minimal=((),), invalid=(("hospital",),),
    ),
    TextbookGraph(
        "m-bias", "u1 -> x; u1 -> z; u2 -> z; u2 -> y; x -> y", "x", "y", "adjustment",
        "Greenland, Pearl & Robins (1999), Causal diagrams for epidemiologic research, Epidemiology 10",
        "A column known before the treatment can still open a path.",
        minimal=((),), optimal=(), invalid=(("z",),), latent=("u1", "u2"),
    ),
    TextbookGraph(
        "butterfly", "u1 -> x; u1 -> z; u2 -> z; u2 -> y; z -> x; z -> y; x -> y", "x", "y", "adjustment",
        "Ding & Miratrix (2015), To adjust or not to adjust?, Journal of Causal Inference 3",
        "A confounder that is a collider too needs one of its causes beside it.",
        minimal=(("u1", "z"), ("u2", "z")), optimal=("u2", "z"), invalid=(("z",), ("u1",), ("u2",), ()),
    ),
    TextbookGraph(
        "butterfly-hidden", "u1 -> x; u1 -> z; u2 -> z; u2 -> y; z -> x; z -> y; x -> y", "x", "y", "none",
        "Ding & Miratrix (2015), To adjust or not to adjust?, Journal of Causal Inference 3",
        "With both causes hidden every choice is biased.",
        invalid=(("z",), ()), latent=("u1", "u2"),
    ),
    TextbookGraph(
        "birth-weight", "smoking -> weight; smoking -> death; weight -> death; weight <-> death",
        "smoking", "death", "adjustment",
        "Hernández-Díaz, Schisterman & Hernán (2006), The birth weight paradox uncovered?, American Journal of "
        "Epidemiology 164",
        "Adjusting for a mediator that shares a hidden cause with the outcome can turn the sign.",
        minimal=((),), optimal=(), invalid=(("weight",),),
    ),
    TextbookGraph(
        "mediator-outcome-confounding", "x -> m; m -> y; x -> y; l -> m; l -> y", "x", "y", "adjustment",
        "Cole & Hernán (2002), Fallibility in estimating direct effects, International Journal of Epidemiology 31",
        "The total effect needs nothing; the mediator is a collider as well.",
        minimal=((),), optimal=("l",), invalid=(("m",), ("l", "m")),
    ),
    TextbookGraph(
        "several-sets",
        "x1 -> x3; x1 -> x4; x2 -> x4; x2 -> x5; x3 -> xi; x4 -> xi; x4 -> xj; x5 -> xj; xi -> x6; x6 -> xj",
        "xi", "xj", "adjustment",
        f"{_PEARL_1995}, figure 2; {_PEARL_2009}, figure 3.4",
        "Several sets serve; the collider alone does not.",
        minimal=(("x1", "x4"), ("x2", "x4"), ("x3", "x4"), ("x4", "x5")), optimal=("x4", "x5"),
        invalid=(("x4",), ("x4", "x6")),
    ),
    TextbookGraph(
        "efficient-set", "a -> x; c -> x; c -> y; b -> y; x -> y", "x", "y", "adjustment",
        "Witte, Henckel, Maathuis & Didelez (2020), On efficient adjustment in causal graphs, JMLR 21",
        "Causes of the outcome narrow the interval, causes of the treatment alone widen it.",
        minimal=(("c",),), optimal=("b", "c"), invalid=((), ("a", "b")),
    ),
    TextbookGraph(
        "warm-up",
        "Coach -> Fitness; Coach -> TeamMotivation; Fitness -> Fatigue; Fitness -> PreGame; Genetics -> Fitness; "
        "Genetics -> Fatigue; Genetics -> Tissue; TeamMotivation -> PreviousInjury; TeamMotivation -> WarmUp; "
        "PreGame -> WarmUp; Tissue -> Weakness; Tissue -> Fatigue; ContactSport -> InGame; "
        "ContactSport -> PreviousInjury; Weakness -> Injury; InGame -> Injury; Fatigue -> InGame; Fatigue -> Injury; "
        "WarmUp -> InGame",
        "WarmUp", "Injury", "adjustment",
        "Shrier & Platt (2008), Reducing bias through directed acyclic graphs, BMC Medical Research Methodology "
        "8, as drawn in DAGitty",
        "A previous injury is tempting to adjust for, and a collider.",
        minimal=(
            ("Coach", "Fitness"), ("Coach", "PreGame"), ("Fatigue", "Tissue"), ("Fatigue", "Weakness"),
            ("Fitness", "Genetics"), ("Fitness", "TeamMotivation"), ("PreGame", "TeamMotivation"),
        ),
        optimal=("ContactSport", "Fatigue", "Weakness"),
        invalid=(("PreviousInjury",), ("Coach",), ("Fatigue", "InGame", "Weakness")),
    ),
    TextbookGraph(
        "sprinkler", "season -> sprinkler; season -> rain; sprinkler -> wet; rain -> wet; wet -> slippery",
        "sprinkler", "slippery", "adjustment",
        f"{_PEARL_2009}, figure 1.2", "Two sets of one column each; the one nearer the outcome is better.",
        minimal=(("rain",), ("season",)), optimal=("rain",), invalid=((), ("rain", "wet")),
    ),
    TextbookGraph(
        "asia",
        "asia -> tub; smoke -> lung; smoke -> bronc; tub -> either; lung -> either; either -> xray; either -> dysp; "
        "bronc -> dysp",
        "smoke", "dysp", "adjustment",
        "Lauritzen & Spiegelhalter (1988), Local computations with probabilities on graphical structures, JRSS B 50",
        "Nothing confounds smoking here; tuberculosis narrows the interval.",
        minimal=((),), optimal=("tub",), invalid=(("bronc",), ("xray",)),
    ),
    TextbookGraph(
        "verma", "a -> b; b -> c; c -> d; b <-> d", "c", "d", "adjustment",
        "Verma & Pearl (1990), Equivalence and synthesis of causal models, UAI",
        "Adjusting for b is valid although b shares a hidden cause with the outcome.",
        minimal=(("b",),), optimal=("b",), invalid=((), ("a",)),
    ),
    TextbookGraph(
        "front-door", "x -> z; z -> y; x <-> y", "x", "y", "front-door",
        f"{_PEARL_1995}, figure 3", "A mediator that carries the whole effect identifies it.",
        invalid=((), ("z",)),
    ),
    TextbookGraph(
        "front-door-confounded", "x -> m; m -> y; x <-> y; x <-> m", "x", "y", "none",
        "Tian & Pearl (2002), A general identification condition for causal effects, AAAI",
        "A latent common cause of the treatment and its child stops everything.",
        invalid=((), ("m",)),
    ),
    TextbookGraph(
        "generalised-front-door", "c -> x; c -> m; c -> y; x -> m; m -> y; x <-> y", "x", "y", "id",
        "Fulcher, Shpitser, Marealle & Tchetgen Tchetgen (2020), Robust inference on population indirect causal "
        "effects: the generalized front door criterion, JRSS B 82",
        "With an observed cause of all three the formula conditions on it.",
        invalid=((), ("c",), ("c", "m")),
    ),
    TextbookGraph(
        "napkin", "w -> r; r -> x; x -> y; w <-> x; w <-> y", "x", "y", "id",
        "Pearl & Mackenzie (2018), The book of why, chapter 7",
        "Neither back door nor front door, and still a formula.",
        invalid=((), ("w",), ("r",), ("r", "w")),
    ),
    TextbookGraph(
        "bow", "x -> y; x <-> y", "x", "y", "none",
        "Tian & Pearl (2002), A general identification condition for causal effects, AAAI",
        "The smallest graph without an answer.",
        invalid=((),),
    ),
    TextbookGraph(
        "instrument", "z -> x; x -> y; x <-> y", "x", "y", "instrument",
        "Angrist, Imbens & Rubin (1996), Identification of causal effects using instrumental variables, JASA 91",
        "A lottery gives the effect on those who follow it, and on nobody else.",
        invalid=((), ("z",)),
    ),
    TextbookGraph(
        "conditional-instrument", "w -> z; w -> y; z -> x; x -> y; x <-> y", "x", "y", "instrument",
        "Brito & Pearl (2002), Generalized instrumental variables, UAI",
        "An instrument with a common cause of its own serves once that is held fixed.",
        invalid=((), ("w",), ("z",)),
    ),
    TextbookGraph(
        "open-direction", "x -- y", "x", "y", "none",
        _PERKOVIC, "Data alone do not say which of two columns acts: not amenable.",
        invalid=((),),
    ),
    TextbookGraph(
        "open-elsewhere", "z1 -> x; z2 -> x; z1 -> y; x -> y; w -- z1", "x", "y", "adjustment",
        _PERKOVIC, "An open direction away from the treatment does no harm: amenable.",
        minimal=(("z1",),), optimal=("z1",), invalid=((), ("w",), ("z2",)),
    ),
)  # fmt: skip
