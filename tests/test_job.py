"""What makes an earlier model fit for use again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.recommender import RecommenderConfig
from graphrec.job import _explanation, _fingerprint

OWN = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
         xmlns:owl="http://www.w3.org/2002/07/owl#" xml:base="urn:test">
<owl:Ontology rdf:about="urn:test"><owl:imports rdf:resource="urn:graphrec:marketing"/></owl:Ontology>
<owl:Class rdf:about="#Insolvency"><rdfs:subClassOf rdf:resource="urn:graphrec:marketing#CreditRisk"/></owl:Class>
</rdf:RDF>
"""


def test_the_fingerprint_changes_with_data_settings_seed_and_ontology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "data", tmp_path / "data" / "out"
    target.mkdir(parents=True)
    (source / "events.csv").write_text("a,b\n1,2\n")
    config = RecommenderConfig()
    seen = [_fingerprint(source, target, config, 0)]
    (target / "report.html").write_text("what a run writes does not count")
    assert _fingerprint(source, target, config, 0) == seen[0]
    seen.append(_fingerprint(source, target, config, 1))
    seen.append(_fingerprint(source, target, RecommenderConfig(horizon_days=14), 0))
    own = tmp_path / "own.owl"
    own.write_text(OWN)
    monkeypatch.setenv("GRAPHREC_ONTOLOGY", str(own))
    seen.append(_fingerprint(source, target, config, 0))
    (source / "events.csv").write_text("a,b\n1,3\n")
    seen.append(_fingerprint(source, target, config, 0))
    assert len(set(seen)) == len(seen)


def test_the_contact_that_is_explained_is_the_one_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = pd.DataFrame({"customer_id": ["a", "a", "b"], "rank": [1, 2, 1], "channel": ["call", "mail", "call"]})
    plan, support = SimpleNamespace(outgoing=scores.iloc[[1]]), SimpleNamespace(scores=scores)
    monkeypatch.setattr("graphrec.job.explain_customer", lambda model, customer, rows, rng: rows["channel"].tolist())
    rng = np.random.default_rng(0)
    assert _explanation(None, plan, support, ["a"], rng) == ["mail"]
    assert _explanation(None, plan, support, ["b"], rng) == ["call", "mail", "call"]
