// A reader of the bus in another language, written from docs/reference/bus.md alone: it follows a server's log by the
// reader's rule, and prints what it made of it when an event of the name `End` came.
import { connect, createInbox } from "nats";

const [url, server] = process.argv.slice(2);

function escape(name) {
  const bytes = [...Buffer.from(name)];
  const plain = /[A-Za-z0-9_-]/;
  const sign = (byte) => {
    const character = String.fromCharCode(byte);
    return byte < 128 && plain.test(character) ? character : "=" + byte.toString(16).padStart(2, "0");
  };
  return bytes.map(sign).join("") || "=";
}

const token = escape(server);
const stream = `AMI_${token}`;
const found = { numbers: [], gaps: [], marks: 0, states: [], void: 0, epochs: 0 };
let epoch = null;
let last = null;
let sequence = 0;
let hole = false;

function header(message) {
  const words = (message.headers?.get("Ami") ?? "").split(" ");
  if (words[0] !== "1") throw new Error(`no header of version 1: ${words}`);
  return words.slice(1, 5).map(Number);
}

function record(kind, body) {
  if (kind === "@gap") found.gaps.push(body.reason);
  if (kind === "@mark") found.marks += 1;
  if (kind === "@status") found.states.push(body.state);
}

// Returns true for the event that ends it all.
function take(message, seq) {
  const name = message.subject.split(".")[3];
  const [of, n] = header(message);
  if (sequence !== 0 && seq !== sequence + 1) hole = true;
  sequence = seq;
  if (name === "@epoch") {
    const continues = JSON.parse(Buffer.from(message.data).toString()).continues;
    const ahead = continues && continues[0] === epoch && last !== null ? last - continues[1] : 0;
    if (ahead < 0) found.gaps.push("store");
    if (hole && epoch !== null) found.gaps.push("trimmed");
    hole = false;
    [epoch, last] = [seq, Math.max(ahead, 0)];
    found.epochs += 1;
    return false;
  }
  if (epoch !== null && of < epoch) {
    found.void += 1;
    return false;
  }
  if (of !== epoch) {
    if (epoch !== null) found.gaps.push("trimmed");
    [epoch, last] = [of, null];
  }
  if (last !== null && n <= last) {
    found.void += 1;
    return false;
  }
  if (last !== null && n > last + 1) {
    if (!hole) {
      found.void += 1;
      return false;
    }
    found.gaps.push("trimmed");
  }
  last = n;
  hole = false;
  const body = Buffer.from(message.data).toString();
  if (name.startsWith("@")) {
    record(name, JSON.parse(body));
    return false;
  }
  const headers = Object.fromEntries(body.split("\r\n").map((line) => line.split(/: ?(.*)/s).slice(0, 2)));
  if (escape(headers.Event) !== name) throw new Error(`${headers.Event} under ${name}`);
  if (headers.Uniqueid !== undefined) found.numbers.push(Number(headers.Uniqueid));
  return name === "End";
}

const connection = await connect({ servers: url });
const inbox = createInbox();
const subscription = connection.subscribe(inbox);
const config = {
  deliver_subject: inbox,
  deliver_policy: "all",
  ack_policy: "none",
  flow_control: true,
  idle_heartbeat: 1_000_000_000,
  filter_subject: `ami.ev.${token}.>`,
};
const request = JSON.stringify({ stream_name: stream, config });
const answer = (await connection.request(`$JS.API.CONSUMER.CREATE.${stream}`, request)).json();
if (answer.error) throw new Error(answer.error.description);
process.stderr.write("following\n");
for await (const message of subscription) {
  if (!message.reply?.startsWith("$JS.ACK.")) {
    // The flow control, and signs of life.
    const stalled = message.headers?.get("Nats-Consumer-Stalled");
    if (message.reply || stalled) connection.publish(message.reply || stalled);
    continue;
  }
  if (take(message, Number(message.reply.split(".")[5]))) break;
}
console.log(JSON.stringify(found));
await connection.close();
