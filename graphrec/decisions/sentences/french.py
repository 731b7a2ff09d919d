"""Les phrases du conseil en français, pour un analyste marketing.

Same keys as the module of English. Names of columns have no known gender, so a sentence never agrees with one: it
speaks of "la variable" or puts the name between quotation marks.
"""

from __future__ import annotations

from graphrec.decisions.sentences.languages import Language

__all__ = ["LANGUAGE"]

_TEXTS = {
    "yes": "oui",
    "no": "non",
    "and": "et",
    "or": "ou",
    "then": "{first}, puis {second}",
    "who.customer": "le client {name}",
    "who.segment": "le segment {name} ({count})",
    "who.population": "l’ensemble des clients ({count})",
    "about.": "",
    "about.offer": " au sujet de l’offre {offer}",
    "about.product": " au sujet du produit {offer}",
    "about.category": " au sujet de la catégorie {offer}",
    "about.campaign": " au sujet de la campagne {offer}",
    "act": "Pour {who} : {moves}.",
    "act.contact": "contacter par {channel} au lieu de ne pas contacter{about}",
    "act.move": "faire passer « {lever} » de {before} à {after}{about}",
    "nothing": "Ne rien faire pour {who} : {why}.",
    "nothing.unsaid": "Ne rien faire pour {who}.",
    "gain.up": "Gain attendu : la probabilité {outcome}{within} augmente de {size}",
    "gain.down": "Changement attendu : la probabilité {outcome}{within} baisse de {size}",
    "gain.amount.up": "Gain attendu : « {outcome} »{within} augmente de {size}",
    "gain.amount.down": "Changement attendu : « {outcome} »{within} baisse de {size}",
    "gain.bounded": "{gain} (intervalle à {level} : de {low} à {high}).",
    "gain.unbounded": "{gain} ; il n’y a pas d’intervalle, car les équations utilisées n’en donnent aucun de fiable.",
    "outcome.purchase": "d’achat",
    "outcome.other": "de « {name} »",
    "event.purchase": "l’achat",
    "event.other": "« {name} »",
    "within": " dans les {days}",
    "cost": "Coût : {cost} ; valeur nette : {net}{least}.",
    "cost.free": "Coût nul ; valeur nette : {net}{least}.",
    "cost.least": " ({net} à la borne basse de l’intervalle)",
    "delay": "L’effet se voit au bout de {days} environ.",
    "consent": "L’accord du client est nécessaire.",
    "extrapolated": "Attention : cette action sort de ce qui a été observé, le chiffre est donc extrapolé.",
    "through": "L’effet passe par : {ways}.",
    "through.directly": "directement, sans intermédiaire",
    "through.only_directly": "L’effet est direct.",
    "through.unknown": "Le graphe causal n’indique pas de chemin pour cet effet.",
    "sure": "Degré de certitude : niveau {grade}, {why}.",
    "sure.A": "les contacts passés ont été tirés au sort, l’écart observé est donc l’effet",
    "sure.B": "l’analyse tient compte de ce qui a motivé les décisions passées, des clients comparables ont été "
              "traités différemment, et le contrôle négatif (la même question là où la réponse doit être zéro) est "
              "réussi",
    "sure.C": "cela repose sur le seul modèle ; à essayer sur un petit groupe tiré au sort avant de s’y fier",
    "sure.C.doubt": "cela repose sur le seul modèle ({doubt}) ; à essayer sur un petit groupe tiré au sort avant de "
                    "s’y fier",
    "doubt.support": "presque aucun cas passé ne ressemblait à celui-ci",
    "doubt.ladder": "l’échelle de preuves n’a pas pu le confirmer",
    "doubt.equations": "le changement vient d’équations ajustées le long du graphe causal",
    "doubt.excluded": "le modèle utilise une variable que ce graphe exclut",
    "doubt.control": "le contrôle négatif, la même question là où la réponse doit être zéro, laisse un doute",
    "doubt.untested": "aucun contrôle négatif n’était possible",
    "refused": "Aucune promesse pour {who} : ces données ne permettent pas d’établir l’effet (niveau X).",
    "why.alternative": "la meilleure action trouvée ({move}) aurait une valeur nette de {net}",
    "why.blocked": "chaque levier est bloqué, ou son effet ne peut être établi",
    "why.unconfirmed": "aucune action ne montre de gain sur d’autres clients que ceux qui ont servi à la trouver",
    "why.budget": "le budget est consacré à des clients pour lesquels il rapporte davantage",
    "avoid": "À ne pas faire : agir sur « {column} », que SHAP place {rank} : {why}.",
    "avoid.consequence": "cette variable est une conséquence de {event} ; la modifier ne change rien",
    "avoid.proxy": "cette variable accompagne {event} sans en être la cause ; la modifier seule ne "
                   "change rien",
    "avoid.proxy.common": "cette variable reflète ce qui agit sur les deux ({common}) ; la modifier seule "
                          "ne change rien",
    "avoid.mediator": "c’est une étape qui appartient au client et qui ne bouge que par un contact",
    "avoid.unrelated": "le graphe causal n’a pas de chemin qui mène de cette variable à {event}",
    "rank.1": "en premier",
    "rank.2": "en deuxième",
    "rank.3": "en troisième",
    "rank.n": "au rang {n}",
    "lever.named": "{name} ({column})",
}  # fmt: skip

_COUNTED = {
    "points": ("{n} point", "{n} points"),
    "days": ("{n} jour", "{n} jours"),
    "customers": ("{n} client", "{n} clients"),
}

_NAMES = {
    "treatment": "le contact",
    "outcome": "l’achat",
    "opened": "l’ouverture du message",
    "clicked": "le clic",
    "visited": "la visite",
    "none": "aucun contact",
    "email": "e-mail",
    "e-mail": "e-mail",
    "call": "téléphone",
    "phone": "téléphone",
    "mailing": "courrier",
    "letter": "courrier",
    "sms": "SMS",
    "push": "notification",
    "price": "prix",
    "discount": "remise",
    "contact_pressure": "pression commerciale",
}

LANGUAGE = Language("fr", ",", "\u202f", 2.0, _TEXTS, _COUNTED, spaced=True, names=_NAMES)
