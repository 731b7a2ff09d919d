"""What each cause contributes to the outcome of a row: coalitions, closed forms and draws."""

__all__: list[str] = []
