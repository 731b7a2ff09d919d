"""What `explain` and `prescribe` find and how it is told: facts for JSON, lines for the terminal, a page to mail.

Hides which results an answer is made of, so that the commands themselves only read options and write files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.decisions.explanation import (
    METHODS,
    CustomerExplanation,
    class_groups,
    contact_influence,
    contact_predictor,
    customer_rows,
    explain,
    explain_customer,
    explain_purchases,
    find_temptations,
)
from graphrec.decisions.prescription import Prescriptions, prescribe
from graphrec.decisions.recommender import Recommender
from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.languages import Language, language_of
from graphrec.decisions.sentences.telling import Teller, tell_advice
from graphrec.market.tables import DataError
from graphrec.report.letter import Letter
from ontology import load_ontology

__all__ = ["Advised", "Explained", "advise", "explain_model", "explain_one"]

Narrate = Callable[[str], None]
_ROWS = 200
_EACH = 50
_BY_OUTCOME = ("permutation", "conditional permutation")
"""Methods that ask how much worse a prediction gets: an effect is never observed, so nothing can get worse."""
_SHOWN = 5
_MADE = ("weight", "propensity", "randomised", "cluster", "value")
"""Columns that a panel adds to the table it was made of."""


@dataclass(frozen=True, eq=False)
class Explained:
    """One customer's explanation: plain facts, lines of text, and the page."""

    facts: dict[str, Any]
    lines: list[str]
    letter: Letter


@dataclass(frozen=True, eq=False)
class Advised:
    """Prescriptions with plain facts, lines of text, and the page."""

    advice: Prescriptions
    facts: dict[str, Any]
    lines: list[str]
    letter: Letter


def explain_one(
    model: Recommender, customer: Any, language: str, currency: str, seed: int, narrate: Narrate
) -> Explained:
    """The advice for a customer and both views of it."""
    narrate("searching the best move")
    advice = prescribe(model, customers=[customer], rng=seed)
    narrate("explaining it by the model and by the causes")
    told = explain_customer(model, customer, _scores(model, customer), seed)
    avoid = [[asdict(each) for each in group] for group in find_temptations(model, [customer], rng=seed)]
    names = Names.of(model.panel, language, currency)
    letter = Letter(advice.to_records(), names, language, told.to_dict(), avoid, model.graph)
    sentence = tell_advice(letter.records[0], language, names=names, avoid=avoid[0]).text
    past = _past(model, customer, told)
    contacts = _contacts(model, customer, told)
    facts = {"sentence": sentence, "prescription": letter.records[0], "explanation": told.to_dict(), "avoid": avoid[0]}
    teller = Teller(language_of(language), names)
    facts |= {"past": past, "contacts": contacts}
    return Explained(facts, [sentence, *_views(told, past, contacts, teller)], letter)


def _scores(model: Recommender, customer: Any) -> pd.DataFrame:
    if model.market is not None:
        return model.recommend(n=1, customers=[customer], by="net_value")
    scores = model.recommend(n=1, by="net_value")
    own: pd.DataFrame = scores.loc[scores["customer_id"] == customer]
    return own


def _past(model: Recommender, customer: Any, told: CustomerExplanation) -> list[dict[str, Any]]:
    """Past products that weigh most in the appetite; empty where there is no purchase graph."""
    if model.market is None or model.appetite is None or model.panel.offers is None:
        return []
    found = explain_purchases(model, customer, told.offer, channel=told.channel).appetite
    return [{"product": name, "value": value} for name, value in found.largest(0, _SHOWN) if value != 0.0]


def _contacts(model: Recommender, customer: Any, told: CustomerExplanation) -> list[dict[str, Any]]:
    """Offers whose past contacts weigh most in the predicted effect; empty where the learner leaves no trace."""
    try:
        found = contact_influence(model, customer, channel=told.channel)
    except DataError:
        return []
    if model.market is None:
        return []
    return [{"offer": str(offer), "points": 100 * float(value)} for offer, value in found.by_offer(_SHOWN).items()]


def _views(
    told: CustomerExplanation, past: Sequence[dict[str, Any]], contacts: Sequence[dict[str, Any]], teller: Teller
) -> list[str]:
    """The two views and where they part, a line for each."""
    say, number = teller.language.say, teller.language.number

    def line(values: dict[str, float]) -> str:
        first = sorted(values.items(), key=lambda item: -abs(item[1]))[:_SHOWN]
        return ", ".join(f"{teller.column(name)} {number(value, 2, signed=True)}" for name, value in first)

    def titled(key: str, text: str) -> str:
        return say("page.line", title=say(key), text=text)

    causes = line(dict(told.causes)) if told.causes else say("page.cause.refused")
    lines = [titled("page.model", line(dict(told.contributions))), titled("page.cause", causes)]
    lines += [
        "- " + say("page.line", title=teller.column(str(each["feature"])), text=teller.apart(each))
        for each in told.apart
    ]
    if past:
        lines.append(titled("page.past", line({each["product"]: each["value"] for each in past})))
    if contacts:
        lines.append(titled("page.contacts", line({each["offer"]: each["points"] for each in contacts})))
    return lines


def explain_model(
    model: Recommender, method: str, by: str | None, channel: str | None, language: str, seed: int, as_json: bool
) -> tuple[dict[str, Any], bool, str]:
    """What the effect of a contact hangs on in the model, by ontology class, for everybody or by segment."""
    segments = None if by is None else _column(model, by)
    rows = customer_rows(model, _sample(list(_customers(model)["customer_id"]), segments, seed))
    predictor = contact_predictor(model, channel)
    curves = method in ("pdp", "ice", "ale")
    if method not in METHODS or method in _BY_OUTCOME:
        offered = [name for name in METHODS if name not in _BY_OUTCOME]
        raise DataError(f"method is {method!r}; choose one of {', '.join(offered)}")
    groups = None if curves else class_groups(predictor.columns, model.panel.roles)
    found = explain(predictor, rows, method=method, groups=groups, rng=seed)
    spoken = language_of(language)
    labels = {name: _label(name, language) for name in found.features}
    facts: dict[str, Any] = {"method": method, "question": found.question, "scale": found.scale, "rows": len(rows)}
    asked = spoken.say(f"question.{method}")
    if segments is None:
        largest = found.importance().head(10)
        facts["importance"] = largest.to_dict()
        lines = [f"{spoken.number(value, 4):>8}  {labels[str(name)]}" for name, value in largest.items()]
        return facts, as_json, "\n".join([asked, *lines])
    table = found.by_segment([segments[customer] for customer in rows.index.get_level_values("customer")])
    leading = table[found.importance().index[:_SHOWN]]
    facts["segments"] = leading.to_dict(orient="index")
    shown = leading.rename(columns=labels).map(lambda value: spoken.number(value, 4, signed=True))
    return facts, as_json, f"{asked}\n{shown.rename_axis(None).to_string()}"


def _label(name: str, language: str) -> str:
    """What the ontology calls a class; a column by its name."""
    known = load_ontology().classes.get(name)
    if known is None:
        return language_of(language).name(name)
    return (known.label_fr if language == "fr" else known.label) or name


def _sample(customers: list[Any], segments: dict[Any, Any] | None, seed: int) -> list[Any]:
    """Some customers at random, or some of each segment: the most valuable ones would not speak for the others."""
    drawn = [customers[place] for place in np.random.default_rng(seed).permutation(len(customers))]
    if segments is None:
        return drawn[:_ROWS]
    taken: dict[Any, int] = {}
    found = []
    for customer in drawn:
        if taken.setdefault(segments[customer], 0) < _EACH:
            taken[segments[customer]] += 1
            found.append(customer)
    return found


def advise(
    model: Recommender,
    customers: list[Any],
    segment: str | None,
    everybody: bool,
    n: int,
    budget: float | None,
    by: str | None,
    graph: Any,
    language: str,
    currency: str,
    seed: int,
    narrate: Narrate,
) -> Advised:
    """Prescriptions for customers, a segment or everybody."""
    chosen = _chosen(model, customers, segment, everybody)
    segments = None if by is None else _column(model, by)
    narrate(f"searching moves for {n if chosen is None else len(chosen):,} customers")
    advice = prescribe(model, customers=chosen, n=n, graph=graph, budget=budget, rng=seed)
    names = Names.of(model.panel, language, currency)
    ids = [item.customer_id for item in advice.items]
    narrate("asking what SHAP would have pointed at")
    avoid = [[asdict(each) for each in group] for group in find_temptations(model, ids, rng=seed)]
    compared = _records(advice.compare())
    summed = [] if segments is None else _records(advice.by_segment([segments[each] for each in ids]))
    letter = Letter(
        advice.to_records(),
        names,
        language,
        None,
        avoid,
        graph or model.graph,
        compared if len(ids) > 1 else (),
        summed,
    )
    sentences = [
        tell_advice(record, language, names=names, avoid=group).text for record, group in zip(letter.records, avoid)
    ]
    facts = {
        "prescriptions": len(ids),
        "advised": sum(bool(item.moves) for item in advice.items),
        "cost": float(sum(item.cost for item in advice.items)),
        "net_value": float(sum(item.net_value for item in advice.items)),
        "budget": budget,
        "sentences": sentences[:_SHOWN],
        "compared": compared,
        "segments": summed,
    }
    return Advised(advice, facts, _told(sentences, letter, facts, language_of(language)), letter)


def _told(sentences: list[str], letter: Letter, facts: dict[str, Any], language: Language) -> list[str]:
    """The first sentences, and the sum where there are several."""
    if len(sentences) == 1:
        return sentences
    teller = Teller(language, letter.names)
    total = language.say(
        "page.total",
        acting=language.number(facts["advised"], 0),
        all=language.count("customers", facts["prescriptions"]),
        cost=language.money(facts["cost"], letter.names.currency),
        net=teller.net(facts["net_value"]),
    )
    return [*sentences[:_SHOWN], total]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain dictionaries; what is missing is None."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict(orient="records")]


def _chosen(model: Recommender, customers: list[Any], segment: str | None, everybody: bool) -> list[Any] | None:
    """Identifiers of who is asked about; None for the most valuable ones."""
    if sum((bool(customers), segment is not None, everybody)) > 1:
        raise DataError("--customer, --segment and --everybody exclude each other; give one of them")
    if customers:
        return customers
    if segment is None and not everybody:
        return None
    if segment is None:
        return list(_customers(model)["customer_id"])
    column, equals, value = segment.partition("=")
    if not equals:
        raise DataError(f"--segment is {segment!r}; write COLUMN=VALUE, such as region=North")
    values = _column(model, column)
    found = [customer for customer, own in values.items() if str(own) == value]
    if not found:
        known = sorted({str(own) for own in values.values()})
        raise DataError(f"no customer has {column} = {value!r}; there are {', '.join(known[:8])}")
    return found


def _column(model: Recommender, column: str) -> dict[Any, Any]:
    """Value of a column for each customer."""
    table = _customers(model)
    if column not in table.columns or column == "customer_id":
        offered = [str(name) for name in table.columns if name != "customer_id"]
        raise DataError(f"the customers have no column {column!r}; there are {', '.join(offered[:12])}")
    values = table[column]
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 12:
        values = _quarters(values)
    return dict(zip(table["customer_id"].tolist(), values.astype(str).tolist()))


def _quarters(values: pd.Series) -> pd.Series:
    """A number as one of four ranges with about as many customers each."""
    cuts = pd.qcut(values, 4, duplicates="drop")
    return cuts.map(lambda part: f"{max(part.left, values.min()):g}–{part.right:g}")


def _customers(model: Recommender) -> pd.DataFrame:
    """One row for each customer."""
    if model.market is not None:
        return model.market.customers
    frame = model.panel.frame
    table = frame if "customer_id" in frame.columns else frame.assign(customer_id=range(len(frame)))
    made = [name for name in _MADE if name in table.columns and name not in model.panel.roles]
    return table.drop(columns=made).drop_duplicates("customer_id")
