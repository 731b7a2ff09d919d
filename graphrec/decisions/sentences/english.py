"""The sentences of the advice in English, for a marketing analyst.

Hides the words, which the module of French has under the same keys. Which of them are said is decided by
`graphrec.decisions.sentences.telling`, the same for all languages, so that no language promises more than another.
"""

from __future__ import annotations

from graphrec.decisions.sentences.languages import Language

__all__ = ["LANGUAGE"]

_TEXTS = {
    "yes": "yes",
    "no": "no",
    "and": "and",
    "or": "or",
    "then": "{first}, then {second}",
    "who.customer": "customer {name}",
    "who.segment": "segment {name} ({count})",
    "who.population": "all customers ({count})",
    "about.": "",
    "about.offer": " about offer {offer}",
    "about.product": " about product {offer}",
    "about.category": " about category {offer}",
    "about.campaign": " about campaign {offer}",
    "act": "For {who}: {moves}.",
    "act.contact": "contact by {channel} instead of no contact{about}",
    "act.move": "move {lever} from {before} to {after}{about}",
    "nothing": "Do nothing for {who}: {why}.",
    "nothing.unsaid": "Do nothing for {who}.",
    "gain.up": "Expected gain: the chance of {outcome}{within} rises by {size}",
    "gain.down": "Expected change: the chance of {outcome}{within} falls by {size}",
    "gain.amount.up": "Expected gain: {outcome}{within} rises by {size}",
    "gain.amount.down": "Expected change: {outcome}{within} falls by {size}",
    "gain.bounded": "{gain} ({level} interval: {low} to {high}).",
    "gain.unbounded": "{gain}; there is no interval, because the equations behind it give none that holds.",
    "outcome.purchase": "a purchase",
    "outcome.other": "{name}",
    "event.purchase": "the purchase",
    "event.other": "{name}",
    "within": " within {days}",
    "cost": "It costs {cost} and is worth {net} after that cost{least}.",
    "cost.free": "It costs nothing and is worth {net}{least}.",
    "cost.least": " ({net} at the lower end of the interval)",
    "delay": "It shows after about {days}.",
    "consent": "It needs the customer’s consent.",
    "extrapolated": "Careful: the move leaves what was observed, so the figure is extrapolated.",
    "through": "It works through {ways}.",
    "through.directly": "directly",
    "through.only_directly": "It works directly.",
    "through.unknown": "The causal graph shows no path for it.",
    "sure": "How sure: grade {grade}, {why}.",
    "sure.A": "past contacts were drawn by lot, so the difference is the effect",
    "sure.B": "what drove past decisions is adjusted for, comparable customers were treated differently, and the "
              "negative control (the same question where the answer must be zero) is passed",
    "sure.C": "this rests on the model only; try it on a small group drawn by lot before relying on it",
    "sure.C.doubt": "this rests on the model only ({doubt}); try it on a small group drawn by lot before relying on it",
    "doubt.support": "hardly any past case was like this one",
    "doubt.ladder": "the evidence ladder could not confirm it",
    "doubt.equations": "the change comes from equations fitted along the causal graph",
    "doubt.excluded": "the model uses a column that this graph excludes",
    "doubt.control": "the negative control, the same question where the answer must be zero, leaves a doubt",
    "doubt.untested": "no negative control was possible",
    "refused": "Nothing is promised for {who}: the effect cannot be told from these data (grade X).",
    "why.alternative": "the best move found ({move}) would be worth {net} after its cost",
    "why.blocked": "every lever is blocked, or its effect cannot be told",
    "why.unconfirmed": "no move shows a gain on customers other than those it was found with",
    "why.budget": "the budget is spent on customers for whom it brings more",
    "avoid": "Do not act on {column}, although SHAP ranks it {rank}: {why}.",
    "avoid.consequence": "it follows from {event}, so moving it changes nothing",
    "avoid.proxy": "it goes along with {event} without causing it, so moving it alone changes nothing",
    "avoid.proxy.common": "it stands for what drives both ({common}), so moving it alone changes nothing",
    "avoid.mediator": "it is the customer’s own step and moves only through a contact",
    "avoid.unrelated": "the causal graph has no path from it to {event}",
    "rank.1": "first",
    "rank.2": "second",
    "rank.3": "third",
    "rank.n": "number {n}",
    "lever.named": "{name} ({column})",
}  # fmt: skip

_COUNTED = {
    "points": ("{n} point", "{n} points"),
    "days": ("{n} day", "{n} days"),
    "customers": ("{n} customer", "{n} customers"),
}

_NAMES = {
    "treatment": "the contact",
    "outcome": "the purchase",
    "opened": "opening the message",
    "clicked": "clicking",
    "visited": "visiting",
    "none": "no contact",
}

LANGUAGE = Language("en", ".", ",", 0.0, _TEXTS, _COUNTED, names=_NAMES)
