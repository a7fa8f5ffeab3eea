"""Loggers whose records can always be written, whatever text a server or a user sent."""

from __future__ import annotations

import logging
import traceback

__all__ = ["get_logger", "printable"]


def printable(text: object) -> str:
    """Return text with lone surrogates, which UTF-8 cannot encode, written as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode()


class _Printable(logging.Filter):
    """Makes each record printable before any handler gets it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (shown := printable(message)) != message:
            record.msg, record.args = shown, ()
        if record.exc_info:
            # Formatters use this text if it is set; otherwise they format the exception themselves.
            formatted = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = printable(formatted.rstrip("\n"))
        return True


_PRINTABLE = _Printable()


def get_logger(name: str) -> logging.Logger:
    """Return a logger by its name. Its messages may hold text from a server or a user."""
    logger = logging.getLogger(name)
    logger.addFilter(_PRINTABLE)
    return logger
