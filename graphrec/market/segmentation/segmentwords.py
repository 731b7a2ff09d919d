"""Words for segments in English and French: data only, with the same keys in each language.

Hides nothing. This room has tables of its own because imports go down only: the languages of the advice stand two
floors above.

Alternative considered: names written by a language model. They cannot be tested against the profile.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LANGUAGES", "WORDS"]

LANGUAGES = ("en", "fr")

_ENGLISH = {
    "decimal": ".", "thousands": ",", "percent": "{n} %", "and": "and", "everyone": "All customers",
    "unassigned": "unassigned",
    "name": "{traits} {noun}", "comma": " ", "semicolon": "; ",
    "noun.abandoner": "cart leavers", "noun.buyer": "buyers", "noun.looker": "lookers", "noun.customer": "customers",
    "trait.price_in_category+": "premium", "trait.price_in_category-": "bargain",
    "trait.price+": "high-price", "trait.price-": "low-price",
    "trait.weekend+": "weekend", "trait.weekend-": "weekday",
    "trait.visit_depth+": "thorough", "trait.visit_depth-": "brief",
    "trait.pace+": "unhurried", "trait.pace-": "quick",
    "trait.one_category+": "specialised", "trait.one_category-": "wide-ranging",
    "trait.one_brand+": "brand-loyal", "trait.one_brand-": "brand-mixing",
    "trait.returns_to_products+": "comparing", "trait.returns_to_products-": "straight-on",
    "trait.irregularity+": "irregular", "trait.irregularity-": "regular",
    "trait.basket+": "big-basket", "trait.basket-": "single-item",
    "trait.removals_of_unbought+": "cart-revising", "trait.removals_of_unbought-": "cart-keeping",
    "trait.beyond_looking+": "decided", "trait.beyond_looking-": "hesitant",
    "trait.buys_of_steps+": "straight-to-buying", "trait.buys_of_steps-": "cart-filling",
    "trait.night": "night", "trait.morning": "morning", "trait.afternoon": "afternoon", "trait.evening": "evening",
    "say.carts_per_look": "{x} carts for 100 looks (all: {b})",
    "say.purchases_per_look": "{x} purchases for 100 looks (all: {b})",
    "say.purchases_per_cart": "{x} purchases for 100 carts (all: {b})",
    "say.removals_per_cart": "{x} of 100 products in the cart taken out again (all: {b})",
    "say.looks_per_visit": "{x} looks a visit (all: {b})",
    "say.pace": "{x} seconds between two actions (all: {b})",
    "say.peak_hour": "most visits around {x} h (all: {b} h)",
    "say.weekend": "{x} of 100 visits on weekends (all: {b})",
    "say.irregularity": "waits between visits that change by a factor of {x} (all: {b})",
    "say.price_in_category": "prices {x} spreads from the middle of their category (all: {b})",
    "say.price": "a typical price of {x} (all: {b})",
    "say.one_category": "two looks are of one category in {x} of 100 cases (all: {b})",
    "say.one_brand": "two looks are of one brand in {x} of 100 cases (all: {b})",
    "say.returns_to_products": "{x} of 100 looks return to a product (all: {b})",
    "say.basket": "{x} products an order (all: {b})",
    "definition": "{share} of the customers, {revenue} of the revenue: {facts}.",
    "definition.plain": "{share} of the customers: {facts}.",
    "definition.usual": "no habit stands out from the base",
    "curve.reached": "From {n} events on, the segment seen in a customer's first events is the one of the whole "
    "history "
    "for {a} of {c} well-known customers (95 % interval {l} to {h}); {p} was asked for{less}.",
    "curve.less": ", and {m} events give {b}",
    "curve.short": "No number of events up to {n} reaches the {p} asked for: {n} events give {a} of {c} well-known "
    "customers (95 % interval {l} to {h}). Read the segments with care.",
    "curve.one": "There is one segment, so any customer with an event is in it.",
    "curve.few": "There are too few customers with many events to measure how many are needed; {n} is a convention.",
    "reason.found": "{k} segments: they are told apart best by this number, and each comes back in bootstraps (mean "
    "overlap {low} to {high}; 0.6 is a pattern, 0.75 is stable).",
    "reason.smooth": "One segment: customers differ by degrees, without gaps that would make groups.",
    "reason.unstable": "One segment: the groups that fit best do not come back when the customers are drawn again.",
    "reason.alone": "One segment: there are too few customers to tell groups from chance.",
    "reason.constant": "One segment: customers differ in no habit beyond chance.",
    "fleeting": "does not last: {x} of {n} stay after 30 days, {y} go to {to}",
    "do.abandoner": "Remind of the cart within a day, and remove what stops the order: delivery cost, payment, stock.",
    "do.buyer": "Recommend what completes the last order; ask for a review; keep prices honest.",
    "do.looker": "Show new products and guides; ask for an alert on a product rather than for an order.",
    "do.customer": "Keep the ordinary rhythm and test one change at a time.",
    "dont.abandoner": "Do not answer every cart with a discount: it teaches to leave carts.",
    "dont.buyer": "Do not discount what is bought anyway; measure what a contact changes first.",
    "dont.looker": "Do not contact more often because there is no purchase: looking is the habit.",
    "dont.customer": "Do not treat this segment as a special case; nothing in its habits asks for it.",
}  # fmt: skip

_FRENCH = {
    "decimal": ",", "thousands": "\u202f", "percent": "{n}\u202f%", "and": "et", "everyone": "Tous les clients",
    "unassigned": "non affecté",
    "name": "{noun} {traits}", "comma": ", ", "semicolon": "\u202f; ",
    "noun.abandoner": "abandonnistes de panier", "noun.buyer": "acheteurs", "noun.looker": "curieux",
    "noun.customer": "clients",
    "trait.price_in_category+": "haut de gamme", "trait.price_in_category-": "en quête de petits prix",
    "trait.price+": "de produits chers", "trait.price-": "de produits peu chers",
    "trait.weekend+": "du week-end", "trait.weekend-": "de semaine",
    "trait.visit_depth+": "approfondis", "trait.visit_depth-": "de passage",
    "trait.pace+": "posés", "trait.pace-": "rapides",
    "trait.one_category+": "spécialisés", "trait.one_category-": "éclectiques",
    "trait.one_brand+": "fidèles à une marque", "trait.one_brand-": "multimarques",
    "trait.returns_to_products+": "comparateurs", "trait.returns_to_products-": "directs",
    "trait.irregularity+": "irréguliers", "trait.irregularity-": "réguliers",
    "trait.basket+": "à gros panier", "trait.basket-": "à article unique",
    "trait.removals_of_unbought+": "qui vident leur panier", "trait.removals_of_unbought-": "qui gardent leur panier",
    "trait.beyond_looking+": "décidés", "trait.beyond_looking-": "hésitants",
    "trait.buys_of_steps+": "achetant sans détour", "trait.buys_of_steps-": "remplissant leur panier",
    "trait.night": "de nuit", "trait.morning": "du matin", "trait.afternoon": "de l'après-midi",
    "trait.evening": "du soir",
    "say.carts_per_look": "{x} mises au panier pour 100 vues (tous\u00a0: {b})",
    "say.purchases_per_look": "{x} achats pour 100 vues (tous\u00a0: {b})",
    "say.purchases_per_cart": "{x} achats pour 100 mises au panier (tous\u00a0: {b})",
    "say.removals_per_cart": "{x} produits sur 100 retirés du panier (tous\u00a0: {b})",
    "say.looks_per_visit": "{x} vues par visite (tous\u00a0: {b})",
    "say.pace": "{x} secondes entre deux actions (tous\u00a0: {b})",
    "say.peak_hour": "visites surtout vers {x} h (tous\u00a0: {b} h)",
    "say.weekend": "{x} visites sur 100 le week-end (tous\u00a0: {b})",
    "say.irregularity": "un délai entre visites qui varie d'un facteur {x} (tous\u00a0: {b})",
    "say.price_in_category": "des prix à {x} écarts du milieu de leur catégorie (tous\u00a0: {b})",
    "say.price": "un prix typique de {x} (tous\u00a0: {b})",
    "say.one_category": "deux vues de la même catégorie dans {x} cas sur 100 (tous\u00a0: {b})",
    "say.one_brand": "deux vues de la même marque dans {x} cas sur 100 (tous\u00a0: {b})",
    "say.returns_to_products": "{x} vues sur 100 reviennent à un produit (tous\u00a0: {b})",
    "say.basket": "{x} produits par commande (tous\u00a0: {b})",
    "definition": "{share} des clients, {revenue} du chiffre d'affaires\u00a0: {facts}.",
    "definition.plain": "{share} des clients\u00a0: {facts}.",
    "definition.usual": "aucune habitude ne se distingue de l'ensemble",
    "curve.reached": "À partir de {n} événements, le segment vu dans les premiers événements d'un client est celui "
    "de tout "
    "son historique pour {a} de {c} clients bien connus (intervalle à 95\u202f% : {l} à {h})\u202f; {p} étaient "
    "demandés{less}.",
    "curve.less": ", et {m} événements en donnent {b}",
    "curve.short": "Aucun nombre d'événements jusqu'à {n} n'atteint les {p} demandés\u00a0: {n} événements donnent "
    "{a} de "
    "{c} clients bien connus (intervalle à 95\u202f% : {l} à {h}). Lisez les segments avec prudence.",
    "curve.one": "Il n'y a qu'un segment\u00a0: tout client ayant un événement en fait partie.",
    "curve.few": "Trop peu de clients ont beaucoup d'événements pour mesurer combien il en faut\u202f; {n} est une "
    "convention.",
    "reason.found": "{k} segments\u00a0: ce nombre les distingue le mieux, et chacun revient dans les tirages "
    "bootstrap "
    "(recouvrement moyen {low} à {high}\u202f; 0,6 est un motif, 0,75 est stable).",
    "reason.smooth": "Un seul segment\u00a0: les clients diffèrent par degrés, sans vide qui ferait des groupes.",
    "reason.unstable": "Un seul segment\u00a0: les groupes les mieux ajustés ne reviennent pas quand on retire les "
    "clients.",
    "reason.alone": "Un seul segment\u00a0: trop peu de clients pour distinguer des groupes du hasard.",
    "reason.constant": "Un seul segment\u00a0: les clients ne diffèrent dans aucune habitude au-delà du hasard.",
    "fleeting": "ne dure pas\u00a0: {x} sur {n} y restent après 30 jours, {y} passent à {to}",
    "do.abandoner": "Rappeler le panier dans la journée, et lever ce qui arrête la commande\u00a0: livraison, "
    "paiement, "
    "stock.",
    "do.buyer": "Recommander ce qui complète la dernière commande\u202f; demander un avis\u202f; garder des prix "
    "honnêtes.",
    "do.looker": "Montrer des nouveautés et des guides\u202f; proposer une alerte sur un produit plutôt qu'une "
    "commande.",
    "do.customer": "Garder le rythme ordinaire et tester un changement à la fois.",
    "dont.abandoner": "Ne pas répondre à chaque panier par une remise\u00a0: cela apprend à laisser des paniers.",
    "dont.buyer": "Ne pas remiser ce qui s'achète de toute façon\u202f; mesurer d'abord ce qu'un contact change.",
    "dont.looker": "Ne pas solliciter davantage faute d'achat\u00a0: regarder est l'habitude.",
    "dont.customer": "Ne pas en faire un cas particulier\u00a0: rien dans ses habitudes ne le demande.",
}  # fmt: skip

WORDS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "fr": _FRENCH}
