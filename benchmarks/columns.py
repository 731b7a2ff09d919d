"""What the columns of four public data sets mean, and of made-up French tables: the truth that matching is judged by.

The public tables keep the names that their makers gave them. The French ones are written as French companies write
them (shortened, joined, without accents), with columns whose names say nothing, which must stay unmatched. None of
their names stands in the ontology as it is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

__all__ = ["FRENCH", "TRUTH", "french_table", "public_tables"]

TRUTH: Final[dict[str, dict[str, str]]] = {
    "complete_journey": {
        "household_id": "CustomerIdentifier", "age": "Age", "income": "Income", "home_ownership": "HomeOwnership",
        "marital_status": "MaritalStatus", "household_size": "HouseholdSize", "household_comp": "HouseholdComposition",
        "kids_count": "ChildrenCount", "product_id": "ProductIdentifier", "manufacturer_id": "Manufacturer",
        "department": "Category", "brand": "Brand", "product_category": "Category", "product_type": "Category",
        "package_size": "PackSize", "campaign_id": "CampaignIdentifier", "campaign_type": "Channel",
        "start_date": "PeriodStart", "end_date": "PeriodEnd", "coupon_upc": "CouponIdentifier",
        "redemption_date": "EventTime", "store_id": "StoreIdentifier", "basket_id": "OrderIdentifier",
        "quantity": "PurchaseQuantity", "sales_value": "PurchaseValue", "retail_disc": "Discount",
        "coupon_disc": "Discount", "coupon_match_disc": "Discount", "week": "Season",
        "transaction_timestamp": "EventTime",
    },
    "bank_marketing": {
        "age": "Age", "job": "Occupation", "marital": "MaritalStatus", "education": "Education",
        "default": "CreditRisk", "balance": "AccountBalance", "housing": "HousingLoan", "loan": "PersonalLoan",
        "contact": "Channel", "day": "Season", "month": "Season", "day_of_week": "Season", "duration": "CallDuration",
        "campaign": "ContactPressure", "pdays": "ContactRecency", "previous": "PastContact",
        "poutcome": "PastResponse", "emp.var.rate": "Employment", "cons.price.idx": "PriceIndex",
        "cons.conf.idx": "ConsumerConfidence", "euribor3m": "InterestRate", "nr.employed": "Employment",
        "y": "Subscription",
    },
    "hillstrom": {
        "recency": "Recency", "history_segment": "PastSpend", "history": "PastSpend", "mens": "CategoryAffinity",
        "womens": "CategoryAffinity", "zip_code": "PostalCode", "newbie": "NewCustomer",
        "channel": "PreferredChannel", "segment": "Solicitation", "visit": "Visit", "conversion": "Purchase",
        "spend": "PurchaseValue",
    },
    "rees46": {
        "event_time": "EventTime", "event_type": "EventType", "product_id": "ProductIdentifier",
        "category_id": "Category", "category_code": "Category", "brand": "Brand", "price": "Price",
        "user_id": "CustomerIdentifier", "user_session": "SessionIdentifier",
    },
}  # fmt: skip
"""Class of each column, by what the data sets' own documentation says of it."""

FRENCH: Final[dict[str, str]] = {
    "NUM_CLI": "CustomerIdentifier", "ageCli": "Age", "CD_SEXE": "Gender", "SIT_MATRIM": "MaritalStatus",
    "NB_ENF_CHARGE": "ChildrenCount", "csp_client": "Occupation", "rev_mens_net": "Income", "MT_PATRIM": "Wealth",
    "anc_client_mois": "Tenure", "CODE_POST_DOM": "PostalCode", "LIB_VILLE": "Region", "nb_cmd_12m": "PastPurchase",
    "mt_tot_achats_12m": "PastSpend", "panier_moyen_eur": "AverageBasket", "nbJoursDernAchat": "Recency",
    "DT_DERN_ACHAT": "LastPurchaseDate", "dt_naiss": "BirthDate", "SLD_CPTE_COURANT": "AccountBalance",
    "ENC_EPARGNE": "SavingsBalance", "top_pret_immo": "HousingLoan", "TX_ENDETTEMENT": "DebtRatio",
    "nb_contrats_detenus": "ProductHolding", "carteFidelite": "LoyaltyTier", "pts_fidelite": "LoyaltyPoints",
    "CANAL_CONTACT": "Channel", "nb_sollicit_3m": "ContactPressure", "optin_email": "Consent",
    "ouverture_mail": "Open", "clic_mail": "Click", "top_souscription": "Subscription", "topResiliation": "Churn",
    "note_satisf": "Satisfaction", "tx_remise": "Discount", "PX_VENTE": "Price", "LIB_MARQUE": "Brand",
    "rayon_produit": "Category", "magasin_rattachement": "HomeStore", "MOYEN_PAIEMENT": "PaymentMethod",
    "x1": "", "var_07": "", "V12": "", "col3": "", "zq_tmp": "", "feature_a": "", "PC4": "", "ind_ab": "", "champ9": "",
    "blorf": "", "resid_2": "", "k7h": "",
}  # fmt: skip
"""Class of each column of the French table; empty where the name says nothing."""


def french_table(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return values such as a French bank or shop would have them under the names of `FRENCH`."""
    rng = np.random.default_rng(seed)
    words = {
        "Gender": ["M", "F"], "MaritalStatus": ["MARIE", "CELIB", "DIVORCE"], "Occupation": ["CADRE", "OUVRIER"],
        "Region": ["Lyon", "Lille", "Paris"], "LoyaltyTier": ["OR", "ARGENT", "AUCUNE"], "Brand": ["ABC", "DEF", "GHI"],
        "Channel": ["EMAIL", "TEL", "COURRIER"], "Category": ["FRAIS", "EPICERIE"], "HomeStore": ["LYON2", "LILLE1"],
        "PaymentMethod": ["CB", "ESPECES", "CHEQUE"],
    }  # fmt: skip
    counts = {"ChildrenCount": 4, "PastPurchase": 30, "Tenure": 240, "Recency": 400, "ProductHolding": 6,
              "LoyaltyPoints": 3000, "ContactPressure": 8, "Satisfaction": 10, "Age": 90}  # fmt: skip
    flags = {"HousingLoan", "Consent", "Open", "Click", "Subscription", "Churn"}
    columns: dict[str, object] = {}
    for name, held in FRENCH.items():
        if held in words:
            columns[name] = rng.choice(words[held], rows)
        elif held in counts:
            columns[name] = rng.integers(18 if held == "Age" else 0, counts[held] + 1, rows)
        elif held in flags:
            columns[name] = rng.integers(0, 2, rows)
        elif held in ("LastPurchaseDate", "BirthDate"):
            columns[name] = pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, rows), unit="D")
        elif held == "CustomerIdentifier":
            columns[name] = rng.permutation(rows) + 100_000
        elif held == "PostalCode":
            columns[name] = rng.integers(1000, 95_999, rows).astype(str)
        else:
            columns[name] = rng.gamma(2.0, 0.2 if held in ("DebtRatio", "Discount") else 500.0, rows).round(2)
    return pd.DataFrame(columns)


def public_tables(shipped: Path, data: Path, rows: int = 5_000) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield (data set, table, its first rows) for each table that is present.

    Parameters
    ----------
    shipped : Path
        Folder with ``complete_journey``.
    data : Path
        Folder with the data sets that are not shipped; what is missing is left out.
    """
    for file in sorted((shipped / "complete_journey").glob("*.parquet")):
        yield "complete_journey", file.stem, pd.read_parquet(file).head(rows)
    for file in ("bank-full.csv.gz", "bank-additional-full.csv.gz"):
        if (data / "bank_marketing" / file).is_file():
            yield (
                "bank_marketing",
                file,
                pd.read_csv(data / "bank_marketing" / file, sep=";").sample(rows, random_state=0),
            )
    if (data / "hillstrom" / "hillstrom.csv.gz").is_file():
        yield "hillstrom", "hillstrom.csv.gz", pd.read_csv(data / "hillstrom" / "hillstrom.csv.gz", nrows=rows)
    for file in sorted((data / "rees46_sample").glob("*.csv.gz")):
        yield "rees46", file.name, pd.read_csv(file, nrows=rows)
