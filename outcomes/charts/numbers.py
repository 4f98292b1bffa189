"""Numbers in the captions and tables of figures."""

from django.template.defaultfilters import floatformat


def whole(number: float) -> str:
    """Without decimals, rounded half up as the templates do it: a share reads the same wherever it stands."""
    return str(floatformat(number, 0))
