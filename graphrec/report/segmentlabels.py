"""Words of the pages of segments, in English and French, with the same keys: data only.

Hides nothing. The names and sentences of the segments themselves are those of
`graphrec.market.segmentation.segmentwords`; here are headings, columns and habits.

Alternative considered: gettext, whose compiled files spread a sentence over two places.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LABELS"]

_ENGLISH = {
    "title": "Who our customers are", "overview": "The segments", "segments": "Segments",
    "by habits": "by habits of visit and purchase",
    "customers": "Customers", "assigned": "assigned", "minimum": "Events needed",
    "events each": "below it nobody is assigned",
    "rules right": "Rule card right", "held out": "on customers it was not made with",
    "why": "Why this number of segments",
    "enough": "How many events are enough", "curve axis": "events seen",
    "same segment": "same segment as with the whole history",
    "stays": "Who stays and who moves", "stays lead": "Each row: where customers of a segment are 30 days later.",
    "month": "Month", "agreement": "Same segment", "chance": "By chance", "rules": "The segments in rules",
    "when": "When",
    "then": "then", "held": "Held-out customers", "right": "Right", "and": "and", "always": "always",
    "card": "The card gives the segment of the model to {f} of the held-out customers; always saying the "
    "largest one, {m}.",
    "assigners": "Who assigns a new customer best",
    "assigners lead": "Agreement with the whole history, from the first events only.",
    "posterior of the mixture": "probability of the mixture", "k-nearest neighbours": "nearest neighbours",
    "tree": "tree",
    "support vector machine": "support vector machine", "habits": "What was measured",
    "habits lead": "Share of what customers differ by that is no chance. Habits with a reason are not used.",
    "habit": "Habit", "reliability": "Reliability", "reason": "Left out because", "name": "Segment", "share": "Share",
    "revenue": "Revenue", "stability": "Comes back", "of assigned": "of those assigned",
    "of assigned revenue": "of the revenue",
    "visits a month": "Visits a month", "typical price": "Price looked at", "order": "Order value",
    "days between": "Days between visits",
    "all": "all: {x}", "lifts": "What sets it apart",
    "lifts lead": "Difference from the base, in units of how much customers truly differ.",
    "funnel": "Visits", "with look": "with a look", "with cart": "with a cart", "with purchase": "with a purchase",
    "everybody": "All",
    "rhythm": "When they come", "line": "The line is everybody.", "categories": "Top categories",
    "category": "Category", "lift": "Lift",
    "pressure": "How often we contact them",
    "pressure told": "{contacts} contacts a customer in the last {days} days (all: {all}); {over} got more than "
    "three; {answered} of the contacts were opened or clicked.",
    "journey": "An example journey",
    "journey lead": "A clear case of the segment. Days count from its first visit; nothing identifies the person.",
    "do": "What to do", "dont": "What not to do", "day n": "Day {n}", "part 0": "night", "part 1": "morning",
    "part 2": "afternoon",
    "part 3": "evening", "n looks": "{n} looks", "n carts": "{n} into the cart", "n removals": "{n} taken out",
    "n purchases": "{n} bought",
    "n nothing": "a visit", "days": "Mon Tue Wed Thu Fri Sat Sun",
    "habit.beyond_looking": "acts, not only looks", "habit.buys_of_steps": "buys rather than fills carts",
    "habit.removals_of_unbought": "takes out of the cart", "habit.visit_depth": "actions a visit",
    "habit.pace": "seconds between actions",
    "habit.hour_cos": "comes at night (against noon)", "habit.hour_sin": "comes at 6 h (against 18 h)",
    "habit.weekend": "comes on weekends",
    "habit.irregularity": "comes irregularly", "habit.price_in_category": "price within the category",
    "habit.price": "price",
    "habit.one_category": "keeps to one category", "habit.one_brand": "keeps to one brand",
    "habit.returns_to_products": "returns to products", "habit.basket": "products an order",
}  # fmt: skip

_FRENCH = {
    "title": "Qui sont nos clients", "overview": "Les segments", "segments": "Segments",
    "by habits": "par habitudes de visite et d'achat",
    "customers": "Clients", "assigned": "affectés", "minimum": "Événements nécessaires",
    "events each": "en dessous, personne n'est affecté",
    "rules right": "Fiche de règles juste", "held out": "sur des clients qui n'ont pas servi à la faire",
    "why": "Pourquoi ce nombre de segments",
    "enough": "Combien d'événements suffisent", "curve axis": "événements vus",
    "same segment": "même segment qu'avec tout l'historique",
    "stays": "Qui reste et qui change",
    "stays lead": "Chaque ligne\u00a0: où sont les clients d'un segment 30 jours après.",
    "month": "Mois", "agreement": "Même segment", "chance": "Par hasard", "rules": "Les segments en règles",
    "when": "Si",
    "then": "alors", "held": "Clients de contrôle", "right": "Juste", "and": "et", "always": "toujours",
    "card": "La fiche donne le segment du modèle à {f} des clients de contrôle\u202f; toujours dire le plus "
    "grand, {m}.",
    "assigners": "Qui affecte le mieux un nouveau client",
    "assigners lead": "Accord avec tout l'historique, à partir des premiers événements.",
    "posterior of the mixture": "probabilité du mélange", "k-nearest neighbours": "plus proches voisins",
    "tree": "arbre",
    "support vector machine": "machine à vecteurs de support", "habits": "Ce qui a été mesuré",
    "habits lead": "Part des différences entre clients qui n'est pas du hasard. Les habitudes avec une raison "
    "ne servent pas.",
    "habit": "Habitude", "reliability": "Fiabilité", "reason": "Écartée car", "name": "Segment", "share": "Part",
    "revenue": "Chiffre d'affaires", "stability": "Revient", "of assigned": "des clients affectés",
    "of assigned revenue": "du chiffre d'affaires",
    "visits a month": "Visites par mois", "typical price": "Prix regardé", "order": "Valeur d'une commande",
    "days between": "Jours entre visites",
    "all": "tous\u00a0: {x}", "lifts": "Ce qui le distingue",
    "lifts lead": "Écart à l'ensemble, en unités des vraies différences entre clients.",
    "funnel": "Visites", "with look": "avec une vue", "with cart": "avec un panier", "with purchase": "avec un achat",
    "everybody": "Tous",
    "rhythm": "Quand ils viennent", "line": "Le trait est l'ensemble.", "categories": "Premières catégories",
    "category": "Catégorie", "lift": "Ratio",
    "pressure": "Combien nous les sollicitons",
    "pressure told": "{contacts} sollicitations par client sur les {days} derniers jours (tous\u00a0: "
    "{all})\u202f; {over} en ont reçu plus de trois\u202f; {answered} des sollicitations ont été ouvertes ou "
    "cliquées.",
    "journey": "Un parcours en exemple",
    "journey lead": "Un cas clair du segment. Les jours comptent depuis sa première visite\u202f; rien "
    "n'identifie la personne.",
    "do": "À faire", "dont": "À ne pas faire", "day n": "Jour {n}", "part 0": "nuit", "part 1": "matin",
    "part 2": "après-midi",
    "part 3": "soir", "n looks": "{n} vues", "n carts": "{n} au panier", "n removals": "{n} retirés",
    "n purchases": "{n} achetés",
    "n nothing": "une visite", "days": "lun mar mer jeu ven sam dim",
    "hardly any customer shows it": "presque aucun client ne la montre",
    "the same for all customers, but for chance": "la même pour tous, au hasard près",
    "customers differ in it by little more than chance": "les clients y diffèrent à peine plus que par hasard",
    "habit.beyond_looking": "agit au lieu de seulement regarder",
    "habit.buys_of_steps": "achète plutôt que remplir son panier",
    "habit.removals_of_unbought": "retire du panier", "habit.visit_depth": "actions par visite",
    "habit.pace": "secondes entre actions",
    "habit.hour_cos": "vient la nuit (plutôt qu'à midi)", "habit.hour_sin": "vient à 6 h (plutôt qu'à 18 h)",
    "habit.weekend": "vient le week-end",
    "habit.irregularity": "vient irrégulièrement", "habit.price_in_category": "prix dans la catégorie",
    "habit.price": "prix",
    "habit.one_category": "reste dans une catégorie", "habit.one_brand": "reste à une marque",
    "habit.returns_to_products": "revient aux produits", "habit.basket": "produits par commande",
}  # fmt: skip

_ENGLISH |= {
    "months": "From one month to the next", "n looks 1": "1 look", "n carts 1": "1 into the cart",
    "n removals 1": "1 taken out", "n purchases 1": "1 bought", "says the same as": "says the same as “{habit}”",
}  # fmt: skip
_FRENCH |= {
    "months": "D'un mois à l'autre", "n looks 1": "1 vue", "n carts 1": "1 au panier", "n removals 1": "1 retiré",
    "n purchases 1": "1 acheté", "says the same as": "dit la même chose que «\u00a0{habit}\u00a0»",
}  # fmt: skip

LABELS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "fr": _FRENCH}
