import subprocess
import sys

import graphrec.evaluation as evaluation


def test_every_exported_name_is_found():
    for name in evaluation.__all__:
        assert getattr(evaluation, name).__module__.startswith("graphrec.evaluation.")
    assert set(evaluation.__all__) == set(evaluation._HOME)


def test_the_package_itself_imports_nothing_heavy():
    code = "import sys, graphrec.evaluation; print([m for m in ('torch', 'scipy', 'numpy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
