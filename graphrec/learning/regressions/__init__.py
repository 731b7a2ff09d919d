"""The regressions learners of effects are put together from, and the form in which they are stored."""

__all__: list[str] = []
