"""How what happened in a simulated market gets on record: the tables of the data model.

Hides identifiers, columns and everything that follows from purchases and contacts without changing them: feedback,
consents, and the attributes recorded at the end of the market.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.market.simulation.population import CATEGORIES, Ints, Population
from graphrec.market.simulation.process import Log
from graphrec.market.simulation.sessions import (
    DAY_SECONDS,
    PERIOD_SECONDS,
    Journeys,
    draw_journeys,
    pressure_of_contacts,
)
from graphrec.market.simulation.structural import PERIOD_DAYS, Setting, sigmoid
from graphrec.market.simulation.verbatims import MOODS, write_verbatims

__all__ = ["ROLES", "START", "period_starts", "record_tables"]

START = pd.Timestamp("2024-01-01", tz="UTC")
"""First moment of the first period."""

ROLES: dict[str, object] = {
    "age": "Age",
    "income": "Income",
    "tenure": "Tenure",
    "wealth": "Wealth",
    "household_size": "HouseholdSize",
    "digital_affinity": "DigitalAffinity",
    "support_tickets": "SupportTicket",
    "welcome_push": "WelcomePush",
}
_GRANTED = {"email": 0.9, "call": 0.7, "mailing": 0.85}


def period_starts(periods: int) -> pd.DatetimeIndex:
    """First moment of each period and of the one after the last."""
    return pd.date_range(START, periods=periods + 1, freq=f"{PERIOD_DAYS}D").as_unit("us")


def record_tables(
    people: Population, setting: Setting, log: Log, rng: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], dict[str, object]]:
    """Tables by name and the roles of attributes, ready for `Market.from_frames`."""
    moving, telling, consenting, noting = rng.spawn(4)
    journeys = draw_journeys(people, setting, log, moving)
    attributes, roles = _attributes(people, setting, log, noting)
    tables = {
        "customers": pd.DataFrame({"customer_id": people.customer_ids, **people.traits, **attributes}),
        "products": _products(people),
        "solicitations": _solicitations(people, setting, log),
        "events": _events(people, setting, log, journeys),
        "consents": _consents(people, setting, log, journeys, consenting),
        "feedback": _feedback(people, setting, log, journeys, telling),
    }
    return tables, {**ROLES, **roles}


def _times(seconds: npt.NDArray[np.floating[Any]]) -> pd.Series:
    micro = START.tz_localize(None).to_datetime64() + (seconds * 1e6).astype("timedelta64[us]")
    return pd.Series(micro.astype("datetime64[us]")).dt.tz_localize("UTC")


def _labels(ids: npt.NDArray[np.str_], codes: Ints) -> pd.Series:
    """Identifiers by position; missing where the code is -1."""
    return pd.Series(pd.array(ids, dtype="str").take(codes, allow_fill=True))


def _numbered(letter: str, n: int) -> npt.NDArray[np.str_]:
    return np.array([f"{letter}{number:0{len(str(n))}d}" for number in range(1, n + 1)], dtype=str)


def _products(people: Population) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": people.product_ids,
            "category": np.array(CATEGORIES)[people.category],
            "brand": _numbered("brand ", int(people.brand.max()) + 1)[people.brand],
            "price": people.price,
            "margin": people.margin,
            "stock": people.stock,
        }
    )


def _solicitations(people: Population, setting: Setting, log: Log) -> pd.DataFrame:
    sent = log.contacts
    costs = np.array([channel.cost for channel in setting.channels.values()])
    slots = {"slot": _labels(np.array(list(setting.slots)), sent.slot)} if setting.slots else {}
    return pd.DataFrame(
        {
            "solicitation_id": _numbered("S", len(sent.period)),
            "customer_id": _labels(people.customer_ids, sent.customer),
            "sent_at": _times(sent.period * float(PERIOD_SECONDS)),
            "channel": _labels(np.array(list(setting.channels)), sent.channel),
            "product_id": _labels(people.product_ids, sent.product),
            "cost": costs[sent.channel],
            "propensity": sent.propensity if setting.log_propensity else np.nan,
            "randomised": sent.randomised,
            **slots,
        }
    )


def _events(people: Population, setting: Setting, log: Log, journeys: Journeys) -> pd.DataFrame:
    rows = journeys.events.sort_values("seconds", kind="stable", ignore_index=True)
    product, tie = rows["product"].to_numpy(), rows["solicitation"].to_numpy()
    priced = rows["kind"].isin(["view", "cart", "remove_from_cart", "purchase"]).to_numpy()
    sessions = int(rows["session"].max()) + 1
    channel = np.append(log.contacts.channel, -1)[tie]
    return pd.DataFrame(
        {
            "event_time": _times(rows["seconds"].to_numpy()),
            "event_type": rows["kind"],
            "customer_id": _labels(people.customer_ids, rows["customer"].to_numpy()),
            "product_id": _labels(people.product_ids, product),
            "price": np.where(priced, people.price[product], np.nan),
            "quantity": rows["quantity"].where(rows["quantity"] > 0),
            "session_id": _labels(_numbered("V", sessions), rows["session"].to_numpy()),
            "solicitation_id": _labels(_numbered("S", len(log.contacts.period)), tie),
            "channel": _labels(np.array(list(setting.channels)), channel),
        }
    )


def _consents(
    people: Population, setting: Setting, log: Log, journeys: Journeys, rng: np.random.Generator
) -> pd.DataFrame:
    """A dated answer for each customer and channel before the first period, and withdrawals by unsubscription."""
    n = people.shape[0]
    names = np.array(list(setting.channels))
    shares = np.array([_GRANTED.get(name, 0.85) for name in names])
    customer, channel = np.repeat(np.arange(n), len(names)), np.tile(np.arange(len(names)), n)
    first = pd.DataFrame(
        {
            "customer_id": _labels(people.customer_ids, customer),
            "channel": _labels(names, channel),
            "granted": rng.random(len(customer)) < shares[channel],
            "changed_at": _times(-rng.uniform(30, 700, len(customer)) * DAY_SECONDS),
        }
    )
    left = np.nonzero(~np.isnan(journeys.left_at))[0]
    withdrawn = pd.DataFrame(
        {
            "customer_id": _labels(people.customer_ids, log.contacts.customer[left]),
            "channel": _labels(names, log.contacts.channel[left]),
            "granted": np.zeros(len(left), dtype=bool),
            "changed_at": _times(journeys.left_at[left]),
        }
    )
    consents = pd.concat([first, withdrawn], ignore_index=True) if len(left) else first
    return consents.assign(purpose="marketing")


def _feedback(
    people: Population, setting: Setting, log: Log, journeys: Journeys, rng: np.random.Generator
) -> pd.DataFrame:
    """Verbatims after one purchase in twenty, and complaints of those whom contacts annoy."""
    asked, scoring, writing, tongue = rng.spawn(4)
    period, buyer, product = log.purchases
    sent, pressure = log.contacts, pressure_of_contacts(people, setting, log)
    french = tongue.random(people.shape[0]) < 0.6
    answers = asked.random(len(period)) < 0.05
    annoyed = asked.random(len(sent.period)) < 0.02 * pressure / (1 + pressure)
    load = np.bincount(sent.customer, minlength=people.shape[0]) / max(setting.periods, 1)
    liked = 3.9 + 0.4 * people.appeal[product] - 0.3 * load[buyer] + scoring.normal(size=len(period))
    score = np.clip(np.rint(liked), 1, 5)[answers]
    complaint = 1.0 + (scoring.random(len(sent.period)) < 0.4)[annoyed]
    customer = np.concatenate([buyer[answers], sent.customer[annoyed]])
    mood = np.concatenate([np.digitize(score, [2.5, 3.5]), np.full(int(annoyed.sum()), MOODS.index("pestered"))])
    day_of_contact = sent.period[annoyed] * float(PERIOD_SECONDS) + 23.2 * 3_600
    late = np.minimum(journeys.bought_at[answers] + 1_800, (period[answers] + 1) * float(PERIOD_SECONDS) - 60)
    frame = pd.DataFrame(
        {
            "customer_id": _labels(people.customer_ids, customer),
            "created_at": _times(np.concatenate([late, day_of_contact])),
            "text": write_verbatims(mood, french[customer], writing),
            "score": np.concatenate([score, complaint]),
        }
    )
    return frame.sort_values("created_at", kind="stable", ignore_index=True)


def _attributes(
    people: Population, setting: Setting, log: Log, rng: np.random.Generator
) -> tuple[dict[str, object], dict[str, object]]:
    """Attributes that tempt: consequences, bad controls and a collider, with the roles that go with them."""
    n = people.shape[0]
    tickets, pushes, scores, answers = rng.spawn(4)
    bought = np.log1p(np.bincount(log.purchases[1], minlength=n))
    lately = log.purchases[0] >= setting.periods - 3
    recent = np.log1p(np.bincount(log.purchases[1][lately], minlength=n))
    contacted = np.log1p(np.bincount(log.contacts.customer, minlength=n))
    columns: dict[str, object] = {
        "support_tickets": tickets.poisson(np.exp(-1.5 + 0.5 * bought)),
        "welcome_push": (pushes.random(n) < sigmoid(-2.0 + 1.2 * recent)).astype(np.int64),
    }
    roles: dict[str, object] = {}
    if setting.bad_control:
        noise = scores.normal(size=(2, n))
        won = np.log1p(np.bincount(log.contacts.customer[log.contacts.bought], minlength=n))
        columns["engagement_score"] = np.round(0.4 * contacted + 1.5 * won + 0.3 * bought + 0.2 * noise[0], 3)
        columns["satisfaction_index"] = np.round(6 - 0.5 * contacted + 0.8 * bought + 0.4 * noise[1], 3)
        roles["satisfaction_index"] = "Satisfaction"
    if setting.collider:
        zeal = people.zeal[setting.warmup : setting.periods]
        heard = people.opinion + zeal.sum(axis=0) / np.sqrt(max(len(zeal), 1))
        columns["survey_interest"] = np.round(heard + 0.2 * answers.normal(size=n), 3)
        columns["survey_answered_at"] = START - pd.Timedelta(days=1)
        roles["survey_interest"] = {"class": "SurveyAnswer", "date": "survey_answered_at"}
    return columns, roles
