"""How large an effect is: cross-fitted scores for arms and amounts, instruments, mediators."""

__all__: list[str] = []
