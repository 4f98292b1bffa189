"""Figures as the library sees them: colours are token names in ours, so they are painted first."""

import plotly.graph_objects as go


def painted(value):
    if isinstance(value, str):
        return "#123456" if value.startswith("--") else value
    if isinstance(value, (list, tuple)):
        return [painted(item) for item in value]
    if isinstance(value, dict):
        return {key: painted(item) for key, item in value.items()}
    return value


def accept(figure: dict) -> None:
    """Raises ValueError for a misspelt key or an impossible value anywhere in the figure or its compact layout."""
    figure = painted(figure)
    go.Figure({"data": figure["data"], "layout": figure["layout"]})
    go.Figure({"data": [], "layout": figure.get("compact", {})})
