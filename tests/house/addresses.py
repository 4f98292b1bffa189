"""Every address of the product, from the URL configuration itself, with arguments that exist."""

from uuid import UUID

from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

NOBODY = UUID(int=7)


def every_address() -> list[tuple[str, tuple[str, ...]]]:
    """(name, names of its arguments) of every address; one without a name comes as its route."""
    return sorted(set(walk(get_resolver().url_patterns)))


def walk(patterns, namespace=""):
    for item in patterns:
        if isinstance(item, URLPattern):
            name = f"{namespace}{item.name}" if item.name else f"unnamed {item.pattern}"
            yield name, tuple(item.pattern.regex.groupindex) or tuple(item.pattern.converters)
        else:
            yield from walk(item.url_patterns, f"{namespace}{item.namespace}:" if item.namespace else namespace)


def fill(name: str, arguments: tuple[str, ...], values: dict) -> str:
    """The path of an address. `values`: argument name, or (address name, argument name), to a value.

    Without one: 1, or where the address wants a UUID one that belongs to nothing.
    """
    chosen = {argument: values.get((name, argument), values.get(argument, 1)) for argument in arguments}
    try:
        return reverse(name, kwargs=chosen)
    except NoReverseMatch:
        return reverse(name, kwargs=chosen | {"pk": NOBODY})
