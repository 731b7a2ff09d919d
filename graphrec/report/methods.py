"""How the figures were made, what they assume, and what the words mean.

Hides nothing; it is text. Assumptions of the estimates at hand are added to those that always hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.report.claims import GRADES, VERDICTS
from graphrec.report.wording import sentence_case

if TYPE_CHECKING:
    from graphrec.report.contents import Findings

__all__ = ["GLOSSARY", "build_methods"]

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Adjustment set", "The columns in which contacted and not contacted customers must be alike for a fair "
     "comparison. The causal graph chooses them."),
    ("Appetite", "The chance that a customer buys if nobody contacts them."),
    ("Response", "The chance that a customer buys if they are contacted. A high response may be all appetite."),
    ("Uplift", "Response minus appetite: what the contact changes. It can be negative."),
    ("Propensity", "The chance that a customer was contacted, given what was known. Fair comparisons need it to be "
     "neither 0 nor 1."),
    ("Confounder", "Something that makes contacts and purchases go together without one causing the other, such as "
     "wealth when wealthy customers are contacted more and buy more anyway."),
    ("Mediator", "A step between the contact and the purchase, such as opening the e-mail. Adjusting for it would "
     "hide the effect that goes through it."),
    ("Consequence", "Something that follows the purchase, such as a welcome message. It predicts the purchase very "
     "well and causes nothing."),
    ("Back-door path", "A chain of arrows that joins contact and purchase through a common cause. The adjustment set "
     "closes them all."),
    ("Overlap", "For every kind of customer, some were contacted and some were not. Without it there is nothing to "
     "compare with."),
    ("Placebo", "The same analysis where the true answer is known to be zero, such as purchases before the contact. "
     "Anything else than zero shows that the comparison is unfair."),
    ("Negative control", "A placebo on other offers: the contact cannot have moved what it was not about."),
    ("Difference in differences", "How much more the contacted changed since the period before than the others did."),
    ("Ceiling", "The most the effect can be by an independent count, such as redeemed coupons."),
    ("Smallest detectable effect", "The smallest true effect that these data would show four times out of five."),
    ("Interval", "The range that holds the true figure in most such analyses (95 of 100 under What may be claimed), "
     "if the assumptions hold. Intervals of an uplift are those of customers like this one on average, not of one "
     "person."),
    ("Shadow price", "What one more unit of a limit, such as one more call, would be worth."),
    ("Effective sample size", "Weighting makes some rows count more than others; this is how many equal rows they are "
     "worth."),
)  # fmt: skip

_ALWAYS = (
    "Everything that drives both the contact and the purchase is among the columns adjusted for. The negative control "
    "and the placebo can refute this; nothing can prove it.",
    "A contact to one customer does not change what another one buys.",
    "Every kind of customer had some chance of being contacted and some chance of not being contacted.",
    "The order in time is right: what is called known before was known before.",
    "The estimate is of this contact against none now, with later policy unchanged.",
)

_STEPS = (
    ("What is known beforehand", "Every column has a class in an ontology of marketing. The classes say what comes "
     "first and what can never cause what: a purchase cannot change a customer's age."),
    ("The causal graph", "Within these rules, statistical tests of dependence find which columns are directly related, "
     "and patterns among them show directions. Repeating this on resampled customers gives each arrow its confidence."),
    ("What to compare", "From the graph follows which columns make the comparison fair, or that none do. In the second "
     "case no effect is reported."),
    ("The effect", "The chance to buy without a contact is learned first; what each channel adds to it is learned on "
     "top, from customers made comparable by weights."),
    ("The doubts", "The same analysis is repeated where the answer must be zero. A channel that fails is reported as "
     "not identified, whatever its figure."),
    ("The plan", "Net value is value times uplift minus cost. The plan takes the most of it that the rules allow, and "
     "states how far from the best possible it can be at most."),
)  # fmt: skip


def build_methods(findings: Findings) -> dict[str, Any]:
    """Values of the page on methods."""
    stated = [
        sentence_case(text)
        for ladder in (findings.ladders or {}).values()
        if ladder.adjusted is not None
        for text in ladder.adjusted.assumptions
    ]
    return {
        "steps": _STEPS,
        "assumptions": _ALWAYS,
        "stated": list(dict.fromkeys(stated)),
        "glossary": sorted(GLOSSARY),
        "grades": GRADES,
        "verdicts": VERDICTS,
    }
