"""What may come out of a queue: a task that Celery can run or refuse by its own rules. Anything else ends a worker.

Celery trusts its broker. A text that is no message makes it stop, gives the text back to the queue, and so stops the
next one too. So both queues look at each message before Celery does; what it needs not know is left out.
"""

from kombu.transport import virtual

JSON = "application/json"


def checked(raw: object, channel: virtual.Channel) -> dict:
    """The message, with the headers that a hint needs. Raises, whatever is wrong with it."""
    if not isinstance(raw, dict) or raw.get("content-type") != JSON or raw["headers"].get("compression"):
        raise ValueError("not a message of ours")
    head, properties = raw["headers"], raw["properties"]
    if any(head.get("timelimit") or ()) or head.get("eta") or head.get("expires"):
        raise ValueError("not a task of ours, which runs at once")  # Celery ends on limits that are none
    way = properties["delivery_info"]
    args, kwargs, embedded = channel.Message(raw, channel=channel).decode()
    told = [args, kwargs, head["task"], head["id"], properties["delivery_tag"], way["exchange"], way["routing_key"]]
    if [type(part) for part in told] != [list, dict, str, str, str, str, str] or any(embedded.values()):
        raise ValueError("not a task of ours")
    return raw | {"headers": {"lang": "py", "task": head["task"], "id": head["id"], "root_id": head["id"]}}
