"""The rules of the house, as programs; CONTRIBUTING.md gives the reasons."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graphrec", "causal", "ontology")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BANNED_NAMES = {
    "utils", "util", "helpers", "common", "base", "core", "types", "config", "misc", "managers", "exceptions"
}  # fmt: skip
HEAVY = {"torch", "torch_geometric", "shap", "lightgbm", "causallearn", "matplotlib", "sklearn", "duckdb"}
PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
SEEDED = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute chain, or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_search_for_modules_finds_the_packages() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in MODULES}
    assert found == set(PACKAGES)
    assert len(MODULES) > 50


def test_every_module_says_what_it_is_and_what_it_offers() -> None:
    silent = [_name(path) for path in MODULES if not (ast.get_docstring(_tree(path)) or "").strip()]
    assert not silent, f"modules without a docstring: {silent}"
    closed = []
    for path in MODULES:
        targets = [
            target.id
            for node in _tree(path).body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        ]
        if "__all__" not in targets:
            closed.append(_name(path))
    assert not closed, f"modules without __all__: {closed}"


def test_no_file_is_longer_than_400_lines() -> None:
    scripts = [path for path in _tracked() if path.suffix == ".py" and "tests" not in path.relative_to(ROOT).parts]
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in {*MODULES, *scripts}}
    assert not {name: n for name, n in lengths.items() if n > 400}


def test_names_say_what_a_module_decides() -> None:
    parts = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not parts & BANNED_NAMES


def test_no_module_name_is_given_twice() -> None:
    names = Counter(path.stem for path in MODULES if path.name not in ("__init__.py", "__main__.py"))
    assert not {name: n for name, n in names.items() if n > 1}


def test_nothing_is_pickled() -> None:
    guilty = []
    for path in MODULES:
        tree = _tree(path)
        guilty += [f"{_name(path)}: {name}" for name in _imports(tree) if name.split(".")[0] in PICKLERS]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = _dotted(node.func)
            loose = any(word.arg == "allow_pickle" for word in node.keywords)
            if called in ("torch.load", "torch.save") or called.endswith(("read_pickle", "to_pickle")) or loose:
                guilty.append(f"{_name(path)}:{node.lineno}: {called}")
    assert not guilty


def test_no_random_state_is_global() -> None:
    guilty = []
    for path in MODULES:
        tree = _tree(path)
        guilty += [f"{_name(path)}: import random" for name in _imports(tree) if name == "random"]
        for node in ast.walk(tree):
            dotted = _dotted(node) if isinstance(node, ast.Attribute) else ""
            head, _, last = dotted.rpartition(".")
            if (head in ("np.random", "numpy.random") and last not in SEEDED) or dotted == "torch.manual_seed":
                guilty.append(f"{_name(path)}:{node.lineno}: {dotted}")
    assert not guilty


def _loaded(program: str) -> set[str]:
    """Heavy modules that a program has loaded in an interpreter of its own."""
    ending = "import sys\nsys.stderr.write('\\nloaded ' + ' '.join({m.split('.')[0] for m in list(sys.modules)}))\n"
    done = subprocess.run([sys.executable, "-c", program + ending], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rsplit("loaded ", 1)[1].split()) & HEAVY


@pytest.mark.parametrize("package", PACKAGES)
def test_an_import_costs_little(package: str) -> None:
    assert not _loaded(f"import {package}\n")


def test_the_search_for_loaded_modules_finds_one() -> None:
    assert _loaded("import lightgbm\n") >= {"lightgbm"}


def test_help_costs_little() -> None:
    program = (
        "import sys\nfrom graphrec.cli import main\nsys.argv = ['graphrec', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    assert not _loaded(program)


def _index_hosts() -> set[str]:
    """Hosts of private package indexes that this machine installs from."""
    urls = [os.environ.get(name, "") for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL")]
    settings = configparser.ConfigParser(interpolation=None)
    places = [Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf", Path("/etc/pip.conf")]
    settings.read([*places, Path(os.environ.get("PIP_CONFIG_FILE", os.devnull)), Path(sys.prefix) / "pip.conf"])
    urls += [value for section in settings.sections() for key, value in settings[section].items() if "index" in key]
    hosts = {urlsplit(url).hostname or "" for text in urls for url in text.split()}
    return hosts - {"", "pypi.org", "localhost", "127.0.0.1"}


def test_no_tracked_file_knows_this_machine() -> None:
    places = [f"{place}/" for place in (ROOT, ROOT.parent, Path.home(), Path(tempfile.gettempdir())) if place.name]
    # A place counts where a path starts: "/src/" is one in a quotation, none in "package/src/".
    words = [rf"(?<![\w.-]){re.escape(place)}" for place in places] + [re.escape(host) for host in _index_hosts()]
    secret = re.compile("|".join(words).encode())
    found = {_name(path): secret.search(path.read_bytes()) for path in _tracked()}
    assert secret.search(f"'{ROOT}/data'".encode())
    assert not {name: match.group() for name, match in found.items() if match}


@pytest.mark.slow
def test_the_wheel_holds_more_than_python(tmp_path: Path) -> None:
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    source = tmp_path / "source"
    kept = [*PACKAGES, "pyproject.toml", "README.md", "LICENSE"]
    for name in kept:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(place, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist")]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = {f"{package}/py.typed" for package in PACKAGES} | {"ontology/marketing.owl"}
    report = ROOT / "graphrec" / "report"
    extras = [path for folder in ("templates", "vendor") for path in (report / folder).rglob("*") if path.is_file()]
    assert {"report.html", "graph.js", "cytoscape.min.js"} <= {path.name for path in extras}
    wanted |= {_name(path) for path in [*MODULES, *extras]}
    assert not wanted - names
    assert not [name for name in names if name.startswith(("tests", "data", "benchmarks", "notebooks", "docs"))]
