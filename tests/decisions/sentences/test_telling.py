"""The advice in words: the same facts in both languages, numbers and plurals as each language writes them."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.decisions.sentences.columnnames import Names
from graphrec.decisions.sentences.languages import LANGUAGES, language_of
from graphrec.decisions.sentences.telling import Teller, Telling, tell_advice
from graphrec.market.tables import DataError

MAIL = {"lever": "treatment", "from": "none", "to": "email"}
ADVICE: dict[str, Any] = {
    "customer_id": 17, "offer": "P04", "moves": [MAIL, {"lever": "discount", "from": 0.05, "to": 0.125}],
    "effect": 0.0312, "low": 0.0104, "high": 0.052, "level": 0.95, "cost": 2.5, "net_value": 1234.5, "net_low": -3.25,
    "through": ["treatment -> outcome", "treatment -> opened -> visited -> outcome"], "grade": "B", "reason": "",
    "delay_days": 28.0, "consent": True, "extrapolation": "", "alternatives": [], "blocked": {},
}  # fmt: skip
MARKET = Names(offer="product", horizon_days=28, currency="EUR")
AVOID = {"column": "tickets", "role": "consequence", "rank": 1, "common": ()}


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def numbers(telling: Telling, language: str) -> Counter[float]:
    """Every number in a text, by its value."""
    known = language_of(language)
    text = telling.text.replace(known.thousands, "") if language == "fr" else re.sub(r",(?=\d{3})", "", telling.text)
    text = re.sub(r"\bP\d+\b", "", text).replace("−", "-")
    mark = re.escape(known.decimal)
    return Counter(float(found.replace(known.decimal, ".")) for found in re.findall(rf"[-+]?\d+(?:{mark}\d+)?", text))


def both(record: dict[str, Any], names: Names = MARKET, avoid: tuple[Any, ...] = ()) -> tuple[Telling, Telling]:
    english, french = (tell_advice(record, code, names=names, avoid=avoid) for code in ("en", "fr"))
    return english, french


def test_the_sentence_says_what_an_analyst_needs_in_english() -> None:
    told = tell_advice(ADVICE, names=MARKET, avoid=[AVOID])
    assert told.act == (
        "For customer 17: contact by email about product P04 (now: no contact) and move discount from 0.05 to "
        "0.125 about product P04."
    )
    assert told.gain == (
        "Expected gain: the chance of a purchase within 28 days rises by 3.1 points (95 % interval: +1.0 to +5.2)."
    )
    assert told.cost == (
        "It costs 2.50 EUR and is worth +1,234 EUR after that cost (−3.25 EUR at the lower end of the interval)."
    )
    assert told.through == "It works through opening the message, then visiting and directly."
    assert told.sure.startswith("How sure: grade B, what drove past decisions is adjusted for")
    assert told.conditions == "It shows after about 28 days. It needs the customer’s consent."
    assert told.avoid == (
        "Do not act on tickets, although SHAP ranks it first: it follows from the purchase, so moving it changes "
        "nothing."
    )


def test_the_sentence_says_the_same_in_french() -> None:
    told = tell_advice(ADVICE, "fr", names=MARKET, avoid=[AVOID])
    assert plain(told.act) == (
        "Pour le client 17 : contacter par e-mail au sujet du produit P04 (aujourd’hui : aucun contact) et faire "
        "passer « remise » de 0,05 à 0,125 au sujet du produit P04."
    )
    assert plain(told.gain) == (
        "Gain attendu : la probabilité d’achat dans les 28 jours augmente de 3,1 points "
        "(intervalle à 95 % : de +1,0 à +5,2)."
    )
    assert plain(told.cost) == (
        "Coût : 2,50 EUR ; valeur nette : +1 234 EUR (−3,25 EUR à la borne basse de l’intervalle)."
    )
    assert plain(told.through) == ("L’effet se produit par l’ouverture du message, puis la visite et directement.")
    assert plain(told.avoid) == (
        "À ne pas faire : agir sur « tickets », que SHAP place en premier : cette variable est une conséquence "
        "de l’achat ; la modifier ne change rien."
    )


def test_french_marks_have_their_spaces_and_english_ones_none() -> None:
    french = tell_advice(ADVICE, "fr", names=MARKET, avoid=[AVOID]).text
    assert not re.search(r"[\w»] ?[;!?%]", french), "a narrow space that does not break comes before"
    assert not re.search(r"(?<![\u00a0]):(?=\s)", french) and "«\u00a0" in french and "\u00a0»" in french
    assert "1\u202f234\u00a0EUR" in french and "3,1\u00a0points" in french
    assert not set("\u00a0\u202f«»") & set(tell_advice(ADVICE, names=MARKET, avoid=[AVOID]).text)


money = st.floats(-5e6, 5e6).filter(lambda value: value == 0 or abs(value) > 0.01)
share = st.floats(-0.99, 0.99)


@given(
    effect=share, low=share, high=share, cost=st.floats(0, 1e6), net=money, least=st.none() | money,
    level=st.sampled_from([0.8, 0.9, 0.95]), days=st.integers(1, 400), grade=st.sampled_from("ABC"),
    value=st.floats(-1e6, 1e6), binary=st.booleans(), bounded=st.booleans(),
)  # fmt: skip
def test_every_number_is_in_both_languages(
    effect: float, low: float, high: float, cost: float, net: float, least: float | None, level: float, days: int,
    grade: str, value: float, binary: bool, bounded: bool,
) -> None:  # fmt: skip
    ends = {"low": low, "high": high} if bounded else {"low": None, "high": None}
    figures = {"effect": effect, "cost": cost, "net_value": net, "net_low": least, "level": level, "grade": grade}
    record = {**ADVICE, **figures, **ends, "moves": [{"lever": "price", "from": value, "to": -value}]}
    english, french = both(record, Names(offer="product", horizon_days=days, binary=binary, currency="EUR"), (AVOID,))
    assert numbers(english, "en") == numbers(french, "fr")
    assert all(bool(getattr(english, part)) == bool(getattr(french, part)) for part in vars(english))
    assert f"{days}" in english.gain and grade in french.sure


@pytest.mark.parametrize("code", LANGUAGES)
def test_grade_x_never_promises(code: str) -> None:
    told = tell_advice({**ADVICE, "grade": "X"}, code, names=MARKET)
    assert (told.gain, told.cost, told.through, told.sure) == ("", "", "", "")
    assert set(numbers(told, code)) == {17.0}, "the customer's number is the only one"
    assert not re.search("gain|rises|augmente|worth", told.text, re.I) and "X" in told.text


def test_an_interval_that_holds_zero_says_what_that_means() -> None:
    english, french = both({**ADVICE, "low": -0.001})
    assert english.gain.endswith("The interval includes zero: it may change nothing.")
    assert plain(french.gain).endswith("L’intervalle contient zéro : l’effet peut être nul.")


@pytest.mark.parametrize(
    ("effect", "low", "high", "words"),
    [
        (0.039, -0.195, 0.273, ("it may also do harm", "l’action peut aussi nuire")),
        (-0.039, -0.273, 0.195, ("the opposite may happen", "ou contraire")),
    ],
)
def test_an_interval_far_beyond_zero_warns_of_the_opposite(
    effect: float, low: float, high: float, words: tuple[str, str]
) -> None:
    told = both({**ADVICE, "effect": effect, "low": low, "high": high})
    assert all(word in plain(each.gain) for word, each in zip(words, told))


def test_another_move_of_two_levers_is_in_the_language() -> None:
    other = {"lever": "treatment + discount", "to": "call + 0.25", "net_value": 1.0}
    teller = Teller(language_of("fr"), MARKET)
    assert teller.alternative(other) == "téléphone et remise → 0,25"
    assert teller.levers("price + discount") == "prix et remise"


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_figure_without_an_interval_says_so(code: str) -> None:
    told = tell_advice({**ADVICE, "low": None, "high": None, "grade": "C"}, code, names=MARKET)
    assert {"en": "no interval", "fr": "pas d’intervalle"}[code] in told.gain
    assert "95" not in told.gain


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("by the model only, for the change comes from equations fitted along the graph", ("equations", "équations")),
        ("hardly any contact was like this one", ("hardly any past case", "presque aucun cas")),
        ("age goes with price although the graph gives no reason (+.2)", ("leaves a doubt", "laisse un doute")),
        ("the structural equations see a change of +0.1", ("do not agree", "ne concordent pas")),
        ("no negative control was possible", ("no negative control", "aucun contrôle négatif")),
        ("something new", ("on the model only; try", "sur le seul modèle ; à essayer")),
    ],
)
def test_the_doubt_behind_a_grade_c_is_said(reason: str, words: tuple[str, str]) -> None:
    for told, word in zip(both({**ADVICE, "grade": "C", "reason": reason}), words):
        assert word in plain(told.sure)


@pytest.mark.parametrize(
    ("record", "english", "french"),
    [
        (
            {"reason": "every lever is blocked (treatment: hidden)"},
            "every lever is blocked",
            "chaque levier est bloqué",
        ),
        ({"reason": "no move shows a gain on other customers"}, "no move shows a gain", "aucune action ne montre"),
        ({"reason": "the budget went to others"}, "the budget is spent", "le budget est consacré"),
        (
            {"alternatives": [{"lever": "discount", "to": 0.1, "net_value": -1.5}, {"lever": "do nothing"}]},
            "(discount → 0.1) would be worth −1.50",
            "(remise → 0,1) aurait une valeur nette de −1,50",
        ),
        (
            {"reason": "the best move (call) would net -1", "alternatives": [{"lever": "x", "net_value": 2.0}]},
            "the best move (call) would net -1",
            "Ne rien faire pour le client 17.",
        ),
        ({"reason": "none was asked for"}, "none was asked for", "Ne rien faire pour le client 17."),
    ],
)
def test_doing_nothing_has_its_reason(record: dict[str, Any], english: str, french: str) -> None:
    for told, word in zip(both({**ADVICE, "moves": [], "grade": "", **record}, Names()), (english, french)):
        assert word in plain(told.text)
        assert told.gain == ""


def test_one_is_singular_and_french_counts_up_to_two_as_one() -> None:
    english, french = language_of("en"), language_of("fr")
    cases = {0.0: ("0 days", "0 jour"), 1.0: ("1 day", "1 jour"), 2.0: ("2 days", "2 jours")}
    for n, words in cases.items():
        assert (english.count("days", n), plain(french.count("days", n))) == words
    assert english.count("points", 1.0, 1) == "1.0 point"
    assert english.count("points", 1.5, 1) == "1.5 points"
    assert plain(french.count("points", 1.5, 1)) == "1,5 point"
    assert plain(french.count("points", 1.96, 1)) == "2,0 points", "what is shown decides"
    assert english.count("customers", 12_345) == "12,345 customers"


def test_labels_of_the_ontology_stand_beside_column_names() -> None:
    names = Names(labels={"contact_pressure": "pression commerciale", "spend_90": "dépenses passées"})
    told = tell_advice({**ADVICE, "moves": [{"lever": "spend_90", "from": 1, "to": 2}]}, "fr", names=names)
    assert "«\u00a0dépenses passées (spend_90)\u00a0»" in told.act
    told = tell_advice({**ADVICE, "moves": [{"lever": "contact_pressure", "from": 3, "to": 1}]}, "fr", names=names)
    assert "pression commerciale" in told.act


def test_segments_and_the_population_are_named() -> None:
    segment = {**ADVICE, "customer_id": None, "segment": "young", "customers": 1}
    english, french = both(segment)
    assert "segment young (1 customer)" in english.act and "le segment young (1 client)" in plain(french.act)
    english, french = both({**ADVICE, "customer_id": None, "customers": 300})
    assert "all customers (300 customers)" in english.act and "l’ensemble des clients (300 clients)" in plain(
        french.act
    )


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_languages_have_the_same_sentences_with_the_same_parts() -> None:
    english, french = language_of("en"), language_of("fr")
    assert set(english.texts) == set(french.texts)
    differing = {key for key in english.texts if fields(english.texts[key]) != fields(french.texts[key])}
    assert not differing
    assert set(english.counted) == set(french.counted)
    assert all(fields(form) == {"n"} for known in (english, french) for pair in known.counted.values() for form in pair)


def test_another_language_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="language is 'de'; choose one of 'en', 'fr'"):
        tell_advice(ADVICE, "de")
