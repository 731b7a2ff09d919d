"""The true causal graph of a simulated market and its equations in words.

Hides which arrow each coefficient stands for. Nodes carry the names of the panel's columns. What was recorded before
a decision is the trace of latent taste and activity, which also drive buying: such pairs are joined by bidirected
edges. The contact itself has recorded causes only, unless the market was made otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from graphrec.market.simulation.coefficients import (
    ANNOYANCE,
    CLICK_TASTE,
    FADE_MIDDLE,
    FADE_WIDTH,
    LEAVING,
    ORGANIC,
    STATE_SHARES,
    TARGETING,
    VIEWING,
)
from graphrec.market.simulation.structural import Setting

if TYPE_CHECKING:
    from causal import CausalGraph

__all__ = ["draw_graph", "write_equations"]

_TRAITS = ("age", "income", "wealth", "tenure", "household_size", "digital_affinity")
_TRACES = (
    "past_purchases",
    "recent_purchases",
    "quarter_purchases",
    "offer_purchases",
    "category_purchases",
    "past_spend",
    "recency_days",
    "past_views",
    "recent_views",
    "offer_views",
    "past_carts",
    "recent_carts",
    "offer_carts",
    "past_visits",
    "recent_visits",
    "popularity",
    "contact_pressure",
    "past_contacts",
    "offer_contacts",
    "past_opens",
    "past_clicks",
    "past_satisfaction",
    "last_satisfaction",
    "past_complaints",
    "past_sessions",
    "session_depth",
    "usual_hour",
    "last_event",
    "views_since_purchase",
    "open_carts",
    "cart_recency",
    "view_to_cart",
    "cart_to_purchase",
    "offer_in_cart",
    "session_interest",
    "appetite",
)
"""Recorded history: each is moved by taste, activity or a product's appeal, directly or through earlier periods."""
_CONTEXT = ("category", "brand", "price", "season", "season_shift")
_AFTER = (
    "treatment",
    "opened",
    "clicked",
    "visited",
    "outcome",
    "unsubscribed",
    "complained",
    "support_tickets",
    "welcome_push",
)

_LAWS = (
    ("age", "income"),
    ("age", "wealth"),
    ("age", "tenure"),
    ("age", "household_size"),
    ("age", "digital_affinity"),
    ("income", "wealth"),
    ("digital_affinity", "past_visits"),
    ("digital_affinity", "recent_visits"),
    ("digital_affinity", "past_views"),
    ("digital_affinity", "recent_views"),
    ("digital_affinity", "offer_views"),
    ("price", "past_spend"),
    ("past_contacts", "past_opens"),
    ("past_opens", "past_clicks"),
    ("contact_pressure", "past_contacts"),
    ("contact_pressure", "recent_purchases"),
    ("contact_pressure", "quarter_purchases"),
    ("past_contacts", "past_purchases"),
    ("past_contacts", "past_views"),
    ("offer_contacts", "offer_purchases"),
    ("offer_contacts", "offer_views"),
    ("past_contacts", "past_satisfaction"),
    ("past_purchases", "past_satisfaction"),
    ("offer_purchases", "appetite"),
    ("category_purchases", "appetite"),
    ("past_purchases", "appetite"),
    ("popularity", "appetite"),
    ("treatment", "opened"),
    ("age", "opened"),
    ("digital_affinity", "opened"),
    ("opened", "clicked"),
    ("clicked", "visited"),
    ("treatment", "clicked"),
    ("treatment", "visited"),
    ("digital_affinity", "visited"),
    ("treatment", "unsubscribed"),
    ("contact_pressure", "unsubscribed"),
    ("treatment", "complained"),
    ("contact_pressure", "complained"),
    ("outcome", "complained"),
    ("outcome", "support_tickets"),
    ("outcome", "welcome_push"),
    ("past_purchases", "support_tickets"),
    ("quarter_purchases", "welcome_push"),
)
_BUYING = (
    "wealth",
    "price",
    "household_size",
    "season",
    "offer_purchases",
    "offer_views",
    "category_purchases",
    "recency_days",
    "age",
    "digital_affinity",
    "contact_pressure",
    "treatment",
    "opened",
    "clicked",
    "visited",
)
_AIMED_BY = ("wealth", "offer_purchases", "offer_views", "past_purchases", "popularity")
_CONTACTS = ("contact_pressure", "past_contacts", "offer_contacts")
_WEALTH_LEAVES = (
    "past_purchases",
    "recent_purchases",
    "quarter_purchases",
    "offer_purchases",
    "category_purchases",
    "past_spend",
)


def draw_graph(setting: Setting) -> CausalGraph:
    """The graph of a market made with these settings."""
    from causal import CausalGraph

    edges = {*_LAWS, *((cause, "outcome") for cause in _BUYING)}
    edges |= {(trait, trace) for trait in ("wealth", "household_size") for trace in _WEALTH_LEAVES}
    aims = setting.randomised < 1
    if aims:
        edges |= {("tenure", aimed) for aimed in ("treatment", *_CONTACTS)}
    if aims and setting.confounding:
        edges |= {(cause, "treatment") for cause in _AIMED_BY} | {("wealth", trace) for trace in _CONTACTS}
        edges |= {(trait, "treatment") for trait in ("age", "digital_affinity") if len(setting.channels) > 1}
    nodes = [*_TRAITS, *_CONTEXT, *_TRACES, *_AFTER]
    latent = set(combinations((*_TRACES, "outcome"), 2))
    latent |= {("clicked", "outcome"), ("visited", "outcome"), ("clicked", "visited"), ("category", "outcome")}
    latent |= {(trace, after) for trace in _TRACES for after in ("clicked", "visited")}
    latent |= {("outcome", "support_tickets"), ("outcome", "welcome_push")}
    if aims and setting.latent_targeting:
        latent |= {("treatment", "outcome"), *((trace, "treatment") for trace in _TRACES)}
    if setting.bad_control:
        nodes += ["engagement_score", "satisfaction_index"]
        marks = ("treatment", "outcome", "past_purchases", "past_contacts")
        edges |= {(cause, mark) for mark in nodes[-2:] for cause in marks}
        latent |= {("outcome", mark) for mark in nodes[-2:]}
    if setting.collider:
        nodes.append("survey_interest")
        latent |= {("survey_interest", other) for other in ("outcome", *_TRACES)}
        latent |= {("survey_interest", "treatment")} if aims else set()
    return CausalGraph(nodes, edges, bidirected_edges=latent)


def write_equations(setting: Setting, intercept: float) -> dict[str, str]:
    """Every structural equation as a line of text; traits and prices are standardised, ``~`` means drawn from."""
    used = {name: value * setting.confounding for name, value in TARGETING.items() if name in _scaled()}
    used["tenure"] = TARGETING["tenure"]
    used["log1p(popularity)"] *= setting.popularity
    used["taste"] = TARGETING["taste"] * setting.latent_targeting
    used["zeal"] = TARGETING["zeal"] * setting.collider
    organic = {**ORGANIC, "appeal": ORGANIC["appeal"] * setting.popularity}
    organic["opinion"] = ORGANIC["opinion"] * setting.collider
    score = f"({_sum(used)}) / {setting.overlap:g}"
    lines = {
        "wealth": "0.55 income + 0.3 age + 0.75 noise",
        "income": "0.2 age - 0.15 (age^2 - 1) + 0.9 noise",
        "digital_affinity": "-0.6 age + 0.8 noise",
        "tenure": "min(Gamma(2, 4), age in years - 17)",
        "household_size": "min(1 + Poisson(exp(0.3 - 0.25 age)), 7)",
        "view": f"~ Bernoulli(sigmoid({_sum(VIEWING)})), and 0.6 of the purchases",
        "organic": _sum(organic),
        "policy": (
            f"{setting.floor:g} + {setting.ceiling - setting.floor:g} sigmoid({intercept:.4g} + {score}), "
            f"in a share {1 - setting.randomised:g} of customers and periods; "
            f"{setting.contact_share:g} in the rest"
        ),
        "treatment": "~ Bernoulli(policy), then the channel from its shares",
        "fade": (
            f"{1 + ANNOYANCE:g} sigmoid(({FADE_MIDDLE:g} - organic) / {FADE_WIDTH:g}) - {ANNOYANCE:g} "
            "where strength > 0, else 1"
        ),
        "outcome": "~ Bernoulli(sigmoid(organic + strength fade share)), share = "
        + ", ".join(f"{s:g} if {w}" for s, w in zip(STATE_SHARES, ("ignored", "opened", "clicked", "visited"))),
        "support_tickets": "~ Poisson(exp(-1.5 + 0.5 log1p(purchases)))",
        "welcome_push": "~ Bernoulli(sigmoid(-2 + 1.2 log1p(purchases of the last 84 days)))",
        "unsubscribed": f"~ Bernoulli(sigmoid({_sum({**LEAVING, 'annoyance': 0.0})}))",
    }
    for name, how in setting.channels.items():
        power = _sum({"intercept": how.base, **how.traits, "log1p(contact_pressure)": -how.fatigue})
        lines[f"strength[{name}]"] = power
        lines[f"opened[{name}]"] = f"~ Bernoulli(sigmoid({_sum(how.opens)}))"
        lines[f"clicked[{name}]"] = f"~ opened Bernoulli(sigmoid({how.click:g} + {CLICK_TASTE:g} taste))"
        lines[f"visited[{name}]"] = f"~ clicked Bernoulli({how.visit:g})"
        if setting.annoyance:
            annoyed = {"intercept": LEAVING["annoyance"] + how.annoys.get("all", 0.0), **how.annoys, "all": 0.0}
            lines[f"unsubscribed[{name}]"] = f"the logit of unsubscribed + {setting.annoyance:g} ({_sum(annoyed)})"
    for name, moment in setting.slots.items():
        added = _sum({"intercept": moment.base, **moment.traits})
        lines[f"strength[{name}]"] = f"the channel's strength + {setting.slot_effect:g} ({added})"
    if setting.spillover:
        lines["spillover"] = f"organic + {setting.spillover:g} where the neighbour is contacted about the product"
    if setting.crowding:
        lines["crowding"] = f"strength / (1 + {setting.crowding:g} x other contacts of the period)"
    if setting.bad_control:
        lines["engagement_score"] = (
            "0.4 log1p(contacts) + 1.5 log1p(contacts followed by the purchase) + 0.3 log1p(purchases) + 0.2 noise"
        )
        lines["satisfaction_index"] = "6 - 0.5 log1p(contacts) + 0.8 log1p(purchases) + 0.4 noise"
    if setting.collider:
        lines["survey_interest"] = "opinion + sum of zeal / sqrt(periods with contacts) + 0.2 noise"
    return lines


def _scaled() -> tuple[str, ...]:
    return tuple(name for name in TARGETING if name not in ("tenure", "taste", "zeal"))


def _sum(terms: Mapping[str, float]) -> str:
    """``0.5 + 1.2 taste - 0.3 price``; terms with a zero coefficient are left out."""
    text = ""
    for name, value in terms.items():
        if not value and name != "intercept":
            continue
        word = f"{abs(value):g}" if name == "intercept" else f"{abs(value):g} {name}"
        sign = "-" if value < 0 else "+"
        text += f" {sign} {word}" if text else f"{'-' if value < 0 else ''}{word}"
    return text
