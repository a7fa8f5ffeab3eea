"""A page with a button to call: it calls the user's phone, connects the number, and shows the progress.

    AIOAMI_URL=ami://user:secret@pbx.example python click_to_call.py --phone 'PJSIP/{}' --context internal

Then open http://127.0.0.1:8000. It needs aioami, fastapi and uvicorn, and a user with `read = call` and
`write = originate,call`. Closing the page ends the call. It has no login: put it behind yours before others can reach it.
"""

import argparse
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, Field

from aioami import Manager, ManagerError

PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Call</title>
<style>body { font: 1.1rem system-ui; max-width: 30rem; margin: 2rem auto; padding: 0 1rem }</style>
<form id="form"><p><label>Your phone <input id="phone" required></label></p>
<p><label>Number to call <input id="to" required></label></p>
<button id="call">Call</button> <button id="end" type="button" disabled>Hang up</button></form>
<ol id="steps" aria-live="polite"></ol>
<script>
const [form, phone, to, call, end, steps] = ["form", "phone", "to", "call", "end", "steps"].map(id => document.getElementById(id));
const show = text => steps.appendChild(document.createElement("li")).textContent = text;
form.onsubmit = async event => {
  event.preventDefault();
  steps.replaceChildren();
  const abort = new AbortController();
  end.onclick = () => { abort.abort(); show("ended: you have hung up"); };
  call.disabled = !(end.disabled = false);
  try {
    const answer = await fetch("calls", { method: "POST", signal: abort.signal,
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ phone: phone.value, to: to.value }) });
    if (!answer.ok) show("a phone and a number are letters, digits, and . _ + -");
    const reader = answer.ok ? answer.body.pipeThrough(new TextDecoderStream()).getReader() : null;
    for (let text = "", part; reader && !(part = await reader.read()).done;) {
      const lines = (text + part.value).split("\\n");
      text = lines.pop();
      lines.forEach(line => { const { state, why } = JSON.parse(line); show(why ? state + ": " + why : state); });
    }
  } catch (error) { if (error.name !== "AbortError") show("the service cannot be reached"); }
  call.disabled = !(end.disabled = true);
};
</script></html>"""


class Wish(BaseModel):
    """The phone to call, and the number to connect: only letters, digits and a few signs."""

    phone: str = Field(pattern=r"^[\w.+-]+$", max_length=80)
    to: str = Field(pattern=r"^[\w.+-]+$", max_length=80)


async def steps(mgr: Manager, channel: str, to: str) -> AsyncIterator[str]:
    """Place the call, and yield a line for each of its steps; a reader that stops ends the call."""
    try:
        async with mgr.call(channel, to=to, timeout=30) as call:
            told = call.state.value  # a quick call may have been answered already
            yield json.dumps({"state": told}) + "\n"
            async for change in call.changes():
                before, told = told, "connected" if change.call.bridged_with else change.state.value
                if told not in (before, "ended"):
                    yield json.dumps({"state": told}) + "\n"
            end = await call.ended()
            yield json.dumps({"state": "ended", "why": f"{end.reason.value}, talked {end.talked:.0f} s"}) + "\n"
    except ManagerError as error:
        yield json.dumps({"state": "not called", "why": str(error)}) + "\n"


def create_app(url: str, phone: str, context: str) -> FastAPI:
    mgr = Manager.from_url(url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with mgr:
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE

    @app.post("/calls")
    async def place(wish: Wish, request: Request) -> StreamingResponse:
        lines = steps(mgr, phone.format(wish.phone), f"{wish.to}@{context}")
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A page to be called from.")
    parser.add_argument("--phone", default="PJSIP/{}", help="the channel of a phone; {} is its name")
    parser.add_argument("--context", default="default", help="where the numbers are")
    parser.add_argument("--port", type=int, default=8000, help="the port of the page, on 127.0.0.1")
    options = parser.parse_args()
    url = os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")
    uvicorn.run(create_app(url, options.phone, options.context), host="127.0.0.1", port=options.port)
