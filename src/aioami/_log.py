"""Loggers whose records can be written to any file, whatever text a server or a user sent."""

from __future__ import annotations

import logging
import traceback

__all__ = ["get_logger", "printable"]


def printable(text: object) -> str:
    """Return text in which single surrogates, which UTF-8 does not have, are written out."""
    return str(text).encode("utf-8", "backslashreplace").decode()


class _Printable(logging.Filter):
    """Makes each record printable before any handler gets it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (shown := printable(message)) != message:
            record.msg, record.args = shown, ()
        if record.exc_info:
            # Formatters take this text where it is there, and format the exception themselves where
            # it is not.
            formatted = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = printable(formatted.rstrip("\n"))
        return True


_PRINTABLE = _Printable()


def get_logger(name: str) -> logging.Logger:
    """Return the logger of that name, for messages that may hold text of a server or a user."""
    logger = logging.getLogger(name)
    logger.addFilter(_PRINTABLE)
    return logger
