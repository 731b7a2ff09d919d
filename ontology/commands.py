"""The ontology on the command line: show it, match columns, check it with a market, learn what was confirmed.

Hides the reading of options and files. The commands stand here and not with the others because they need nothing of
graphrec: who only wants the vocabulary has them too. What a command prints on stdout can be piped; errors are
:class:`~ontology.OntologyError`, which the caller turns into one line.
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ontology import ROLE_IMMUTABLE
from ontology.axioms import OntologyError

if TYPE_CHECKING:
    import pandas as pd

    from ontology.domain import Ontology
    from ontology.lessons import Lesson

__all__ = ["app"]

app = typer.Typer(help="What the business knows: classes, rules and levers.", no_args_is_help=True)

Own = Annotated[Path | None, typer.Option("--ontology", help="An ontology of your own; without it the packaged one.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[CLASS]", help="One class; without it the tree.")] = None,
    ontology: Own = None,
    syntax: Annotated[str, typer.Option("--format", help="tree, json, turtle or mermaid.")] = "tree",
    language: Annotated[str, typer.Option(help="en or fr.")] = "en",
) -> None:
    """Print the tree of classes, one class with its rules, or the whole for another program."""
    from ontology.export import to_json, to_mermaid, to_turtle

    onto = _load(ontology)
    written: dict[str, Callable[[Ontology], str]] = {
        "json": to_json,
        "turtle": to_turtle,
        "mermaid": partial(to_mermaid, language=language),
    }
    if syntax not in ("tree", *written) or language not in ("en", "fr"):
        raise OntologyError(f"--format is {syntax!r} and --language {language!r}; they are tree, json, turtle or "
                            "mermaid, and en or fr")  # fmt: skip
    if name is not None:
        onto.tier(name)  # refuses an unknown class with the nearest ones
        typer.echo("\n".join(_describe(onto, name, language)))
    elif syntax == "tree":
        typer.echo("\n".join(_tree(onto, language)))
    else:
        typer.echo(written[syntax](onto), nl=False)


@app.command()
def match(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="CSV or Parquet files, or their folder.")],
    ontology: Own = None,
    threshold: Annotated[float, typer.Option(help="Score from which a class is proposed.")] = 0.7,
    as_json: Json = False,
) -> None:
    """Propose a class for each column, as the roles table of a market.toml; what is not sure stands in comments."""
    onto = _load(ontology)
    told: dict[str, Any] = {}
    for path, frame in _read_tables(tables):
        found = onto.match(frame, threshold=threshold)
        told[path.name] = {"roles": found.roles, "unmatched": found.unmatched}
        if not as_json:
            typer.echo(f"# {path.name}: {len(found.roles)} of {len(found)} columns\n{found.to_toml()}")
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))


@app.command()
def check(
    ontology: Annotated[Path | None, typer.Argument(metavar="[ONTOLOGY]", help="Without it the packaged one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with a market.toml whose roles are checked too.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="Unit of a column, such as tenure=months; repeat it.")] = None,
    as_json: Json = False,
) -> None:
    """Check an ontology, and the roles and units of a market with it; print what the company may move."""
    from ontology.levers import list_exclusions

    onto = _load(ontology)
    roles = {} if data is None else _roles(data / "market.toml")
    levers = onto.levers(roles)
    facts: dict[str, Any] = {
        "ontology": onto.name,
        "classes": len(onto.classes),
        "rules": len(onto.rules),
        "roles": len(roles),
        "units": [note for note in _check_units(onto, roles, unit or []) if note],
        "levers": [lever.reason for lever in levers],
        "not together": [f"{a} and {b} ({word})" for a, b, word in list_exclusions(levers)],
        "blocked": list(onto.blocked(roles).values()),
    }
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    typer.echo(f"{onto.name}: {len(onto.classes)} classes and {len(onto.rules)} rules without a contradiction")
    for title in ("units", "levers", "not together", "blocked"):
        for line in facts[title]:
            typer.echo(f"  {title}: {line}")


@app.command()
def learn(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH", help="graph.json, or the folder of `graphrec run`.")],
    into: Annotated[Path, typer.Option(help="The .owl file of your own that is written to.")],
    author: Annotated[str, typer.Option(help="Who confirms.")],
    roles: Annotated[Path | None, typer.Option(help="market.toml or JSON with the roles of the columns.")] = None,
    minimum: Annotated[float, typer.Option(help="Least share of bootstraps of an edge.")] = 0.8,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm all without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Confirm what discovery found, edge by edge, and keep it as axioms that the next discovery starts from."""
    from ontology.lessons import draw_lessons, keep_lessons

    file = graph / "graph.json" if graph.is_dir() else graph
    known = _load(into if into.exists() else None)
    told = {c: r for c, r in _roles(roles or _beside(file)).items() if r in known.classes}
    drawn = draw_lessons(_shares(file), told, author=author, date=dt.date.today(), minimum=minimum)
    drawn = [lesson for lesson in drawn if _adds(known, lesson)]
    kept = [lesson for lesson in drawn if yes or typer.confirm(f"{_said(lesson)}?", err=True)]
    if kept:
        keep_lessons(into, kept)
    facts = {"found": len(drawn), "kept": [_said(lesson) for lesson in kept], "into": str(into)}
    typer.echo(json.dumps(facts) if as_json else f"kept {len(kept)} of {len(drawn)} lessons in {into}")


def _load(path: Path | None) -> Ontology:
    from ontology.loader import load_ontology

    return load_ontology(path)


def _tree(onto: Ontology, language: str, parent: str = "", depth: int = 0) -> Iterator[str]:
    for name, known in onto.classes.items():
        if (not parent and not known.parents) or parent in known.parents:
            tier = "" if known.tier is None else f"  tier {known.tier}"
            lever = "  lever" if known.actionable else ""
            yield f"{'  ' * depth}{name}  ({known.label_fr if language == 'fr' else known.label}){tier}{lever}"
            yield from _tree(onto, language, name, depth + 1)


def _describe(onto: Ontology, name: str, language: str) -> Iterator[str]:
    known = onto.classes[name]
    yield f"{name}: {known.label_fr if language == 'fr' else known.label} ({known.where})"
    yield f"  {known.comment_fr if language == 'fr' else known.comment}"
    yield f"  below {', '.join(onto.ancestors(name)) or 'nothing'}; tier {known.tier}; group {known.group or 'none'}"
    yield f"  also called {', '.join((*known.synonyms, *known.synonyms_fr)) or 'nothing else'}"
    yield from (f"  {lever.reason}" for lever in onto.levers({name: name}))
    yield from (f"  {reason}" for reason in onto.blocked({name: name}).values())
    above = {name, *onto.ancestors(name)}
    yield from (f"  {rule}" for rule in onto.rules if rule.cause in above or rule.effect in above)


def _read_tables(paths: list[Path]) -> Iterator[tuple[Path, pd.DataFrame]]:
    import pandas as pd

    files = [f for p in paths for f in (sorted(p.iterdir()) if p.is_dir() else [p])]
    for path in files:
        name = path.name.removesuffix(".gz")
        try:
            if name.endswith(".parquet"):
                yield path, pd.read_parquet(path)
            elif name.endswith((".csv", ".tsv")):
                yield path, pd.read_csv(path, sep=None, engine="python", nrows=20_000)
            elif path in paths:
                raise OntologyError(f"{path} is neither CSV nor Parquet")
        except (OSError, ValueError, pd.errors.ParserError) as error:
            if isinstance(error, OntologyError):
                raise
            raise OntologyError(f"cannot read {path}: {error}") from None


def _roles(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise OntologyError(f"cannot read the roles in {path}: {error.strerror}; give --roles or --data") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise OntologyError(f"{path} is malformed: {error}") from None
    stated = document.get("roles", document) if isinstance(document, Mapping) else {}
    return {c: name for c, role in stated.items() if isinstance(name := _class_of(role), str)}


def _class_of(role: object) -> object:
    return role.get("class", ROLE_IMMUTABLE) if isinstance(role, Mapping) else role


def _beside(file: Path) -> Path:
    """Return the file in which `graphrec run` keeps the roles of the panel's columns."""
    return file.parent / "model" / "recommender.json"


def _check_units(onto: Ontology, roles: Mapping[str, str], units: list[str]) -> Iterator[str]:
    from ontology.measures import check_unit

    for stated in units:
        column, _, unit = stated.partition("=")
        if column not in roles or not unit:
            raise OntologyError(f"--unit is {stated!r}; write column=unit for a column with a role: {', '.join(roles)}")
        if roles[column] in onto.classes:
            yield check_unit(column, unit, onto.classes[roles[column]])


def _shares(file: Path) -> dict[tuple[str, str], float]:
    try:
        graph = json.loads(file.read_text(encoding="utf-8"))
        told = {(a, b): c.get("share", c["edge"]) * c["orientation"] for a, b, c in graph["confidence"]}
        return {(a, b): told.get((a, b), 0.0) for a, b in graph["edges"]}
    except OSError as error:
        raise OntologyError(f"cannot read the graph in {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise OntologyError(f"{file} is no graph that graphrec wrote: {error}") from None


def _adds(known: Ontology, lesson: Lesson) -> bool:
    """Say whether a lesson says more than the tiers and rules that are there, and nothing against them."""
    said = known.knowledge({"cause": lesson.cause, "effect": lesson.effect})
    pair = ("cause", "effect")
    return pair not in said["forbidden"] and pair not in said["required"] and pair not in said["confidence"]


def _said(lesson: Lesson) -> str:
    return f"{lesson.cause} {lesson.kind} {lesson.effect}, {lesson.reason} ({lesson.confidence:g})"
