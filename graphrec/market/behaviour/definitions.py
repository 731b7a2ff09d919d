"""The behavioural variables: name, unit, formula and ontology class, in one table.

Hides nothing; code, documentation and report read this table, and a test holds it against what is computed. All
variables look at the events before a moment (as of), so none can know what came after it. Times of day, days and weeks
are local.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FEATURES", "FEATURE_ROLES", "Feature"]


@dataclass(frozen=True)
class Feature:
    """One variable of a customer.

    Attributes
    ----------
    name, unit, formula : str
    role : str
        Class in the ontology, by which the variable joins the opportunity panel.
    group : str
        Heading under which it is documented.
    """

    name: str
    unit: str
    formula: str
    role: str
    group: str


def _group(heading: str, *rows: tuple[str, str, str, str]) -> tuple[Feature, ...]:
    return tuple(Feature(*row, heading) for row in rows)


FEATURES: tuple[Feature, ...] = (
    *_group(
        "recency, frequency, money",
        ("recency_days", "days", "as of - last event", "Recency"),
        ("recency_view_days", "days", "as of - last view", "Recency"),
        ("recency_cart_days", "days", "as of - last cart", "Recency"),
        ("recency_removal_days", "days", "as of - last removal from the cart", "Recency"),
        ("recency_purchase_days", "days", "as of - last purchase", "Recency"),
        ("tenure_days", "days", "as of - first event", "Tenure"),
        ("events", "events", "number of events", "BrowsingHistory"),
        ("views", "events", "number of views", "PastView"),
        ("carts", "events", "number of products put into the cart", "PastCart"),
        ("removals", "events", "number of products taken out of the cart", "PastCart"),
        ("purchases", "events", "number of products bought", "PastPurchase"),
        ("units", "units", "sum of quantities bought", "PastQuantity"),
        ("spend", "currency", "sum of price x quantity over purchases", "PastSpend"),
        ("orders", "sessions", "number of sessions with a purchase", "PastPurchase"),
        ("average_order", "currency per order", "spend / orders", "AverageBasket"),
        ("active_days", "days", "number of distinct days with an event", "PastVisit"),
        ("active_weeks", "weeks", "number of distinct weeks, counted back from as of, with an event", "PastVisit"),
    ),
    *_group(
        "funnel",
        ("cart_rate", "share", "carts / views", "PastCart"),
        ("purchase_rate", "share", "purchases / views", "PastPurchase"),
        ("cart_conversion", "share", "purchases / carts", "PastPurchase"),
        ("removal_rate", "share", "removals / carts", "PastCart"),
        ("abandonment", "share", "sessions with a cart and no purchase / sessions with a cart", "PastCart"),
        ("products_in_cart_unbought", "products", "distinct products put into the cart and never bought", "PastCart"),
    ),
    *_group(
        "price",
        ("viewed_price", "currency", "mean price of views", "BrowsingHistory"),
        ("bought_price", "currency", "spend / units", "PastSpend"),
        ("viewed_price_level", "ratio", "sum of viewed prices / sum of the mean viewed price of their categories",
         "BrowsingHistory"),
        ("bought_price_level", "ratio", "spend / sum over units bought of the mean viewed price of their categories",
         "PastSpend"),
        ("dearest_viewed", "currency", "largest mean price of a product viewed", "BrowsingHistory"),
    ),
    *_group(
        "breadth",
        ("products_viewed", "products", "distinct products viewed", "PastView"),
        ("products_bought", "products", "distinct products bought", "PastPurchase"),
        ("repeat_views", "share", "1 - products viewed / views", "PastView"),
        ("repeat_purchases", "share", "1 - products bought / purchases", "PastPurchase"),
        ("categories", "categories", "distinct categories of all events", "CategoryAffinity"),
        ("brands", "brands", "distinct brands of all events", "BrowsingHistory"),
        ("category_entropy", "nats", "- sum over categories of s ln s, s the share of events", "CategoryAffinity"),
        ("brand_entropy", "nats", "- sum over brands of s ln s, s the share of events with a brand", "BrowsingHistory"),
        ("top_category_share", "share", "events of the most frequent category / events with one", "CategoryAffinity"),
        ("top_brand_share", "share", "events of the most frequent brand / events with one", "BrowsingHistory"),
    ),
    *_group(
        "rhythm",
        ("night_share", "share", "events from 0 to 6 o'clock / events", "BrowsingHistory"),
        ("morning_share", "share", "events from 6 to 12 o'clock / events", "BrowsingHistory"),
        ("afternoon_share", "share", "events from 12 to 18 o'clock / events", "BrowsingHistory"),
        ("evening_share", "share", "events from 18 to 24 o'clock / events", "BrowsingHistory"),
        ("weekend_share", "share", "events on Saturday and Sunday / events", "BrowsingHistory"),
        ("winter_share", "share", "events in December, January, February / events", "BrowsingHistory"),
        ("spring_share", "share", "events in March, April, May / events", "BrowsingHistory"),
        ("summer_share", "share", "events in June, July, August / events", "BrowsingHistory"),
    ),
    *_group(
        "sessions",
        ("sessions", "sessions", "distinct sessions; in the database events without one count as one", "PastVisit"),
        ("session_minutes", "minutes", "mean of last - first event of a session", "SessionDuration"),
        ("longest_session_minutes", "minutes", "largest of last - first event of a session", "SessionDuration"),
        ("session_depth", "events", "events / sessions", "BrowsingHistory"),
        ("deepest_session", "events", "largest number of events in one session", "BrowsingHistory"),
        ("bounce_rate", "share", "sessions of one event / sessions", "BrowsingHistory"),
        ("days_between_sessions", "days", "(start of last - start of first session) / (sessions - 1)", "PastVisit"),
    ),
    *_group(
        "trend",
        ("events_last_28", "events", "events in the last 28 days", "BrowsingHistory"),
        ("events_before_28", "events", "events 29 to 56 days ago", "BrowsingHistory"),
        ("trend", "log ratio", "ln((1 + events_last_28) / (1 + events_before_28))", "BrowsingHistory"),
        ("purchases_last_28", "events", "purchases in the last 28 days", "PastPurchase"),
        ("spend_last_28", "currency", "spend in the last 28 days", "PastSpend"),
    ),
)  # fmt: skip
"""All variables, in the order of the table's columns."""

FEATURE_ROLES = {feature.name: feature.role for feature in FEATURES}
"""Variable to ontology class."""
