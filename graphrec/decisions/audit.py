"""What a plan does to whom, and what it would have been worth: the questions of an audit, answered in tables.

The door of `planning.pressure`, `planning.silences`, `planning.hindsight` and `planning.trial`. Hides nothing; each
question is a file of its own:

- who is contacted too often, by segment, before the plan and with it (`pressure_table`);
- whether segments are treated alike (`fairness_table`);
- who is left alone after an unhappy word, until when and about what (`silence_table`);
- what a plan would have been worth, from the log of another that drew by lot (`logged_value`);
- which of two policies is better, in a simulated market where the truth is known (`simulated_trial`).
"""

from __future__ import annotations

from graphrec.decisions.planning.hindsight import LoggedValue, logged_value
from graphrec.decisions.planning.pressure import fairness_table, pressure_table
from graphrec.decisions.planning.silences import silence_table
from graphrec.decisions.planning.trial import Trial, simulated_trial

__all__ = [
    "LoggedValue",
    "Trial",
    "fairness_table",
    "logged_value",
    "pressure_table",
    "silence_table",
    "simulated_trial",
]
