"""Run the dashboard, or print the line of a user for the file of users.

python -m dashboard                  on 127.0.0.1, port 8765 or that of DASHBOARD_PORT (0 is any)
python -m dashboard password NAME    asks for a password, and prints the line for the file of users
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import secrets
import sys

from .app import create_server
from .settings import ONE, Settings
from .traffic import keep_calling, office
from .users import Users, hash_password


async def serve_office(port: int) -> None:
    """Serve an invented office, with a new password for each run."""
    password = secrets.token_urlsafe(9)
    settings = Settings(servers={}, users=Users({"demo": hash_password(password)}), dial="PJSIP/{}")
    async with office() as fake:
        settings.servers = {ONE: fake.url}
        print("Neither AIOAMI_URL nor AIOAMI_FLEET is set, so this is an invented office on an embedded server.")
        print(f"Log in as: demo   with the password: {password}", flush=True)
        calling = asyncio.create_task(keep_calling(fake))
        try:
            await create_server(settings, port).serve()
        finally:
            calling.cancel()


def main(arguments: list[str]) -> int:
    """Run the command line, and return the exit code."""
    if len(arguments) == 2 and arguments[0] == "password":
        password = getpass.getpass(f"Password for {arguments[1]}: ")
        try:
            print(f"{arguments[1]}:{hash_password(password)}")
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        port = int(os.environ.get("DASHBOARD_PORT", "8765"))
        real = os.environ.get("AIOAMI_URL") or os.environ.get("AIOAMI_FLEET")
        work = create_server(Settings.from_environment(), port).serve() if real else serve_office(port)
    except (ImportError, OSError, ValueError) as error:
        print(f"the dashboard cannot start: {error}", file=sys.stderr)
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
