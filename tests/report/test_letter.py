"""The page to mail: in one language throughout, complete without an explanation, printed by a real Chromium."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causal.graph import CausalGraph
from graphrec.decisions.sentences.columnnames import Names
from graphrec.market.tables import DataError
from graphrec.report.letter import MOST_CARDS, Letter, render_letter, write_letter
from graphrec.report.pathdrawing import draw_path
from graphrec.report.printing import PrintError, find_browser, print_pdf

GRAPH = CausalGraph(
    ["wealth", "treatment", "opened", "outcome", "support_tickets"],
    [("wealth", "treatment"), ("wealth", "outcome"), ("treatment", "opened"), ("opened", "outcome"),
     ("treatment", "outcome"), ("outcome", "support_tickets")],
)  # fmt: skip
RECORD: dict[str, Any] = {
    "customer_id": "C1", "offer": "P2", "moves": [{"lever": "treatment", "from": "none", "to": "email"}],
    "effect": 0.04, "low": 0.01, "high": 0.07, "level": 0.9, "cost": 0.5, "net_value": 1.5, "net_low": None,
    "grade": "B", "reason": "", "through": ["treatment -> outcome", "treatment -> opened -> outcome"],
    "alternatives": [{"lever": "treatment", "to": "call about P9", "net_value": 1.25, "grade": "C"}],
    "constant": {"lever": "treatment", "to": "mailing", "effect": 0.01, "net_value": 0.5},
    "blocked": {"opened": "opened (Open) is the customer's own step", "price": "no path from price", "treatment = fax":
                "its effect cannot be told (grade X): hidden"},
    "chain": [
        {"kind": "axiom", "cause": "treatment", "effect": "Solicitation", "statement": "x", "confidence": None},
        {"kind": "edge", "cause": "treatment", "effect": "outcome", "statement": "x", "confidence": 0.95},
        {"kind": "effect", "cause": "treatment", "effect": "outcome", "statement": "x", "confidence": None},
    ],
    "average": {"effect": 0.03, "low": 0.02, "high": 0.04, "net_value": 1.0, "n": 40, "ess": 30.0, "overlap": 0.9},
}  # fmt: skip
TOLD: dict[str, Any] = {
    "customer": "C1", "channel": "email", "base": -1.0, "contributions": {"wealth": 0.8, "support_tickets": 1.2},
    "causes": {"wealth": 0.5}, "causes_base": -1.2, "naive": 0.12, "naive_low": 0.1, "naive_high": 0.14, "refusal": "",
    "apart": [{"feature": "support_tickets", "model_share": 0.6, "cause_share": 0.0, "kind": "consequence"}],
}  # fmt: skip
AVOID = [[{"column": "support_tickets", "role": "consequence", "rank": 1, "common": ()}]]
COMPARED = [
    {"rule": "do nothing", "lever": None, "to": None, "acting": 0, "effect": 0.0, "low": 0.0, "high": 0.0,
     "net_value": 0.0},
    {"rule": "best constant action", "lever": "treatment", "to": "mailing", "acting": 1.0, "effect": 0.01, "low": 0.0,
     "high": 0.02, "net_value": 0.5},
    {"rule": "advice", "lever": None, "to": None, "acting": 0.75, "effect": 0.03, "low": 0.01, "high": 0.05,
     "net_value": 1.25},
]  # fmt: skip
NAMES = Names(offer="product", horizon_days=28, currency="EUR")


@pytest.fixture
def letter() -> Letter:
    return Letter([RECORD], NAMES, "en", TOLD, AVOID, GRAPH, made_on="2025-01-31")


def text_of(page: str) -> str:
    body = re.sub(r"(?s)<style>.*?</style>|<[^>]+>", " ", page)
    return re.sub(r"[\s\u00a0\u202f]+", " ", body)


def test_the_page_holds_all_a_decision_needs(letter: Letter) -> None:
    text = text_of(render_letter(letter))
    for part in (
        "Customer C1: why this advice?", "Made on 2025-01-31.", "contact by email about product P2",
        "rises by 4.0 points (90 % interval: +1.0 to +7.0)", "naive comparison", "+12.0 pts", "all customers with this",
        "What the model looks at", "What the causes bring", "it follows from the purchase", "Do not act on support",
        "Next best: phone about product P9, worth +1.25 EUR (grade C).", "Intervals of 90 %.",
        "The company can move the contact.", "The advice moves the contact;",
        "The graph: the contact changes the purchase, in 95 % of the resampled data sets.",
        "(mailing) would be worth +0.50 EUR here", "its effect cannot be told from these data (grade X)",
    ):  # fmt: skip
        assert part in text, part


def test_the_french_page_has_no_english_left_in_it(letter: Letter) -> None:
    page = render_letter(replace(letter, language="fr"))
    text = text_of(page)
    assert '<html lang="fr">' in page
    for part in ("Le client C1 : pourquoi ce conseil ?", "Établi le 31/01/2025.", "+4,0 pts", "+1,0 à +7,0 pts",
                 "comparaison brute", "téléphone au sujet du produit P9", "demandes d’assistance", "60 %"):  # fmt: skip
        assert part in text, part
    english = {"the", "of", "to", "and", "what", "why", "customer", "other", "columns", "with", "worth", "about"}
    assert not english & set(re.findall(r"\w+", text.casefold()))
    assert not re.search(r"\d\.\d", text)


def test_the_naive_figure_is_shown_for_the_same_contact_only(letter: Letter) -> None:
    other = {**RECORD, "moves": [{"lever": "discount", "from": 0, "to": 0.1}]}
    text = text_of(render_letter(replace(letter, records=[other])))
    assert "naive comparison" not in text and "The effect with its interval." in text
    assert "beside the naive figure" not in text and "The last line is the mean over all customers" in text


def test_nothing_that_is_missing_breaks_the_page() -> None:
    bare = {"customer_id": 1, "moves": [], "reason": "no move shows a gain"}
    text = text_of(render_letter(Letter([bare], NAMES)))
    assert "Do nothing for customer 1: no move shows a gain" in text
    refused = render_letter(Letter([RECORD], NAMES, "en", {**TOLD, "causes": {}, "naive": None}))
    assert "does not let the contributions of the causes be told" in text_of(refused)


def test_many_customers_share_one_scale_and_are_compared() -> None:
    records = [
        {**RECORD, "customer_id": place, "effect": 0.01 * place, "net_value": place}
        for place in range(1, MOST_CARDS + 4)
    ]
    segments = [{"segment": "young", "customers": 2, "acting": 0.5, "lever": "treatment", "effect": 0.02, "low": 0.01,
                 "high": 0.03, "net_value": 2.0}]  # fmt: skip
    page = render_letter(Letter(records, NAMES, comparison=COMPARED, segments=segments))
    text = text_of(page)
    assert page.count('class="card advice"') == MOST_CARDS and "3 customers more are in the file" in text
    assert "one action for everybody (mailing)" in text and "+3.0 pts (+1.0 to +5.0 pts)" in text
    assert "young 50 % of 2 the contact" in text and "this advice 75 %" in text
    assert "Customer 15" in text and "Customer 1 " not in text, "those worth most are shown"


def test_hostile_names_stay_text() -> None:
    evil = "</style><script>alert(1)</script>"
    record = {**RECORD, "customer_id": evil, "offer": evil, "moves": [{"lever": evil, "from": evil, "to": evil}],
              "through": [f"{evil} -> outcome"], "blocked": {evil: evil}}  # fmt: skip
    told = {**TOLD, "customer": evil, "contributions": {evil: 1.0}, "causes": {evil: 1.0}}
    page = render_letter(Letter([record], NAMES, "en", told, [[{**AVOID[0][0], "column": evil}]], GRAPH))
    assert "<script" not in page and "alert(1)" in page


def test_the_drawing_takes_common_causes_and_puts_consequences_last() -> None:
    drawn = draw_path(GRAPH, RECORD["through"], {"support_tickets": "consequence"}, str)
    assert drawn is not None
    place = {line: node["x"] for node in drawn["nodes"] for _, _, line in node["lines"]}
    ordered = [place[name] for name in ("wealth", "treatment", "opened", "outcome", "support_tickets")]
    assert ordered == sorted(ordered)
    assert {node["part"] for node in drawn["nodes"]} == {"other", "treatment", "mediator", "outcome"}
    assert len(drawn["edges"]) == 6
    assert draw_path(GRAPH, [], {}, str) is None


@pytest.mark.parametrize(
    "through",
    [
        ["arm -> click -> buy", "discount -> buy"],
        ["arm -> open -> click -> visit -> buy", "arm -> buy", "discount -> visit -> buy", "price -> buy"],
        ["arm -> click -> visit -> buy", "discount -> open -> click -> buy"],
    ],
)
def test_no_arrow_runs_behind_a_box_that_it_does_not_join(through: list[str]) -> None:
    drawn = draw_path(CausalGraph(["buy"]), through, {"tickets": "consequence"}, str)
    assert drawn is not None
    boxes = [tuple(node[side] for side in ("x", "y", "width", "height")) for node in drawn["nodes"]]
    for edge in drawn["edges"]:
        points = trace(edge["way"])
        ends = {find_box(boxes, *point) for point in (points[0], points[-1])}
        assert len(ends) == 2 and -1 not in ends, "it starts and ends at boxes"
        assert {find_box(boxes, x, y) for x, y in points} <= ends | {-1}
    assert len({edge["way"] for edge in drawn["edges"]}) == len(drawn["edges"])


def find_box(boxes: list[tuple[float, ...]], x: float, y: float) -> int:
    """Place of the box that holds a point; -1 outside all."""
    inside = (left - 0.1 <= x <= left + width + 0.1 and top <= y <= top + height for left, top, width, height in boxes)
    return next((place for place, held in enumerate(inside) if held), -1)


def trace(way: str) -> list[tuple[float, float]]:
    """Points along an SVG path of level lines and cubic curves."""
    points: list[tuple[float, float]] = []
    for mark, rest in re.findall(r"([MHC])([^MHC]+)", way):
        given = [float(text) for text in rest.split()]
        if mark == "M":
            points.append((given[0], given[1]))
            continue
        x, y = points[-1]
        a, b, c, d, e, f = given if mark == "C" else (x, y, given[0], y, given[0], y)
        for t in (step / 20 for step in range(1, 21)):
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            points.append((sum(w * v for w, v in zip(weights, (x, a, c, e))),
                           sum(w * v for w, v in zip(weights, (y, b, d, f)))))  # fmt: skip
    return points


def test_the_same_letter_is_the_same_bytes_and_another_language_is_refused(letter: Letter, tmp_path: Path) -> None:
    first, second = (write_letter(tmp_path / name, letter).read_bytes() for name in ("a.html", "b.html"))
    assert first == second and b"://" not in first
    with pytest.raises(DataError, match="language is 'de'"):
        render_letter(replace(letter, language="de"))


def test_without_a_browser_it_is_said_how_to_get_one(
    letter: Letter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write_letter(tmp_path / "a.html", letter)
    monkeypatch.setenv("GRAPHREC_BROWSER", "no-such-browser")
    with pytest.raises(PrintError, match="apt install chromium"):
        print_pdf(page, tmp_path / "a.pdf")
    monkeypatch.setenv("GRAPHREC_BROWSER", "false")
    with pytest.raises(PrintError, match="could not print"):
        print_pdf(page, tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()


@pytest.mark.skipif(find_browser() is None, reason="no Chromium on this machine: nothing is printed")
def test_the_page_prints_on_two_sheets_of_a4(letter: Letter, tmp_path: Path) -> None:
    pdf = print_pdf(write_letter(tmp_path / "a.html", letter), tmp_path / "a.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) in (1, 2)
    boxes = {tuple(round(float(end)) for end in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", pdf)}
    assert boxes == {(0, 0, 595, 842)}
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".html", ".pdf")] == []
