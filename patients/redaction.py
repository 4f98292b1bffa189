"""Keeps one-time links out of the logs: their address is a password until it is used."""

import logging
import re

LINK = re.compile(r"(account/link/)[\w-]+")


class HideLinks(logging.Filter):
    """For log handlers: writes `account/link/hidden` whatever the token. Imports nothing of Django."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if LINK.search(text):
            record.msg, record.args = LINK.sub(r"\1hidden", text), ()
        return True
