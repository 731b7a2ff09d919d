"""Why a move should work: what the business knows, the arrows that follow, the figure at the end.

Hides where each link is written down: permissions and causal axioms in the ontology, arrows and how often they were
found in the causal graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from causal.graph import CausalGraph
from graphrec.decisions.prescriptions.phrasing import ARROW
from graphrec.decisions.prescriptions.promises import Link
from ontology.domain import Ontology
from ontology.levers import Lever

__all__ = ["link_lever"]


def link_lever(
    lever: Lever, paths: Sequence[str], onto: Ontology, roles: Mapping[str, str], graph: CausalGraph
) -> tuple[Link, ...]:
    """Permission to move a lever, then the arrows on its paths.

    Parameters
    ----------
    lever : Lever
    paths : sequence of str
        Directed paths to the outcome, nodes joined by " -> ".
    onto : Ontology
    roles : mapping of str to str
        Class of each column.
    graph : CausalGraph
        The arrows, with their shares.

    Examples
    --------
    >>> from ontology import load_ontology
    >>> onto, roles = load_ontology(), {"rebate": "Discount", "bought": "Purchase"}
    >>> graph = CausalGraph(["rebate", "bought"], [("rebate", "bought")])
    >>> [link.kind for link in link_lever(onto.levers(roles)[0], ["rebate -> bought"], onto, roles, graph)]
    ['axiom', 'edge']
    """
    where = onto.classes[lever.class_name].where if lever.class_name in onto.classes else ""
    permission = f"{lever.reason} ({where})" if where else lever.reason
    links = [Link("axiom", lever.column, lever.class_name, permission)]
    known = onto.knowledge({name: role for name, role in roles.items() if name in graph.nodes})
    seen = dict.fromkeys(pair for path in paths for pair in zip(path.split(ARROW), path.split(ARROW)[1:]))
    for cause, effect in seen:
        share = graph.confidence.get((cause, effect), {}).get("share")
        source = known["provenance"].get((cause, effect), "")
        said = f"{cause} acts on {effect}"
        said += f", in {share:.0%} of the resampled data sets" if share is not None else ""
        said += f"; {source}" if source else "; the graph says so, the ontology is silent"
        links.append(
            Link("edge", cause, effect, said, share if share is not None else known["confidence"].get((cause, effect)))
        )
    return tuple(links)
