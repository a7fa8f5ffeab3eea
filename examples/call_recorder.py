"""Write every call and its outcome into an SQLite database.

    AIOAMI_URL=ami://user:secret@pbx.example python call_recorder.py calls.db

Each call has a row, for the channel with which it began, from its first moment on. The user needs `read = call` and
`write = reporting`. Ctrl-C or SIGTERM ends it. To count the calls of today by their outcome:

    sqlite3 calls.db "SELECT outcome, count(*) FROM calls WHERE started >= date('now') GROUP BY outcome"
"""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import sys

from aioami import Event, EventsLost, Manager, ManagerError, core, events

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    uniqueid TEXT PRIMARY KEY, channel TEXT, caller TEXT, number TEXT, started TEXT, answered TEXT, ended TEXT,
    dialled TEXT,  -- what became of the phones: ANSWER if one was answered, else the DialStatus of the last
    outcome TEXT   -- that, or ANSWER if Asterisk answered, or why it was hung up; UNKNOWN if that was not seen
)"""
BEGUN = "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, datetime('now', ?), NULL, NULL, NULL, NULL)"
DIALLED = "UPDATE calls SET dialled = ? WHERE uniqueid = ? AND dialled IS NOT 'ANSWER'"
ANSWERED = "UPDATE calls SET answered = coalesce(answered, datetime('now')) WHERE uniqueid = ?"
ENDED = """UPDATE calls SET ended = datetime('now'),
outcome = coalesce(dialled, CASE WHEN answered IS NULL THEN ? ELSE 'ANSWER' END) WHERE uniqueid = ?"""
GONE = """UPDATE calls SET ended = datetime('now'), outcome = 'UNKNOWN'  -- ? has a Uniqueid a line
WHERE ended IS NULL AND instr(?, char(10) || uniqueid || char(10)) = 0"""


def record(db: sqlite3.Connection, event: Event, seconds_ago: float = 0) -> None:
    first = event.get("Uniqueid") == event.get("Linkedid")  # this is the channel that the call began with
    if isinstance(event, events.DialEnd):
        db.execute(DIALLED, (event["DialStatus"], event.linkedid))
    elif first and isinstance(event, events.Newchannel | events.CoreShowChannel):
        row = (event.uniqueid, event.channel, event.caller_id_num, event.exten, f"-{seconds_ago} seconds")
        db.execute(BEGUN, row)
    elif first and isinstance(event, events.Hangup):
        db.execute(ENDED, (event["Cause-txt"], event.uniqueid))
    if first and isinstance(event, events.Newstate | events.CoreShowChannel) and event["ChannelStateDesc"] == "Up":
        db.execute(ANSWERED, (event.uniqueid,))


async def take_stock(mgr: Manager, db: sqlite3.Connection) -> None:
    """Record the calls in progress, and the end of those that are over."""
    try:
        channels = (await mgr.send(core.CoreShowChannels())).events
    except ManagerError as error:  # if the link is lost once more, another EventsLost will come
        logging.warning("the channels could not be listed: %s", error)
        return
    for channel in channels:
        record(db, channel, channel.duration or 0)
    db.execute(GONE, ("\n".join(["", *(channel["Uniqueid"] for channel in channels), ""]),))


async def follow(mgr: Manager, db: sqlite3.Connection) -> None:
    kinds = (events.Newchannel, events.Newstate, events.DialEnd, events.Hangup)
    stream = mgr.events(*kinds, on_loss="raise")  # opened before the list is asked for, so no event is missed
    while True:
        await take_stock(mgr, db)
        try:
            async for event in stream:
                record(db, event)  # so quick that it may hold up the event loop
            return
        except EventsLost as lost:
            logging.warning("%s", lost)


async def run(url: str, db: sqlite3.Connection) -> None:
    async with Manager.from_url(url, retry_connect=True) as mgr:
        print("recording", flush=True)
        work = asyncio.ensure_future(follow(mgr, db))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write every call and its outcome into an SQLite database.")
    parser.add_argument("database", help="a file, which is made if it is not there")
    url = os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    database = sqlite3.connect(parser.parse_args().database, isolation_level=None)
    database.execute(SCHEMA)
    try:
        asyncio.run(run(url, database))
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped")
    except (ManagerError, ValueError) as error:
        sys.exit(f"call_recorder: {error}")
    finally:
        database.close()
