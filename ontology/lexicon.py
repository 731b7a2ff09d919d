"""How people write column names: joined, shortened, in French or in English.

Hides the words. A name is cut at capitals, digits and signs, abbreviations are spelt out, and words of the two
languages that mean the same become one. Multilingual sentence embeddings were considered and rejected: a model of
hundreds of megabytes to tell ``mt_achat`` from ``dt_achat``, which it does badly, and no reason to show for it.
What a column is called in one business belongs into the ontology, as skos:altLabel; here are only common words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ontology.measures import unit_of_word

__all__ = ["LIGHT", "Reading", "read_name"]

_SHORT: Final = """
number: nb nbr nbre num cnt no nr
quantity: qty qte
date: dt dte
amount: mt mnt mtt amt
code: cd cod
label: lib lbl
rate: tx pct
mean: avg moy
customer: cust cli clt
household: hh
previous: prev prec
last: der dern
first: prem
category: cat categ
product: prod art pdt
tenure: anc
income: rev inc
situation: sit
family: fam
marital: mat
gender: sx
flag: ind flg fl top
telephone: tel
store: mag
branch: ag
birth: naiss nais
subscription: souscr sous
churn: resil
order: cmd cde
transaction: trx txn
receipt: tkt
loyalty: fid
cart: cart
points: pts
balance: sld enc
savings: epar
loan: cred
housing: immo
consumer: conso cons
open: ouv
click: clk
visit: vis
discount: disc rem
promotion: promo
satisfaction: sat
contact: sol
campaign: camp
channel: canal chan
segment: seg
price: pr px prc
qualification: qual
education: educ
index: idx
confidence: conf
employment: emp
department: dept dpt
identifier: ident id uid uuid pk ref
description: desc
address: addr adr
mail: mail
temperature: temp
variation: var evol
child: enf
total: tot
net: nets
gross: brut
situation: situ
"""

_SAME: Final = """
number: nombre count
amount: montant somme sum
quantity: quantite
rate: taux ratio percent percentage pourcentage share part
mean: average moyen moyenne avg median
total: totale totaux cumul cumule cumulative overall
last: dernier derniere latest recent recente lately
first: premier premiere initial
previous: precedent precedente past passe passee anterieur anterieure prior earlier before auparavant avant
since: depuis
date: jour_date
code: codes
label: libelle intitule
flag: indicateur indicator temoin drapeau boolean
value: valeur
type: kind sorte nature
level: niveau
status: statut etat situation
customer: client cliente user utilisateur
person: personne individual individu
member: membre adherent
household: foyer menage famille family
product: produit item article
purchase: achat buy bought purchased acheter achete transaction
order: commande ordered
subscription: souscription subscribed souscrit abonnement
spend: depense depenses spent spending expenditure
age: ages
gender: sexe sex genre civilite civility
income: revenu salaire salary wage earnings
wealth: patrimoine fortune asset actif avoir
tenure: anciennete seniority
marital: matrimonial matrimoniale marie married civil
education: etude scolaire scolarite diplome degree schooling
occupation: profession metier job emploi work travail professionnel professionnelle socioprofessionnelle
child: children enfant kid
birth: naissance born ne
city: ville commune town
region: zone area
postal: zip postale
country: pays
house: logement housing habitat home immobilier domicile
owner: proprietaire homeowner ownership
loan: pret credit emprunt
savings: epargne livret
balance: solde encours
account: compte
card: carte
payment: paiement reglement paid
insurance: assurance
risk: risque
default: defaut
debt: dette endettement
loyalty: fidelite
point: points
visit: visite visited passage
view: vue vu viewed consultation consulte
click: clic clique clicked
open: ouverture ouvert opened
cart: panier basket
session: sessions
search: recherche searched
return: retour retourne returned
refund: remboursement refunded
redemption: redeemed utilisation redeem
coupon: bon voucher
discount: remise rabais reduction rebate ristourne
price: prix tarif
category: categorie rayon famille_produit
family: famille
brand: marque
stock: inventaire inventory
margin: marge
promotion: promotionnel
delivery: livraison shipping
delay: delai retard
store: magasin shop boutique
branch: agence
channel: canaux medium media
contact: contacte contacted sollicitation solicitation sollicite
campaign: campagne
call: appel appele called
message: messages
mail: email courriel e-mail emails mailing
letter: courrier
telephone: phone mobile portable
consent: consentement accord optin permission
response: reponse responded
result: resultat outcome issue
satisfaction: satisfait satisfied
complaint: reclamation plainte complained claim
ticket: tickets
review: avis
score: note scoring
appetite: appetence
propensity: propension
churn: attrition resiliation resilie churned
departure: depart
season: saison
month: mois
day: jour
week: semaine
year: annee an
hour: heure
quarter: trimestre
week-day: weekday
duration: duree length
time: temps
interest: interet
index: indice
confidence: confiance
consumer: consommateur consommation
employment: employed employe
inflation: inflations
identifier: identifiant reference key cle numero
name: nom prenom
address: adresse
language: langue
segment: segments
new: nouveau nouvelle newbie
start: debut begin beginning
end: fin
size: taille
band: tranche bracket range group classe groupe
contract: contrat
recommend: recommandation recommander recommendation
"""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIGHT: Final = _listed("""
number amount total date code label flag mean value band status level customer type name kind rate current day month
year week hour quarter identifier household time last description since net gross
""")
"""Words that say how something is measured, or of whom, more than what it is."""

_STOPS: Final = _listed("""
of the in on a an at by for to and or with from is has de du des la le les l d en par pour sur au aux et ou un une
dans avec son sa ses per within
""")
_OPAQUE: Final = _listed(
    "var variable col column feature feat field attr attribute champ donnee data unnamed x v f q k z"
)
_CUTS: Final = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
)
_SPAN: Final = re.compile(r"^(m|j|d|w|y|s|h|an|ans|mois|jours?|semaines?|days?|weeks?|months?|years?)$")


@dataclass(frozen=True)
class Reading:
    """What a name says.

    Parameters
    ----------
    words : tuple of str
        Its words in order, one for each meaning; empty for a name that says nothing, such as ``x1``.
    unit : str
        A unit that stands in the name.
    window : bool
        Whether it speaks of a stretch of time, such as the last 12 months.
    literal : frozenset of str
        Its words as they were written, before words that mean the same became one.
    doubtful : bool
        Whether it is a single abbreviation, such as ``cat_3``.
    """

    words: tuple[str, ...]
    unit: str = ""
    window: bool = False
    literal: frozenset[str] = frozenset()
    doubtful: bool = False


@lru_cache(maxsize=65_536)
def read_name(name: str, known: frozenset[str] = frozenset()) -> Reading:
    """Read a column name, or a phrase.

    Parameters
    ----------
    name : str
        In English or French, in any of the usual spellings.
    known : frozenset of str
        Words of the ontology, by which words written together are cut.

    Examples
    --------
    >>> read_name("nbAchats_12m").words, read_name("nbAchats_12m").window
    (('number', 'purchase'), True)
    >>> read_name("tenure_months").unit, read_name("x1").words, read_name("var_07").words
    ('month', (), ())
    """
    pieces, window = _drop_spans(_cut(name))
    parts = [part for piece in pieces for part in _spell_out(piece, known)]
    parts = [part for part in parts if part not in _STOPS and len(part) > 1]
    if any(unit_of_word(part) != "currency" for part in parts):
        parts = [part for part in parts if unit_of_word(part) != "currency"]  # it says how, never what
    kept = tuple(dict.fromkeys(_one_meaning(part, known) for part in parts))
    if all(piece in _OPAQUE or piece.isdigit() or len(piece) < 2 for piece in pieces):
        kept = ()
    unit = next((unit for unit in map(unit_of_word, pieces) if unit and (len(kept) > 1 or unit == "currency")), "")
    literal = frozenset(map(_singular, parts)) if kept else frozenset()
    doubtful = len(pieces) == 1 and len(pieces[0]) < 4 and pieces[0] in _ABBREVIATIONS
    return Reading(kept, unit, window, literal, doubtful)


def _cut(name: str) -> list[str]:
    bare = unicodedata.normalize("NFKD", name.replace("’", "'")).encode("ascii", "ignore").decode()
    bare = re.sub(r"\b[dlnDLN]'", "", bare).replace("e-mail", "email").replace("E-mail", "email")
    return [piece.casefold() for piece in re.split(r"[^A-Za-z0-9]+", _CUTS.sub(" ", bare)) if piece]


def _drop_spans(pieces: list[str]) -> tuple[list[str], bool]:
    """Take out "12 m", "30 days" and lone numbers."""
    kept: list[str] = []
    window = False
    for index, piece in enumerate(pieces):
        if piece.isdigit():
            continue
        if index and pieces[index - 1].isdigit() and _SPAN.match(piece):
            window = True
            continue
        kept.append(piece)
    return kept, window


def _spell_out(piece: str, known: Collection[str]) -> list[str]:
    if piece in _ABBREVIATIONS:
        return _ABBREVIATIONS[piece].split()
    if piece in _STOPS or _one_meaning(piece) in known or not known:
        return [piece]
    return _divide(piece, known) or [piece]


def _divide(piece: str, known: Collection[str]) -> list[str]:
    """Cut words written together, ``datenaissance``, where every part is known; the fewest parts win."""
    best: list[list[str] | None] = [[]] + [None] * len(piece)
    for end in range(2, len(piece) + 1):
        for start in range(end - 1):
            before, part = best[start], piece[start:end]
            if before is None or (len(part) < 3 and part not in ("id", "nb", "dt", "mt", "cd", "tx")):
                continue
            found = (
                _ABBREVIATIONS.get(part, "").split() if len(part) < 4 else [part] if _one_meaning(part) in known else []
            )
            held = best[end]
            if found and (held is None or len(before) + 1 < len(held)):
                best[end] = [*before, *found]
    found_parts = best[-1]
    return found_parts if found_parts is not None and len(found_parts) > 1 else []


def _one_meaning(word: str, known: Collection[str] = ()) -> str:
    """Return what a word stands for; a word cut short stands for the one meaning that begins so."""
    single = _singular(word)
    meaning = _MEANINGS.get(word) or _MEANINGS.get(single, single)
    if meaning in known or len(word) < 4 or not known:
        return meaning
    begun = {m for w, m in _MEANINGS.items() if m in known and w.startswith(word)}
    begun |= {w for w in known if w.startswith(word)}
    return begun.pop() if len(begun) == 1 else meaning


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith(("s", "x")) and not word.endswith(("ss", "us", "is")) else word


def _table(text: str) -> dict[str, str]:
    """Return the meaning of each word of lines ``meaning: word word``, the meaning itself included."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        meaning, _, words = line.partition(": ")
        for word in (meaning, *words.split()):
            found.setdefault(word, meaning)
    return found


_MEANINGS: Final = _table(_SAME)
_ABBREVIATIONS: Final = {short: full for short, full in _table(_SHORT).items() if short != full}
