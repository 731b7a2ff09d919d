"""Every command as a user runs it: on a small simulated market, in a process of its own where it matters."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import graphrec
from causal import CausalGraph
from graphrec import cli

PRODUCED = {
    "graph.json", "model", "plan.parquet", "prescriptions.jsonl", "recommendations.parquet", "report.html"
}  # fmt: skip
CUSTOMERS = 100
SCORES = {
    "customer_id", "rank", "product_id", "channel", "slot", "p_organic", "p_contact", "uplift", "uplift_low",
    "uplift_high", "value", "cost", "net_value", "grade",
}  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """The summary, which must be all there is on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Call = Callable[..., Ended]


def _environment() -> dict[str, str]:
    quiet = {name: text for name, text in os.environ.items() if name != "GRAPHREC_DEBUG"}
    return quiet | {"OMP_NUM_THREADS": "1"}


def spawn(*words: object) -> Ended:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "graphrec.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=_environment())
    return Ended(done.returncode, done.stdout, done.stderr)


def run_here(*words: object) -> None:
    """Run a command in this process for a fixture; it must end well."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("GRAPHREC_DEBUG", raising=False)
        patched.setattr(sys, "argv", ["graphrec", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in this process; what it prints at any level is caught."""
    monkeypatch.delenv("GRAPHREC_DEBUG", raising=False)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["graphrec", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capfd.readouterr()
        code = end.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small market, written by the command itself."""
    out = tmp_path_factory.mktemp("cli") / "market"
    run_here("simulate", out, "--customers", CUSTOMERS, "--products", 16, "--periods", 6, "--bad-control")
    return out


@pytest.fixture(scope="module")
def graph(market: Path) -> Path:
    """Its causal graph."""
    out = market.parent / "graph.json"
    run_here("discover", market, "--out", out, "--bootstraps", 2)
    return out


@pytest.fixture(scope="module")
def model(market: Path, graph: Path) -> Path:
    """A model trained on it with that graph; `run` and the market of one channel find theirs themselves."""
    out = market.parent / "model"
    run_here("train", market, "--graph", graph, "--out", out)
    return out


@pytest.fixture(scope="module")
def scores(model: Path) -> Path:
    """Its recommendations."""
    out = model.parent / "recommendations.parquet"
    run_here("score", model, "--out", out, "--n", 5)
    return out


def refused(done: Ended) -> str:
    """The one line that a user error is; a run may have said before it which step it is in."""
    assert done.code == 2, (done.code, done.err)
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if not line.startswith(("[1/9] ", "  "))]
    assert len(lines) == 1, done.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.err
    return lines[0]


def tree(folder: Path) -> set[str]:
    """Everything under a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def damaged(market: Path, into: Path, change: Callable[[Path], object]) -> Path:
    """A copy of the market with something broken."""
    shutil.copytree(market, into)
    change(into)
    return into


# --- what each command leaves -------------------------------------------------------------------------------------


def test_simulate_writes_a_market_that_check_reads(market: Path, call: Call) -> None:
    assert {"market.toml", "customers.parquet", "solicitations.parquet", "truth_sample.parquet"} <= tree(market)
    done = call("check", market, "--json")
    assert done.code == 0, done.err
    assert "customers" in done.facts["tables"]
    text = call("check", market)
    assert text.code == 0
    assert str(CUSTOMERS) in text.out


def test_simulate_refuses_a_folder_that_holds_files(market: Path, call: Call) -> None:
    before = tree(market)
    assert "not an empty folder" in refused(call("simulate", market, "--customers", 10, "--products", 5))
    assert tree(market) == before


def test_simulate_refuses_numbers_out_of_range(tmp_path: Path, call: Call) -> None:
    assert "randomised" in refused(call("simulate", tmp_path / "m", "--randomised", 2))
    assert tree(tmp_path) == set()


def test_panel_writes_contacted_rows_and_controls(market: Path, tmp_path: Path, call: Call) -> None:
    done = call("panel", market, "--out", tmp_path / "deep" / "panel.parquet", "--json")
    assert done.code == 0, done.err
    frame = pd.read_parquet(tmp_path / "deep" / "panel.parquet")
    assert len(frame) == done.facts["rows"]
    assert set(frame["treatment"]) == {"none", "email", "call", "mailing"}
    assert tree(tmp_path) == {"deep", "deep/panel.parquet"}


def test_discover_writes_a_graph_that_train_takes(graph: Path, model: Path) -> None:
    found, used = (json.loads(path.read_text()) for path in (graph, next(model.rglob("graph.json"))))
    assert "treatment" in found["nodes"] and found["edges"]
    assert used["edges"] == found["edges"], "the graph that was given is the one that was used"


def test_train_and_score_write_what_the_next_command_reads(model: Path, scores: Path) -> None:
    assert {"recommender.json", "graph.json", "panel.parquet"} <= {path.name for path in model.rglob("*")}
    assert not [name for name in tree(model.parent) if name.endswith((".part", ".pkl", ".pt"))]
    frame = pd.read_parquet(scores)
    assert set(frame) >= SCORES
    assert frame["customer_id"].nunique() == CUSTOMERS
    assert len(frame) == CUSTOMERS * 5
    best = frame.sort_values(["customer_id", "rank"]).groupby("customer_id")["uplift"]
    assert (best.diff().dropna() <= 1e-12).all()


def test_score_can_rank_by_money(model: Path, tmp_path: Path, call: Call) -> None:
    done = call("score", model, "--out", tmp_path / "s.parquet", "--by", "net_value", "--n", 3)
    assert done.code == 0, done.err
    frame = pd.read_parquet(tmp_path / "s.parquet")
    best = frame.sort_values(["customer_id", "rank"]).groupby("customer_id")["net_value"]
    assert (best.diff().dropna() <= 1e-9).all()
    assert "by is 'luck'" in refused(call("score", model, "--out", tmp_path / "t.parquet", "--by", "luck"))


def test_plan_keeps_to_its_policy(market: Path, scores: Path, tmp_path: Path, call: Call) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text("max_contacts_per_customer = 1\nrequire_consent = true\n[channel_capacity]\nemail = 7\ncall = 3\n")
    done = call("plan", scores, "--policy", rules, "--data", market, "--out", tmp_path / "plan.parquet", "--json")
    assert done.code == 0, done.err
    contacts = pd.read_parquet(tmp_path / "plan.parquet")
    assert done.facts["contacts"] == len(contacts) > 0
    assert contacts["customer_id"].is_unique
    used = contacts["channel"].value_counts()
    assert used.get("email", 0) <= 7
    assert used.get("call", 0) <= 3
    assert done.facts["value"] <= done.facts["bound"] + 1e-9


def test_prescribe_writes_one_line_for_each_customer(market: Path, model: Path, tmp_path: Path, call: Call) -> None:
    customer = pd.read_parquet(market / "customers.parquet")["customer_id"].iloc[0]
    done = call("prescribe", model, "--customer", customer, "--out", tmp_path / "p.jsonl", "--json")
    assert done.code == 0, done.err
    lines = (tmp_path / "p.jsonl").read_text().splitlines()
    assert len(lines) == done.facts["prescriptions"] >= 1
    assert {str(json.loads(line)["customer_id"]) for line in lines} == {str(customer)}


def test_prescribe_sums_up_everybody_under_a_budget(market: Path, model: Path, tmp_path: Path, call: Call) -> None:
    words = ["--everybody", "--budget", 5, "--by", "age", "--language", "fr", "--report", tmp_path / "p.html"]
    done = call("prescribe", model, *words, "--out", tmp_path / "p.jsonl", "--json")
    assert done.code == 0, done.err
    facts = done.facts
    assert facts["prescriptions"] == CUSTOMERS and 0 < facts["advised"] < CUSTOMERS
    assert facts["cost"] <= 5
    assert {row["rule"] for row in facts["compared"]} == {"do nothing", "best constant action", "advice"}
    assert sum(row["customers"] for row in facts["segments"]) == CUSTOMERS
    assert "searching moves" in done.err and all("le client" in text for text in facts["sentences"])
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in page and "://" not in page
    assert tree(tmp_path) == {"p.html", "p.jsonl"}


def test_a_segment_is_chosen_by_a_column(market: Path, model: Path, tmp_path: Path, call: Call) -> None:
    people = pd.read_parquet(market / "customers.parquet")
    size = str(people["household_size"].iloc[0])
    done = call("prescribe", model, "--segment", f"household_size={size}", "--out", tmp_path / "p.jsonl", "--json")
    assert done.code == 0, done.err
    assert done.facts["prescriptions"] == (people["household_size"].astype(str) == size).sum()


def test_explain_says_why_in_both_languages(market: Path, model: Path, tmp_path: Path, call: Call) -> None:
    customer = pd.read_parquet(market / "customers.parquet")["customer_id"].iloc[3]
    english = call("explain", customer, "--model", model, "--report", tmp_path / "e.html")
    assert english.code == 0, english.err
    assert f"customer {customer}" in english.out and "What the model looks at" in english.out
    assert "reading the model" in english.err and "<html" in (tmp_path / "e.html").read_text(encoding="utf-8")
    french = call("explain", customer, "--model", model, "--language", "fr", "--json")
    assert f"le client {customer}" in french.facts["sentence"]
    assert french.facts["explanation"]["contributions"]
    assert tree(tmp_path) == {"e.html"}


def test_explain_without_a_customer_speaks_of_the_model(model: Path, call: Call) -> None:
    found = call("explain", "--model", model, "--json").facts
    assert found["importance"] and found["method"] == "shap"
    segments = call("explain", "--model", model, "--by", "age", "--json").facts["segments"]
    assert 2 <= len(segments) <= 4


WRONG = {
    "an unknown customer": (["explain", "nobody"], "1 customer(s) are not known: 'nobody'; take"),
    "an unknown language": (["explain", "C001", "--language", "de"], "language is 'de'"),
    "an unknown method": (["explain", "--method", "tarot"], "choose one of shap"),
    "an unknown channel": (["explain", "--channel", "pigeon"], "was not learned"),
    "a page of nobody": (["explain", "--report", "p.html"], "name a CUSTOMER"),
    "segments of one customer": (["explain", "C001", "--by", "age"], "leave CUSTOMER out"),
    "an unknown column": (["explain", "--by", "shoe_size"], "no column 'shoe_size'"),
    "two choices at once": (["prescribe", "--everybody", "--segment", "age=30"], "exclude each other"),
    "no value of a segment": (["prescribe", "--segment", "age"], "COLUMN=VALUE"),
    "an empty segment": (["prescribe", "--segment", "household_size=99"], "no customer has household_size"),
    "a negative budget": (["prescribe", "--budget", "-1"], "--budget is -1"),
    "a negative seed": (["prescribe", "--seed", "-1"], "--seed is -1"),
    "a file that is no graph": (["prescribe", "--graph", "list.json"], "list.json is no causal graph"),
    "no customers": (["prescribe", "--n", "0"], "--n is 0"),
    "a graph of other data": (["prescribe", "--graph", "other.json"], "the graph belongs to other data"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_is_one_line_and_leaves_nothing(
    case: str, model: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, said = WRONG[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text(CausalGraph(["rain", "umbrella"], [("rain", "umbrella")]).to_json())
    (tmp_path / "list.json").write_text("[1, 2]")
    named = ["--model", model] if words[0] == "explain" else []
    place = [model] if words[0] == "prescribe" else []
    assert said in refused(call(words[0], *place, *words[1:], *named))
    assert tree(tmp_path) == {"list.json", "other.json"}


def test_without_a_browser_the_pdf_is_refused_before_the_work(
    model: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHREC_BROWSER", "no-such-browser")
    line = refused(call("explain", "C001", "--model", model, "--pdf", tmp_path / "e.pdf"))
    assert "apt install chromium" in line
    assert tree(tmp_path) == set()


def test_report_is_one_offline_page(market: Path, model: Path, tmp_path: Path, call: Call) -> None:
    done = call("report", market, model, "--out", tmp_path / "report.html", "--json")
    assert done.code == 0, done.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html")
    assert 'src="http' not in page
    assert 'rel="stylesheet" href="http' not in page
    assert tree(tmp_path) == {"report.html"}


@pytest.mark.slow
def test_evaluate_judges_a_model_on_customers_left_out(model: Path, tmp_path: Path, call: Call) -> None:
    done = call("evaluate", model, "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out, parse_constant=pytest.fail)
    assert set(facts["grades"].values()) <= set("ABCX")
    low, high = facts["guard"]["interval"]
    assert low <= facts["guard"]["difference"] <= high
    low, high = facts["calibration"]["interval"]
    assert low <= facts["calibration"]["slope"] <= high
    assert tree(tmp_path) == set()
    assert "recommender.json" in refused(call("evaluate", tmp_path))


# --- the whole line -----------------------------------------------------------------------------------------------


def _hear_interrupts() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _until(step: str, *words: object) -> str:
    """Start a command, interrupt it when it says a step, and give what it said then."""
    command = [sys.executable, "-m", "graphrec.cli", *map(str, words)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        preexec_fn=_hear_interrupts,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("[") and step in line:
                break
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        _, rest = running.communicate(timeout=120)
    assert running.returncode == 130, rest
    return rest


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_run_interrupted_at_every_stage_ends_in_the_bytes_of_one_that_was_not(market: Path, tmp_path: Path) -> None:
    whole = spawn("run", market, "--out", tmp_path / "whole", "--seed", 3, "--plantings", 1)
    assert whole.code == 0, whole.err
    assert {path.name for path in (tmp_path / "whole").iterdir()} == PRODUCED
    assert "[1/9]" in whole.err and "[9/9]" in whole.err and "searched for planted effects" in whole.err
    assert "[1/9]" not in whole.out
    out = tmp_path / "torn"
    words = ["run", market, "--out", out, "--seed", 3]
    for step, plantings in (("Searching", 1), ("Fitting", 0), ("Scoring", 0)):
        rest = _until(step, *words, "--plantings", plantings)
        assert "interrupted" in rest
        assert "Traceback" not in rest
        assert not list(tmp_path.rglob("*.part"))
    done = spawn(*words, "--plantings", 0, "--json")
    assert done.code == 0, done.err
    assert done.facts["resumed"], "the model was whole before the last interruption"
    assert set(done.facts["files"]) == {path.name for path in out.iterdir()} == PRODUCED
    for name in ("recommendations.parquet", "plan.parquet", "prescriptions.jsonl", "graph.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes(), name
    best = graphrec.load_recommender(out / "model").recommend(n=1, by="net_value")
    given = pd.read_parquet(out / "recommendations.parquet")
    both = best.merge(given, on=["customer_id", "product_id", "channel"])
    assert len(both) == len(best), "a plan has the most valuable contact of each customer to choose from"


# --- what a user gets wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "panel", "discover", "train", "run"])
def test_a_missing_folder_is_one_line(command: str, tmp_path: Path, call: Call) -> None:
    words = [] if command == "check" else ["--out", tmp_path / "out"]
    assert "nowhere" in refused(call(command, tmp_path / "nowhere", *words))
    assert tree(tmp_path) == set()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_folder_without_a_manifest_is_told_what_to_write(command: str, tmp_path: Path, call: Call) -> None:
    (tmp_path / "data").mkdir()
    words = [] if command == "check" else ["--out", tmp_path / "out"]
    assert "market.toml" in refused(call(command, tmp_path / "data", *words))
    assert tree(tmp_path) == {"data"}


def _drop_column(folder: Path) -> None:
    table = pd.read_parquet(folder / "solicitations.parquet")
    table.drop(columns="channel").to_parquet(folder / "solicitations.parquet")


def _truncate(folder: Path) -> None:
    path = folder / "events.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scribble(folder: Path) -> None:
    (folder / "market.toml").write_text("time_zone = [\n")


def _remove(folder: Path) -> None:
    (folder / "customers.parquet").unlink()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_drop_column, ("solicitations", "channel")),
        (_truncate, ("events.parquet",)),
        (_scribble, ("market.toml",)),
        (_remove, ("customers.parquet",)),
    ],
)
@pytest.mark.parametrize("command", ["check", "train"])
def test_unusable_data_are_named(
    command: str, change: Callable[[Path], None], names: tuple[str, ...], market: Path, tmp_path: Path, call: Call
) -> None:
    data = damaged(market, tmp_path / "data", change)
    before = tree(tmp_path)
    words = [] if command == "check" else ["--out", tmp_path / "out", "--json"]
    line = refused(call(command, data, *words))
    assert all(name in line for name in names), line
    assert tree(tmp_path) == before


def _replace(table: str, **columns: object) -> Callable[[Path], None]:
    """Break a table of the folder: the same value in every row of a column."""

    def change(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        pd.read_parquet(path).assign(**columns).to_parquet(path)

    return change


def _keep(table: str, rows: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        rows(pd.read_parquet(path)).to_parquet(path)

    return change


def _contact_everybody(folder: Path) -> None:
    sent = pd.read_parquet(folder / "solicitations.parquet")
    people = pd.read_parquet(folder / "customers.parquet")[["customer_id"]]
    every = (
        sent.iloc[len(sent) // 2 :].drop_duplicates("product_id").drop(columns="customer_id").merge(people, how="cross")
    )
    every.assign(solicitation_id=range(len(every))).to_parquet(folder / "solicitations.parquet")


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "unknown event type": (_replace("events", event_type="teleport"), "event_type is not one of view"),
    "future events": (_replace("events", event_time=pd.Timestamp("2999-01-01", tz="UTC")), "lies in the future"),
    "unreadable times": (_replace("solicitations", sent_at="soon"), "sent_at cannot be read as a time"),
    "duplicate ids": (_keep("customers", lambda table: pd.concat([table, table])), "customer_id occurs twice"),
    "unknown customers": (_replace("solicitations", customer_id="Mallory Smith"), "customer_id is not in customers"),
    "empty table": (_keep("customers", lambda table: table.head(0)), "customers is empty"),
    "no contacts": (_keep("solicitations", lambda table: table.head(0)), "solicitations is empty"),
    "contacts long ago": (_replace("solicitations", sent_at=pd.Timestamp("2001-01-01", tz="UTC")), "no contacted rows"),
    "no purchase": (_keep("events", lambda table: table[table["event_type"] != "purchase"]), "nobody bought"),
    "no controls": (_contact_everybody, "there are no controls"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_market_is_one_line_without_a_name_and_leaves_nothing(
    case: str, market: Path, tmp_path: Path, call: Call
) -> None:
    change, words = BROKEN[case]
    people = pd.read_parquet(market / "customers.parquet")["customer_id"]
    data = damaged(market, tmp_path / "data", change)
    before = tree(tmp_path)
    line = refused(call("train", data, "--out", tmp_path / "out", "--json"))
    assert words in line
    assert not [name for name in (*people, "Mallory") if name in line]
    assert tree(tmp_path) == before


def test_a_few_bad_rows_are_counted_and_set_aside(market: Path, tmp_path: Path, call: Call) -> None:
    data = damaged(market, tmp_path / "data", _break_a_few_rows)
    found = call("check", data, "--json").facts["bad_rows"]
    assert found["events"]["event_type is not one of view, cart, remove_from_cart, purchase, visit, open, click, "
                           "redeem, unsubscribe"] == 2  # fmt: skip
    assert found["events"]["event_time lies in the future"] == 3
    assert found["solicitations"]["customer_id is not in customers"] == 2
    assert found["customers"]["customer_id occurs twice (the first row is kept)"] == 1


def _break_a_few_rows(folder: Path) -> None:
    events = pd.read_parquet(folder / "events.parquet")
    events.loc[events.index[:2], "event_type"] = "teleport"
    events.loc[events.index[5:8], "event_time"] = pd.Timestamp("2999-01-01", tz="UTC")
    events.to_parquet(folder / "events.parquet")
    sent = pd.read_parquet(folder / "solicitations.parquet")
    sent.loc[sent.index[:2], "customer_id"] = "Mallory Smith"
    sent.to_parquet(folder / "solicitations.parquet")
    _keep("customers", lambda table: pd.concat([table, table.head(1)]))(folder)


@pytest.mark.slow
def test_one_channel_and_constant_columns_are_no_reason_to_stop(market: Path, tmp_path: Path, call: Call) -> None:
    def change(folder: Path) -> None:
        _replace("solicitations", channel="email")(folder)
        _replace("products", price=5.0, category="all", brand="one")(folder)
        _replace("customers", wealth=1.0, age=40)(folder)

    data = damaged(market, tmp_path / "data", change)
    done = call("train", data, "--out", tmp_path / "model", "--json")
    assert done.code == 0, done.err
    assert set(done.facts["grades"]) == {"email"}


def test_a_policy_for_an_unknown_channel_is_refused(scores: Path, tmp_path: Path, call: Call) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text("[channel_capacity]\nfax = 3\n")
    line = refused(call("plan", scores, "--policy", rules, "--out", tmp_path / "plan.parquet"))
    assert "fax" in line
    assert "email" in line
    assert tree(tmp_path) == {"policy.toml"}


@pytest.mark.parametrize("text", ["max_contacts = 1\n", "budget = -1\n", "budget = [\n"])
def test_a_policy_that_makes_no_sense_is_refused(text: str, scores: Path, tmp_path: Path, call: Call) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text(text)
    refused(call("plan", scores, "--policy", rules, "--out", tmp_path / "plan.parquet"))
    assert tree(tmp_path) == {"policy.toml"}


def test_a_consent_rule_needs_the_market(scores: Path, tmp_path: Path, call: Call) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text("require_consent = true\n")
    assert "consent" in refused(call("plan", scores, "--policy", rules, "--out", tmp_path / "plan.parquet"))
    assert tree(tmp_path) == {"policy.toml"}


def test_scores_that_are_no_table_are_refused(tmp_path: Path, call: Call) -> None:
    (tmp_path / "s.parquet").write_text("customer_id,rank\n")
    assert "s.parquet" in refused(call("plan", tmp_path / "s.parquet", "--out", tmp_path / "plan.parquet"))
    assert "absent" in refused(call("plan", tmp_path / "absent.parquet", "--out", tmp_path / "plan.parquet"))
    assert tree(tmp_path) == {"s.parquet"}


def test_a_plan_makes_no_folder_and_names_the_file_that_is_missing(scores: Path, tmp_path: Path, call: Call) -> None:
    plan, nowhere = tmp_path / "plan.parquet", tmp_path / "nowhere"
    assert f"no folder {nowhere}" in refused(call("plan", scores, "--out", nowhere / "x.parquet"))
    assert f"no folder {nowhere}" in refused(call("plan", scores, "--out", plan, "--report", nowhere / "x.html"))
    assert "is a folder" in refused(call("plan", scores, "--out", tmp_path))
    for words in ([scores, "--policy", tmp_path / "nope.toml"], [tmp_path / "nope.parquet"]):
        line = refused(call("plan", *words, "--out", plan))
        assert "there is no file" in line
        assert "nope" in line
        assert "Errno" not in line
    assert tree(tmp_path) == set()


@pytest.mark.parametrize("command", ["simulate", "panel", "discover", "train", "score", "plan", "prescribe", "run"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    command: str, market: Path, model: Path, scores: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "file").write_text("kept")
    place = tmp_path / "file" / "deep" / "out"
    source = {"score": model, "prescribe": model, "plan": scores}.get(command, market)
    words = [place, "--customers", 10] if command == "simulate" else [source, "--out", place]
    assert "file" in refused(call(command, *words))
    assert (tmp_path / "file").read_text() == "kept"


def test_a_negative_number_of_plantings_is_refused(market: Path, tmp_path: Path, call: Call) -> None:
    line = refused(call("run", market, "--out", tmp_path / "out", "--plantings", -1))
    assert "plantings is -1" in line
    assert tree(tmp_path) == set()


def test_an_unknown_grain_is_refused_before_the_tables_are_read(tmp_path: Path, call: Call) -> None:
    line = refused(call("run", tmp_path / "nowhere", "--out", tmp_path / "out", "--offer", "shop"))
    assert "offer is 'shop'" in line
    assert tree(tmp_path) == set()


def test_an_unknown_customer_gets_no_prescription(model: Path, tmp_path: Path, call: Call) -> None:
    done = call("prescribe", model, "--customer", "nobody", "--out", tmp_path / "p.jsonl")
    refused(done)
    assert tree(tmp_path) == set()


@pytest.mark.parametrize(
    "pattern",
    ["recommender.json", "graph.json", "panel.parquet", "effects.json", "effects-*.safetensors", "*.lightgbm.txt",
     "events.parquet", "appetite.json"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["truncated", "removed"])
def test_a_damaged_model_is_refused(pattern: str, how: str, model: Path, tmp_path: Path, call: Call) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    victims = sorted(copy.rglob(pattern))
    assert victims, tree(copy)
    if how == "removed":
        victims[0].unlink()
    else:
        victims[0].write_bytes(victims[0].read_bytes()[: victims[0].stat().st_size // 3])
    line = refused(call("score", copy, "--out", tmp_path / "s.parquet"))
    assert str(tmp_path) in line
    assert not (tmp_path / "s.parquet").exists()


def test_no_model_there_is_said(tmp_path: Path, call: Call) -> None:
    assert "recommender.json" in refused(call("score", tmp_path, "--out", tmp_path / "s.parquet"))
    assert tree(tmp_path) == set()


def test_an_unknown_command_or_option_is_exit_code_2(call: Call) -> None:
    for words in (["dance"], ["check"], ["run", "--luck"]):
        done = call(*words)
        assert done.code == 2
        assert "Traceback" not in done.err
    assert call("--help").code == 0
