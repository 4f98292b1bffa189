"""Celery's queue in Redis, whose worker lives through whatever stands in it. Used by the worker alone: it reads."""

import logging
from queue import Empty

from kombu.transport import redis

from edss_tracker import messages

log = logging.getLogger(__name__)


def drop(problem: Exception) -> None:
    log.warning("something in the queue is no message and was dropped: %s", type(problem).__name__)


class QoS(redis.QoS):
    """Gives back what a dead worker had taken and not begun."""

    def restore_visible(self, *args, **kwargs) -> None:
        try:
            super().restore_visible(*args, **kwargs)
        except (ValueError, TypeError, RecursionError) as problem:
            drop(problem)
            with self.channel.conn_or_acquire() as client:
                client.delete(self.unacked_key, self.unacked_index_key)


class Channel(redis.Channel):
    QoS = QoS

    def _brpop_read(self, **options) -> bool:
        try:
            return super()._brpop_read(**options)
        except (ValueError, RecursionError) as problem:  # the text is no JSON
            drop(problem)
            raise Empty from None


class Transport(redis.Transport):
    Channel = Channel

    def _deliver(self, message: object, queue: str) -> None:
        try:
            good = messages.checked(message, next(iter(self.channels)))
        except Exception as problem:  # whatever is in there, the worker goes on
            drop(problem)
        else:
            super()._deliver(good, queue)
