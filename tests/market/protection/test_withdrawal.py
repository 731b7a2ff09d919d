"""An erasure by raw identifier, through database, features, plan and a real saved model with embeddings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.market.clickstream.database import open_events
from graphrec.market.clickstream.eventformat import EventFormat
from graphrec.market.clickstream.loading import ingest_events
from graphrec.market.features import compute_features, write_features
from graphrec.market.privacy import PseudonymKey, erase_customer, needs_retraining
from graphrec.market.tables import DataError, Market

KEY = PseudonymKey(bytes(range(32)))
COLUMNS = {name: name for name in ("event_time", "event_type", "customer_id", "product_id", "price")}


def under_pseudonyms(market: Market) -> Market:
    """The market as it is known inside: no raw identifier."""
    tables = {}
    for name in ("customers", "solicitations", "events", "consents", "feedback"):
        table = getattr(market, name)
        tables[name] = table.assign(customer_id=[KEY.customer(str(raw)) for raw in table["customer_id"]])
    return Market.from_frames(**tables, products=market.products, roles=dict(market.roles))


@pytest.mark.slow
def test_nothing_made_of_the_customer_is_left(tmp_path: Path) -> None:
    made = graphrec.simulate_market(customers=50, products=6, periods=4, rng=0)
    raw, graph = made.market, made.truth.graph
    shop = raw.events[raw.events["event_type"].isin(["view", "cart", "purchase"])]
    shop[[*COLUMNS]].to_csv(tmp_path / "events.csv", index=False)
    now = datetime(2100, 1, 1, tzinfo=UTC)
    layout = EventFormat(COLUMNS)
    ingest_events([tmp_path / "events.csv"], tmp_path / "shop.duckdb", key=KEY, layout=layout, now=now, threads=1)
    out, market = tmp_path / "out", under_pseudonyms(raw)
    model = graphrec.Recommender(graphrec.RecommenderConfig(appetite="blend")).fit(market, graph=graph, rng=0)
    model.save(out / "model")
    scores = model.recommend(n=3)
    scores.to_parquet(out / "recommendations.parquet")
    graphrec.allocate(scores, graphrec.ContactPolicy(max_contacts_per_customer=1), rng=0).contacts.to_parquet(
        out / "plan.parquet"
    )
    with open_events(tmp_path / "shop.duckdb", key=KEY) as opened:
        write_features(opened, out / "features.parquet")
    user = str(shop["customer_id"].value_counts().index[0])
    pseudonym = KEY.customer(user)
    assert (pd.read_parquet(out / "plan.parquet")["customer_id"] == pseudonym).any()
    # Vectors without a table name nobody: they go with every erasure.
    vectors = next((out / "model").rglob("encoder.json")).parent
    (out / "vectors").mkdir()
    for file in vectors.glob("encoder*"):
        (out / "vectors" / file.name).write_bytes(file.read_bytes())
    done = erase_customer(tmp_path / "shop.duckdb", user, key=KEY, artefacts=[out])
    assert {Path(name).name for name in done.models} == {"model", "vectors"}
    assert {Path(name).name for name in done.files} == {
        "recommendations.parquet", "plan.parquet", "features.parquet"
    }  # fmt: skip
    assert [file.name for file in (out / "vectors").iterdir()] == ["retrain.json"]
    for file in out.rglob("*"):
        if file.suffix == ".parquet":
            assert not (pd.read_parquet(file)["customer_id"] == pseudonym).any(), file
        elif file.is_file():
            assert user.encode() not in file.read_bytes() and str(pseudonym).encode() not in file.read_bytes(), file
    with open_events(tmp_path / "shop.duckdb", key=KEY) as opened:
        assert pseudonym not in set(compute_features(opened)["customer_id"])
    with pytest.raises(DataError, match=r"withdrawn: a customer it was trained on was erased.*train"):
        graphrec.load_recommender(out / "model")
    # A model of the others takes the place, and does not know the customer.
    names = ("customers", "solicitations", "events", "consents", "feedback")
    tables = {name: getattr(market, name) for name in names}
    kept = {name: table[table["customer_id"] != pseudonym] for name, table in tables.items()}
    rest = Market.from_frames(**kept, products=market.products, roles=dict(market.roles))
    graphrec.Recommender().fit(rest, graph=graph, rng=0).save(out / "model")
    assert needs_retraining(out / "model") is None
    again = graphrec.load_recommender(out / "model")
    assert len(again.recommend(n=1)) == len(rest.customers)
    with pytest.raises(DataError, match="customer"):
        again.recommend(n=1, customers=[pseudonym])
    assert np.isfinite(again.recommend(n=1)["uplift"]).all()
