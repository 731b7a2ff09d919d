"""The file as a whole: self-contained, safe, reproducible, and honest about what is missing."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphrec.report import Findings, ReportError, render_report, write_report
from graphrec.report.document import PAGES
from graphrec.report.outreach import TOP_ROWS

EVIL = "</script><script>alert(1)</script>"


class _Tags(HTMLParser):
    """Every tag with its attributes, and the texts outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open:
            self.texts.append(data)


def read(text: str) -> _Tags:
    parser = _Tags()
    parser.feed(text)
    return parser


def test_it_is_one_small_file_without_any_outside_address(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert len(text.encode()) < 3_000_000
    assert not re.findall(r"https?://\S+|(?:src|href)\s*=\s*[\"']?//\S+|@import|url\((?!#)", text)
    for tag, attributes in read(text).tags:
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,")), tag


def test_the_page_forbids_itself_to_load_anything(report: Path) -> None:
    policy = next(a["content"] for t, a in read(report.read_text()).tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "script-src 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_hostile_names_stay_text(evil_findings: Findings) -> None:
    text = render_report(evil_findings)
    assert EVIL not in text
    found = read(text)
    scripts = [attributes for tag, attributes in found.tags if tag == "script"]
    assert len(scripts) == 4  # the data, cytoscape, the graph and the pages
    assert not [a for _, attributes in found.tags for a in attributes if a.startswith("on")]
    assert any("alert(1)" in shown for shown in found.texts)


def test_every_page_says_what_is_missing_when_nothing_is_there() -> None:
    text = render_report(Findings())
    for key, title, _ in PAGES:
        assert f'id="{key}"' in text
        assert title in text
    for sentence in (
        "The market was not described",
        "There is no causal graph",
        "nothing may be claimed",
        "No contact plan was made",
        "No prescriptions were made",
        "No customer was explained",
    ):
        assert sentence in text
    assert "cytoscape" not in text.split("</style>")[1].split("Methods")[0]


@pytest.mark.parametrize("name", [field.name for field in fields(Findings) if field.name not in ("title", "ladders")])
def test_each_part_may_be_missing(findings: Findings, name: str) -> None:
    empty = "" if isinstance(getattr(findings, name), str) else None
    assert render_report(replace(findings, **{name: empty}))


def test_the_same_findings_give_the_same_bytes(findings: Findings, report: Path) -> None:
    assert render_report(findings).encode() == report.read_bytes()


def test_only_customers_to_act_on_are_named(findings: Findings, report: Path) -> None:
    text = report.read_text()
    assert findings.plan is not None and findings.scores is not None
    top = findings.plan.outgoing.sort_values("net_value", ascending=False).head(TOP_ROWS)["customer_id"]
    named = {*top, *(record["customer_id"] for record in findings.prescriptions), findings.explanation["customer"]}
    others = set(findings.scores["customer_id"]) - named
    assert others
    assert not others & set(re.findall(r"\bC\d+\b", text))


def test_a_file_appears_whole_or_not_at_all(
    findings: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "folder" / "report.html"
    assert write_report(target, Findings(title="first")) == target

    def fail(self: Path, other: object) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(target, findings)
    assert "first" in target.read_text()
    assert list(target.parent.iterdir()) == [target]


def test_a_part_of_the_wrong_kind_is_refused_by_name() -> None:
    with pytest.raises(ReportError, match="scores is a list"):
        Findings(scores=[1])  # type: ignore[arg-type]
    with pytest.raises(ReportError, match="model is a str without panel"):
        Findings(model="a model")  # type: ignore[arg-type]
    with pytest.raises(ReportError, match="a prescription is a int"):
        Findings(prescriptions=[3])
    with pytest.raises(ReportError, match="ladders is a list"):
        Findings(ladders=["call"])  # type: ignore[arg-type]
