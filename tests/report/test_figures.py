"""Laws of scales, layouts and words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.report.embedding import script_json
from graphrec.report.figures import Axis, dot_chart, histogram, waterfall
from graphrec.report.layout import NODE_HEIGHT, place_nodes, wrap_label
from graphrec.report.reasons import explain_block, explain_left_out, explain_reason, explain_rule
from graphrec.report.wording import POINTS, RAW, listing, money, percent

numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_an_axis_holds_its_values_in_order(values: list[float]) -> None:
    axis = Axis.around(values)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 11
    assert all(axis.low <= tick + 1e-6 * abs(tick) and tick - 1e-6 * abs(tick) <= axis.high for tick in ticks)


@given(st.lists(st.tuples(numbers, st.booleans()), max_size=60))
def test_a_histogram_loses_nothing(pairs: list[tuple[float, bool]]) -> None:
    drawn = histogram([v for v, _ in pairs], [c for _, c in pairs], RAW)
    counted = [int(bar.text.rsplit(": ", 1)[1].split(" in the plan")[0].rsplit(", ", 1)[0]) for bar in drawn.bars]
    assert sum(counted) == len(pairs)


@given(st.floats(-5, 5), st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_a_waterfall_sums_to_the_prediction(base: float, parts: list[float]) -> None:
    chart = waterfall(base, [(f"c{i}", value) for i, value in enumerate(parts)], RAW, limit=5)
    assert len(chart.rows) == min(len(parts), 5) + (len(parts) > 5) + 2
    assert chart.rows[-1].text == RAW.bare(base + sum(parts)) or abs(base + sum(parts)) < 1e-3


def test_a_dot_chart_is_sorted_and_marks_what_is_out_of_balance() -> None:
    chart = dot_chart(["a", "b"], [0.2, -0.9], [0.05, 0.3], 0.1)
    assert [row.label for row in chart.rows] == ["b", "a"]
    assert [row.style for row in chart.rows] == ["over", "adjusted"]


@given(st.integers(1, 40), st.integers(0, 10_000))
def test_no_two_nodes_overlap(count: int, seed: int) -> None:
    labels = {f"n{i}": wrap_label("some longer name of a column"[: 4 + (i * seed) % 24]) for i in range(count)}
    tiers = {name: (i * seed) % 5 for i, name in enumerate(labels)}
    edges = [(f"n{i}", f"n{(i * 7 + seed) % count}") for i in range(count) if (i * 7 + seed) % count != i]
    placed = place_nodes(labels, tiers, edges)
    boxes = [(x, y, placed.widths[name]) for name, (x, y) in placed.positions.items()]
    for i, (x, y, width) in enumerate(boxes):
        for other_x, other_y, other_width in boxes[i + 1 :]:
            apart = abs(x - other_x) >= (width + other_width) / 2 - 0.2 or abs(y - other_y) >= NODE_HEIGHT
            assert apart
    for name, (x, _) in placed.positions.items():
        band = next(band for band in placed.bands if band.tier == tiers[name])
        assert band.left <= x - placed.widths[name] / 2 and x + placed.widths[name] / 2 <= band.right


def test_earlier_tiers_stand_left_and_the_drawing_is_always_the_same() -> None:
    labels = {name: name for name in ("age", "spend", "contact", "buys")}
    tiers = {"age": 0, "spend": 1, "contact": 2, "buys": 6}
    edges = [("age", "buys"), ("contact", "buys")]
    placed = place_nodes(labels, tiers, edges)
    assert sorted(labels, key=lambda name: placed.positions[name][0]) == ["age", "spend", "contact", "buys"]
    assert placed == place_nodes(labels, tiers, edges)


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_embedded_json_cannot_leave_its_element(value: object) -> None:
    text = str(script_json(value))
    assert not set("<>&\u2028\u2029") & set(text)
    json.loads(text, parse_constant=lambda name: pytest.fail(name))


def test_embedded_text_comes_back_as_it_was() -> None:
    value = {"</script>": "<!--", "n": [1, 0.5, None, True]}
    assert json.loads(script_json(value)) == value


def test_reasons_are_said_in_plain_english() -> None:
    rule = "Trait cannotCause Trait: it is so (source: time; m.owl, line 3)"
    assert explain_rule(rule) == "It is so. (Rule: Trait cannot cause Trait; source: time; m.owl, line 3)"
    assert explain_reason(f"b -> a is ruled out: forbidden (by: {rule})").startswith("Only this direction is possible.")
    assert explain_reason(f"required (by: {rule})").startswith("Known beforehand")
    assert explain_reason("clicked -> opened is ruled out: clicked (tier 4) comes after opened (tier 3)").endswith(
        "nothing later causes anything earlier."
    )
    assert explain_reason("an unknown text") == "An unknown text."
    assert explain_left_out("net value not above 0").startswith("The contact does not pay")
    assert explain_left_out("something else") == "Something else."
    assert explain_block("past_spend", "past_spend (PastSpend) has already happened") == "It has already happened."


def test_figures_are_rounded_alike_at_both_ends() -> None:
    assert POINTS.interval(-0.002, 0.1058) == "−0.2 to +10.6 pts"
    assert POINTS.signed(float("nan")) == "–"
    assert POINTS.signed(0.0) == "0 pts"
    assert RAW.signed(1234.5) == "+1,234"
    assert percent(0.99999) == "> 99.9 %"
    assert money(-12.345, "EUR") == "−12.35 EUR" or money(-12.345, "EUR") == "−12.34 EUR"
    assert listing(["a", "b"]) == "a and b"
