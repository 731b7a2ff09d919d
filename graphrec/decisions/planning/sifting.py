"""Who may be contacted about what, rule by rule: every candidate gets the reason that keeps it out, or none.

Hides where each rule finds what it judges by, and which rule is named when several apply: the earliest in `_RULES`. A
rule that lacks what it needs is an error, and an attribute, answer or time that is missing means no: a contact that
was not made can be made later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.candidates import Candidates
from graphrec.decisions.planning.clauses import Eligibility, PolicyError, shown
from graphrec.decisions.planning.consents import consenting, unanswered
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.past import Past
from graphrec.decisions.planning.problem import Limits
from graphrec.decisions.planning.quiettimes import is_quiet, next_occasion
from graphrec.decisions.planning.silences import silenced

if TYPE_CHECKING:
    from graphrec.market.tables import Market

__all__ = ["NO_CONSENT", "Sifted", "sift"]

Flags = NDArray[np.bool_]
NO_CONSENT = "no consent"


@dataclass(frozen=True, eq=False)
class Sifted:
    """Why each candidate is out.

    Attributes
    ----------
    code : (n,) int
        Position in `reasons`; 0 where the candidate may be contacted.
    reasons : tuple of str
        The first is empty.
    """

    code: NDArray[np.int64]
    reasons: tuple[str, ...]

    @property
    def allowed(self) -> NDArray[np.int64]:
        """Positions of the candidates that may be contacted."""
        return np.flatnonzero(self.code == 0)

    def blame(self, limits: Limits, cells: NDArray[np.int32]) -> list[str]:
        """For each limit, the reason that keeps most candidates of its first cell out; empty where none does."""
        found = []
        for row in range(len(limits.names)):
            first, last = limits.matrix.indptr[row], limits.matrix.indptr[row + 1]
            why = ""
            if limits.falling[row] and last > first:
                inside = (cells == limits.matrix.indices[first]).any(axis=1) & (self.code > 0)
                counts = np.bincount(self.code[inside], minlength=len(self.reasons))
                why = self.reasons[int(np.argmax(counts))] if counts.any() else ""
            found.append(why)
        return found


def sift(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Sifted:
    """Apply every rule that concerns single candidates."""
    _check_needs(policy, market)
    code = np.zeros(len(candidates.customer), dtype=np.int64)
    reasons = [""]
    for rule in _RULES:
        for reason, out in rule(candidates, policy, market, past):
            reasons.append(reason)
            code[(code == 0) & out] = len(reasons) - 1
    return Sifted(code, tuple(reasons))


Judged = Iterator[tuple[str, Flags]]
Rule = Callable[[Candidates, ContactPolicy, "Market | None", Past], Judged]


def _check_needs(policy: ContactPolicy, market: Market | None) -> None:
    """Refuse rules that need a market where there is none."""
    if market is not None:
        return
    if policy.require_consent:
        raise PolicyError(
            "require_consent=True needs the consents: pass market= or --data (nobody is contacted on a guess)"
        )
    for name, given in (("windows", policy.windows), ("suppression", policy.silences)):
        if given:
            raise PolicyError(
                f"{given[0].name} needs what happened before: pass market= or --data ({name} count the past)"
            )
    if policy.stock == "market":
        raise PolicyError(
            "stock='market' needs the products: pass market= or --data, or write a number for each product"
        )


def _grades(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    if "grade" in candidates.frame:
        for grade in policy.exclude_grades:
            yield f"grade {grade}", candidates.frame["grade"].isin([grade]).to_numpy(dtype=bool)


def _named(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    if policy.do_not_contact:
        listed = pd.Index([str(i) for i in candidates.customers]).isin(list(policy.do_not_contact))
        yield "do_not_contact", listed[candidates.customer]


def _consents(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    if not policy.require_consent or market is None:
        return
    if policy.missing_consent == "refuse":
        silent = unanswered(market, candidates.customers, past.given)
        if silent.any():
            first = shown(candidates.customers[int(np.argmax(silent))])
            raise PolicyError(
                f"require_consent=True: customer {first} has no consent row "
                f"({int(silent.sum())} such customers). Record their answer, or set missing_consent='leave out'"
            )
    # Without a moment of their own, plans heed every answer on record: a no after the last event is still a no.
    granted = consenting(market, candidates.customers, candidates.channels, policy.consent_purpose, past.given)
    yield NO_CONSENT, ~granted[candidates.customer, candidates.channel]


def _suppressed(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    for rule in policy.silences:
        if market is not None:
            who = pd.Index(candidates.customers).isin(silenced(rule, market, past))
            yield rule.name, who[candidates.customer]


def _windows(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    for window in policy.windows:
        full = past.contacts(candidates.customers, window) >= window.max_contacts
        inside = _of_channels(candidates, (window.channel,) if window.channel else ())
        yield window.name, full[candidates.customer] & inside


def _quiet(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    if not policy.quiet:
        return
    at, times = past.local_moment("quiet"), policy.slot_times
    unknown = [slot for slot in candidates.slots if slot not in times]
    if unknown:
        raise PolicyError(f"quiet needs the time of slot {unknown[0]!r}; say it in slots, as 'mon-fri 08:00-12:00'")
    occasions = [next_occasion(times[slot], at) for slot in candidates.slots] + [next_occasion(None, at)]
    for rule in policy.quiet:
        closed = np.array([is_quiet(rule, occasion) for occasion in occasions])  # slot -1 is the last
        yield rule.name, closed[candidates.slot] & _of_channels(candidates, rule.channels)


def _eligible(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    for rule in policy.eligibility:
        known = _attribute(rule, candidates, market)
        concerned = _of_channels(candidates, rule.channels) & _of_offers(candidates, rule.offers)
        yield rule.name, concerned & ~_permits(rule, known)


def _permits(rule: Eligibility, values: pd.Series[Any]) -> Flags:
    good = values.notna().to_numpy(dtype=bool)
    if rule.at_least is not None or rule.at_most is not None:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        low = -np.inf if rule.at_least is None else rule.at_least
        high = np.inf if rule.at_most is None else rule.at_most
        good = good & (numbers >= low) & (numbers <= high)
    texts = values.astype(str)
    if rule.one_of:
        good = good & texts.isin(list(rule.one_of)).to_numpy(dtype=bool)
    return good & ~texts.isin(list(rule.none_of)).to_numpy(dtype=bool)


def _attribute(rule: Eligibility, candidates: Candidates, market: Market | None) -> pd.Series[Any]:
    """The attribute a rule looks at, for each candidate."""
    if rule.column in candidates.frame:
        return candidates.frame[rule.column]
    if market is not None:
        for table, key, ids, code in (
            (market.customers, "customer_id", candidates.customers, candidates.customer),
            (market.products, "product_id", candidates.offers, candidates.offer),
        ):
            if rule.column in table:
                known = table.drop_duplicates(key).set_index(key)[rule.column].reindex(pd.Index(ids))
                return known.iloc[code].reset_index(drop=True)
    raise PolicyError(
        f"{rule.name} names a column that neither the scores nor the market's customers and products have; "
        f"the scores have {', '.join(map(str, candidates.frame.columns))}"
    )


def _worth(candidates: Candidates, policy: ContactPolicy, market: Market | None, past: Past) -> Judged:
    floor = policy.minimum_net_value
    exempt = [name for name, least in (policy.minimum_exposure or {}).items() if least > 0]
    shown = _of_offers(candidates, tuple(exempt)) if exempt else np.zeros(len(candidates.offer), dtype=bool)
    yield f"net value not above {floor:g}", (candidates.net_value <= floor) & ~shown


def _of_channels(candidates: Candidates, channels: tuple[str, ...]) -> Flags:
    """Candidates by one of some channels; all where none is named."""
    if not channels:
        return np.ones(len(candidates.channel), dtype=bool)
    return np.isin(np.array(candidates.channels, dtype=object), list(channels))[candidates.channel]


def _of_offers(candidates: Candidates, offers: tuple[str, ...]) -> Flags:
    if not offers:
        return np.ones(len(candidates.offer), dtype=bool)
    named = set(offers)
    return np.array([str(offer) in named for offer in candidates.offers], dtype=bool)[candidates.offer]


_RULES: tuple[Rule, ...] = (_grades, _named, _consents, _suppressed, _windows, _quiet, _eligible, _worth)
