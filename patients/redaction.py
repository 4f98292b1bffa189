"""Keeps one-time links and patients' data out of the logs."""

import logging
import re
import traceback

HIDDEN = (  # what an address or a message may name: a link's token, a patient by code, whatever was typed as a code
    (re.compile(r"(account/link/)[\w-]+"), r"\1hidden"),
    (re.compile(r"(/patients/)(?!(?:add|hidden)/)[^/\s]+"), r"\1hidden"),
    (re.compile(r"\bMS-[0-9A-Z]{8}\b"), "MS-hidden"),
)


class HideLinks(logging.Filter):
    """For log handlers: no token of a one-time link and no patient's code. Imports nothing of Django."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = said = record.getMessage()
        for pattern, instead in HIDDEN:
            said = pattern.sub(instead, said)
        if said != text:
            record.msg, record.args = said, ()
        return True


class TypesOnly(logging.Formatter):
    """Writes where an exception came from and its type, never its message: a database's quotes the row it refuses."""

    def formatException(self, ei) -> str:
        parts, error = [], ei[1]
        while error is not None:
            parts.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
            error = error.__cause__ or error.__context__
        return "\ncaused by\n".join(parts)
