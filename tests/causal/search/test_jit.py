from __future__ import annotations

import os
import subprocess
import sys
import time


def test_code_is_compiled_again_when_a_function_it_calls_in_another_file_changes(tmp_path):
    head = "from causal.search.jit import compiled\n"
    (tmp_path / "callee.py").write_text(head + "@compiled\ndef inner(x):\n    return x + 1\n")
    (tmp_path / "caller.py").write_text(
        head + "from callee import inner\n@compiled\ndef outer(x):\n    return 10 * inner(x)\n"
    )

    def ask():
        said = "print(outer(1), sum(outer.stats.cache_hits.values()))"
        words = [sys.executable, "-c", f"from caller import outer; {said}"]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()

    assert ask() == ["20", "0"]
    assert ask() == ["20", "1"]
    (tmp_path / "callee.py").write_text(head + "@compiled\ndef inner(x):\n    return x + 2\n")
    os.utime(tmp_path / "callee.py", (time.time() + 5, time.time() + 5))
    assert ask() == ["30", "0"]
