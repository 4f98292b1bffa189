"""Keeps one-time links and patients' data out of the logs."""

import logging
import re
import traceback

LINK = re.compile(r"(account/link/)[\w-]+")


class HideLinks(logging.Filter):
    """For log handlers: writes `account/link/hidden` whatever the token. Imports nothing of Django."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if LINK.search(text):
            record.msg, record.args = LINK.sub(r"\1hidden", text), ()
        return True


class TypesOnly(logging.Formatter):
    """Writes where an exception came from and its type, never its message: a database's quotes the row it refuses."""

    def formatException(self, ei) -> str:
        parts, error = [], ei[1]
        while error is not None:
            parts.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
            error = error.__cause__ or error.__context__
        return "\ncaused by\n".join(parts)
