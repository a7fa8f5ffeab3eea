"""Actions about the server: its database, files, modules, hints, mailboxes and command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..accounts import ALL, CLASSES
from ..config import ConfigError, ConfigFile
from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed, success

# Database


def _entry(request: Request, stop: str = ".") -> tuple[str, str] | Answer:
    family, key = request.get("Family"), request.get("Key")
    if not family:
        return error(f"No family specified{stop}")
    if not key:
        return error(f"No key specified{stop}")
    return family, key


@action("DBGet", "system,reporting", "Reads a value from the database")
async def db_get(exchange: Exchange, request: Request) -> Answer:
    entry = _entry(request)
    if not isinstance(entry, tuple):
        return entry
    value = exchange.database.get(entry)
    if value is None:
        return error("Database entry not found")
    item = [("Event", "DBGetResponse"), ("Family", entry[0]), ("Key", entry[1]), ("Val", value), ID]
    return listed("Result will follow", [item], "DBGetComplete")


@action("DBPut", "system", "Puts a value into the database")
async def db_put(exchange: Exchange, request: Request) -> Answer:
    entry = _entry(request, "")
    if not isinstance(entry, tuple):
        return entry
    exchange.database[entry] = request.get("Val")
    return success("Updated database successfully")


@action("DBDel", "system", "Removes a value from the database")
async def db_del(exchange: Exchange, request: Request) -> Answer:
    entry = _entry(request)
    if not isinstance(entry, tuple):
        return entry
    if exchange.database.pop(entry, None) is None:
        return error("Database entry could not be deleted")
    return success("Key deleted successfully")


@action("DBDelTree", "system", "Removes a tree of values from the database")
async def db_del_tree(exchange: Exchange, request: Request) -> Answer:
    family, key = request.get("Family"), request.get("Key")
    if not family:
        return error("No family specified.")
    prefix = f"{family}/{key}/".replace("//", "/")
    found = [entry for entry in exchange.database if f"{'/'.join(entry)}/".startswith(prefix)]
    for entry in found:
        del exchange.database[entry]
    return success("Key tree deleted successfully") if found else error("Database entry not found")


# Files


def _file(exchange: Exchange, request: Request) -> ConfigFile | Answer:
    name = request.get("Filename")
    if not name:
        return error("Filename not specified")
    return exchange.files.get(name) or error("Config file not found")


@action("GetConfig", "system,config", "Reads a configuration file")
async def get_config(exchange: Exchange, request: Request) -> Answer:
    file = _file(exchange, request)
    if not isinstance(file, ConfigFile):
        return file
    wanted = request.get("Category")
    given = request.get("Filter").split(",")
    options = dict(option.partition("=")[::2] for option in given if option)
    templates = options.pop("TEMPLATES", "")
    pairs: Pairs = [("Response", "Success")]
    number = 0
    for category in file.categories:
        hidden = category.template and templates not in ("include", "restrict")
        if hidden or wanted not in ("", category.name):
            continue
        if templates == "restrict" and not category.template:
            continue
        if any(not _matches(pattern, category.get(name)) for name, pattern in options.items()):
            continue
        pairs.append((f"Category-{number:06}", category.name))
        if category.template:
            pairs.append((f"IsTemplate-{number:06}", "1"))
        if category.templates:
            pairs.append((f"Templates-{number:06}", ",".join(category.templates)))
        lines = enumerate(f"{name}={value}" for name, value in category.lines)
        pairs += [(f"Line-{number:06}-{line:06}", text) for line, text in lines]
        number += 1
    if wanted and not number:
        pairs.append(("No categories found", "\0"))
    return pairs


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except (re.error, OverflowError, RecursionError):
        return False


@action("ListCategories", "config", "Lists the categories of a configuration file")
async def list_categories(exchange: Exchange, request: Request) -> Answer:
    file = _file(exchange, request)
    if not isinstance(file, ConfigFile):
        return file
    names = [category.name for category in file.categories if not category.template]
    pairs: Pairs = [
        ("Response", "Success"),
        *((f"Category-{n:06}", name) for n, name in enumerate(names)),
    ]
    return pairs if names else [*pairs, ("Error", "no categories found")]


@action("CreateConfig", "config", "Makes an empty configuration file")
async def create_config(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Filename")
    if not name:
        return error("Filename not specified" if exchange.major >= 18 else "Is a directory")
    if "/" in name:
        return _escalated(exchange)
    if name in exchange.files:
        return error("File exists")
    exchange.files[name] = ConfigFile()
    return success("New configuration file created successfully")


@action("UpdateConfig", "config", "Changes a configuration file")
async def update_config(exchange: Exchange, request: Request) -> Answer:
    source, destination = request.get("SrcFilename"), request.get("DstFilename")
    if not source or not destination:
        return error("Filename not specified")
    if source not in exchange.files or destination not in exchange.files:
        return _escalated(exchange)
    file = exchange.files[source].copy()
    number = 0
    while verb := request.get(f"Action-{number:06}"):
        names = ("Cat", "Var", "Value", "Match", "Line")
        try:
            file.change(verb.lower(), *(request.get(f"{name}-{number:06}") for name in names))
        except ConfigError as problem:
            return error(str(problem))
        number += 1
    exchange.files[destination] = file
    return {"Response": "Success"}


def _escalated(exchange: Exchange) -> Answer:
    return error(
        f"File requires escalated {'privileges' if exchange.major >= 18 else 'priveledges'}",
    )


# Modules


def _module(name: str) -> str:
    return name if name.endswith(".so") else f"{name}.so"


@action("ModuleCheck", "system", "Shows whether a module is loaded")
async def module_check(exchange: Exchange, request: Request) -> Answer:
    if _module(request.get("Module")) not in exchange.modules:
        return error("Module not loaded")
    return {"Response": "Success", "Version": ""}


@action("ModuleLoad", "system", "Loads, unloads or reloads a module")
async def module_load(exchange: Exchange, request: Request) -> Answer:
    kind, name = request.get("LoadType").lower(), request.get("Module")
    if kind == "reload" and not name:
        exchange.emit("Reload", [("Module", "All"), ("Status", "0")], classes="system")
        return success("Module reloaded.")
    if kind not in ("load", "unload", "reload") or not name:
        return error("Incomplete ModuleLoad action.")
    module, modern = _module(name), exchange.major >= 18
    known = module in exchange.modules or module in exchange.unloaded
    if kind == "reload":
        if module in exchange.modules or (not modern and name in exchange.built_in):
            exchange.emit("Reload", [("Module", name), ("Status", "0")], classes="system")
            return success("Module reloaded.")
        if modern:
            return error("Module not found.")
        exchange.emit("Reload", [("Module", name), ("Status", "2")], classes="system")
        return error("No such module.")
    if not known or (kind == "load") == (module in exchange.modules):
        if modern:
            return error("Module not found." if not known else f"Module already {kind}ed.")
        return error(f"Could not {kind} module.")
    old, new = exchange.modules, exchange.unloaded
    if kind == "load":
        old, new = new, old
    old.discard(module)
    new.add(module)
    exchange.emit(kind.capitalize(), [("Module", module), ("Status", "Success")], classes="system")
    return success(f"Module {kind}ed.")


@action("Reload", "system,config", "Reads the configuration again")
async def reload(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Module")
    if not name:
        exchange.emit("Reload", [("Module", "All"), ("Status", "0")], classes="system")
        return success("Module Reloaded")
    found = _module(name) in exchange.modules or name in exchange.built_in
    exchange.emit("Reload", [("Module", name), ("Status", "0" if found else "2")], classes="system")
    return success("Module Reloaded") if found else error("No such module")


# The dialplan


@action("DialplanExtensionAdd", "system", "Adds a step to the dialplan")
async def dialplan_extension_add(exchange: Exchange, request: Request) -> Answer:
    context, exten = request.get("Context"), request.get("Extension")
    priority, application = request.get("Priority"), request.get("Application")
    if not (context and exten and priority and application):
        needed = "Context, Extension, Priority, and Application"
        return error(f"{needed} must be defined for DialplanExtensionAdd.")
    place = exchange.dialplan.context(context)
    number = exchange.dialplan.priority(context, exten, priority)
    if number is None:
        return error("The priority specified was invalid.")
    if number in place.steps.get(exten, {}) and not request.true("Replace"):
        return error("That extension and priority already exist at that context")
    exchange.dialplan.add(place, exten, number, f"{application}({request.get('ApplicationData')})")
    return success("Added requested extension")


@action(
    "DialplanExtensionRemove",
    "system",
    "Removes an extension from the dialplan, or one step of it",
)
async def dialplan_extension_remove(exchange: Exchange, request: Request) -> Answer:
    context, exten = request.get("Context"), request.get("Extension")
    priority = request.get("Priority")
    if not (context and exten):
        return error("Context and Extension must be provided for DialplanExtensionRemove")
    steps = exchange.dialplan.context(context).steps
    if exten not in steps:
        return error("The requested extension does not exist.")
    if not priority:
        del steps[exten]
        return success("Removed the requested extension")
    if steps[exten].pop(exchange.dialplan.priority(context, exten, priority) or 0, None) is None:
        return error("The requested priority does not exist.")
    return success("Removed the requested priority from the extension")


# Hints and mailboxes


@action("ExtensionState", "call,reporting", "Shows the state of an extension that has a hint")
async def extension_state(exchange: Exchange, request: Request) -> Answer:
    exten, context = request.get("Exten"), request.get("Context") or "default"
    if not exten:
        return error("Extension not specified")
    hint, number, text = exchange.states.extension(context, exten)
    place = {"Exten": exten, "Context": context, "Hint": hint}
    return {
        "Response": "Success",
        "Message": "Extension Status",
        **place,
        "Status": str(number),
        "StatusText": text,
    }


@action("MailboxCount", "call,reporting", "Counts the messages of a mailbox")
async def mailbox_count(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Mailbox")
    if not name:
        return error("Mailbox not specified")
    box = exchange.mailboxes.get(name)
    counts = (box.urgent, box.new, box.old) if box is not None else (0, 0, 0)
    shown = dict(zip(("UrgMessages", "NewMessages", "OldMessages"), map(str, counts), strict=True))
    return {"Response": "Success", "Message": "Mailbox Message Count", "Mailbox": name, **shown}


@action("MailboxStatus", "call,reporting", "Shows whether a mailbox has new messages")
async def mailbox_status(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Mailbox")
    if not name:
        return error("Mailbox not specified")
    box = exchange.mailboxes.get(name)
    waiting = "1" if box is not None and box.new else "0"
    return {"Response": "Success", "Message": "Mailbox Status", "Mailbox": name, "Waiting": waiting}


@action("VoicemailUsersList", "call,reporting", "Lists the users of voicemail")
async def voicemail_users_list(exchange: Exchange, request: Request) -> Answer:
    general = exchange.file("voicemail.conf")
    attach = general.get("general", "attach", "yes")
    items: list[Pairs] = [
        [
            ("Event", "VoicemailUserEntry"),
            ID,
            ("VMContext", box.context),
            ("VoiceMailbox", box.number),
            ("Fullname", box.fullname),
            ("Email", box.email),
            ("Pager", ""),
            ("ServerEmail", general.get("general", "serveremail")),
            ("FromString", ""),
            ("MailCommand", general.get("general", "mailcmd")),
            ("Language", ""),
            ("TimeZone", box.timezone),
            ("Callback", ""),
            ("Dialout", ""),
            ("UniqueID", ""),
            ("ExitContext", ""),
            ("SayDurationMinimum", "2"),
            ("SayEnvelope", "Yes"),
            ("SayCID", "No"),
            ("AttachMessage", "Yes" if attach == "yes" else "No"),
            ("AttachmentFormat", ""),
            ("DeleteMessage", "No"),
            ("VolumeGain", "0.00"),
            ("CanReview", "No"),
            *([("CanMarkUrgent", "Yes")] if exchange.major >= 18 else []),
            ("CallOperator", "No"),
            ("MaxMessageCount", "100"),
            ("MaxMessageLength", "0"),
            ("NewMessageCount", str(box.new)),
            ("OldMessageCount", str(box.old)),
        ]
        for box in exchange.mailboxes.values()
    ]
    return listed("Voicemail user list will follow", items, "VoicemailUserEntryComplete")


# The command line


@action("Command", "command", "Runs a command of the server's command line")
async def command(exchange: Exchange, request: Request) -> Answer:
    line = request.get("Command")
    if not line:
        return error("No command provided")
    if line.lower().startswith(("module load", "module unload", "restart gracefully")):
        return error("Command blacklisted")
    words = line.split()
    if line == "core waitfullybooted" and not exchange.booted.is_set:
        await exchange.clock.wait(exchange.booted)
    run = next((run for name, run in _COMMANDS.items() if line.startswith(name)), None)
    if words[:3] == ["manager", "show", "user"]:
        output, right = _manager_show_user(request, words)
    else:
        output, right = (_no_such(line), False) if run is None else run(exchange, words)
    if exchange.major <= 13:
        text = "".join(f"{each}\n" for each in output)
        known = f"ActionID: {request.action_id}\r\n" if request.action_id else ""
        head = f"Response: Follows\r\nPrivilege: Command\r\n{known}"
        return [("", f"{head}{text}--END COMMAND--\r\n\r\n")]
    verdict = "Success" if right else "Error"
    return [
        ("Response", verdict),
        ("Message", "Command output follows"),
        *(("Output", each) for each in output),
    ]


Output = tuple[list[str], bool]


def _no_such(line: str) -> list[str]:
    start = " ".join(line.split()[:2])
    return [f"No such command '{line}' (type 'core show help {start}' for other possible commands)"]


def _core_show_version(exchange: Exchange, words: list[str]) -> Output:
    build = "built by aioami @ localhost on a x86_64 running Linux"
    return [f"Asterisk {exchange.release} {build}"], True


def _core_show_uptime(exchange: Exchange, words: list[str]) -> Output:
    if len(words) > 3 and words[3:] != ["seconds"]:
        usage = "Usage: core show uptime [seconds]"
        return [usage, *(f"       {each}" for each in _UPTIME_HELP)], False
    seconds = int(exchange.clock.now)
    shown = str(seconds) if len(words) > 3 else f"{seconds} seconds"
    return [f"System uptime: {shown}", f"Last reload: {shown}"], True


_UPTIME_HELP: Final = (
    "Shows Asterisk uptime information.",
    "The seconds word returns the uptime in seconds only.",
)


def _core_show_channels(exchange: Exchange, words: list[str]) -> Output:
    rows = [
        f"{channel.name:<20} {channel.exten}@{channel.context}:{channel.priority:<10}"
        f" {channel.application}({channel.data})"
        for channel in exchange.channels.values()
    ]
    head = f"{'Channel':<20} {'Location':<20} {'Application(Data)'}"
    return [head, *rows, f"{len(rows)} active channels"], True


def _dialplan_show(exchange: Exchange, words: list[str]) -> Output:
    lines: list[str] = []
    for name, context in exchange.dialplan.contexts.items():
        if len(words) > 2 and words[2] != name:
            continue
        lines.append(f"[ Context '{name}' created by 'pbx_config' ]")
        for exten, steps in context.steps.items():
            for priority, (application, data) in sorted(steps.items()):
                lines.append(f"  '{exten}' => {priority:>5}. {application}({data})")
        lines.append("")
    return lines, bool(lines)


def _database(exchange: Exchange, words: list[str]) -> Output:
    verb, rest = words[1], words[2:]
    if verb == "put" and len(rest) >= 3:
        exchange.database[rest[0], rest[1]] = " ".join(rest[2:])
        return ["Updated database successfully"], True
    if verb == "get" and len(rest) == 2:
        value = exchange.database.get((rest[0], rest[1]))
        return ["Database entry not found." if value is None else f"Value: {value}"], True
    if verb == "show":
        entries = sorted(exchange.database.items())
        rows = [f"/{family}/{key:<40}: {value}" for (family, key), value in entries]
        return [*rows, f"{len(rows)} results found."], True
    return _no_such(" ".join(words)), False


def _manager_show_user(request: Request, words: list[str]) -> Output:
    accounts = request.connection.accounts
    if len(words) != 4:
        return [
            "Usage: manager show user <user>",
            "       Display all information related to the manager user specified.",
        ], False
    name = next((each for each in accounts if each.lower() == words[3].lower()), None)
    if name is None:
        return [f"There is no manager called {words[3]}"], True
    account = accounts[name]
    order = (*(each for each in CLASSES if each), "message")

    def shown(labels: frozenset[str]) -> str:
        known = [each for each in order if each in labels]
        return ",".join([*known, "all"] if labels == ALL else known) or "<none>"

    return [
        "",
        f"          username: {name}",
        f"            secret: {'<Set>' if account.secret else '<Not Set>'}",
        f"               ACL: {'yes' if account.denied else 'no'}",
        f"         read perm: {shown(account.readable)}",
        f"        write perm: {shown(account.writable)}",
        "   displayconnects: no",
        f"allowmultiplelogin: {'yes' if account.allow_multiple_login else 'no'}",
        "         Variables: ",
    ], True


def _core_waitfullybooted(exchange: Exchange, words: list[str]) -> Output:
    return ["Asterisk has fully booted."], True


_COMMANDS: Final[dict[str, Callable[[Exchange, list[str]], Output]]] = {
    "core waitfullybooted": _core_waitfullybooted,
    "core show version": _core_show_version,
    "core show uptime": _core_show_uptime,
    "core show channels": _core_show_channels,
    "dialplan show": _dialplan_show,
    "database put": _database,
    "database get": _database,
    "database show": _database,
}
