/** Conversations over TLS: records changed, cut and put in, and any packets within. */
import { encodeBytes } from "../../lib/bytes.ts";
import type { Random } from "../support/random.ts";
import { makePki } from "../support/pki.ts";
import { expectedOf, sentBy } from "./conversations.ts";
import { startTrial } from "./conversation_trial.ts";
import { excuseFor, type Records } from "./differences.ts";
import { bytesOf, cutsOf } from "./packets.ts";
import type { Part } from "./part.ts";
import { type RecordChange, type TlsPlan, tlsVoice } from "./tls_voice.ts";

/** A client sends some five records until its query is complete. */
const MOST_RECORDS = 6;

function planOf(random: Random): TlsPlan {
  const bytes = bytesOf(random);
  const words: Uint8Array[] = [];
  let start = 0;
  for (const end of [...cutsOf(random, bytes.byteLength), bytes.byteLength]) {
    // The library sends no empty record.
    if (end > start) words.push(bytes.slice(start, end));
    start = end;
  }
  const changes: RecordChange[] = [];
  if (random.below(3) > 0) {
    for (let count = 1 + random.below(2); count > 0; count--) changes.push(changeOf(random));
  }
  return {
    version: random.pick([0x0303, 0x0304] as const),
    words,
    changes,
    notify: random.below(2) === 0,
  };
}

const GONE = ["close", "reset", "end", "stall"] as const;

function changeOf(random: Random): RecordChange {
  const at = random.below(MOST_RECORDS);
  const offset = random.below(random.pick([5, 12, 600]));
  switch (random.below(9)) {
    case 0:
    case 1:
      return { at, do: "flip", offset, bit: random.below(8) };
    case 2:
      return { at, do: "split", offset };
    case 3:
      return { at, do: "cut", offset, then: random.pick(GONE) };
    case 4:
      return { at, do: random.pick(["drop", "double"] as const) };
    case 5:
      return { at, do: random.pick(GONE) };
    case 6:
      return { at, do: "flip", offset: random.below(5), bit: random.below(8) };
    default:
      return { at, do: "insert", bytes: strangeRecord(random) };
  }
}

function strangeRecord(random: Random): Uint8Array {
  const record = (type: number, content: Uint8Array, version = 3) =>
    Uint8Array.of(type, 3, version, content.byteLength >> 8, content.byteLength, ...content);
  return random.pick<() => Uint8Array>([
    () => record(21, Uint8Array.of(1, random.pick([0, 90, 100, 41]))),
    () => record(21, Uint8Array.of(2, random.below(256))),
    () => record(21, random.bytes(random.below(4))),
    () => record(20, Uint8Array.of(1)),
    () => record(20, random.bytes(random.below(3))),
    () => record(22, random.bytes(random.below(40))),
    () => record(22, Uint8Array.of(0, 0, 0, 0)),
    () => record(23, random.bytes(random.below(40))),
    () => record(24, random.bytes(random.below(20))),
    () => record(random.below(256), random.bytes(random.below(20)), random.below(6)),
    () => Uint8Array.of(23, 3, 3, 0x48, random.below(256)),
    () => random.bytes(1 + random.below(30)),
    () => bytesOf(random).slice(0, 2000),
  ])();
}

/** Changes that leave what the agent reads as it is. */
function isHarmless({ do: what }: RecordChange): boolean {
  return what === "split";
}

/** The longest content of a record, RFC 8446, 5.1. */
const MOST_CONTENT = 16_384;

/** The first record with the client's words: those of the handshake come before it. */
const FIRST_WORD = { 0x0303: 4, 0x0304: 3 } as const;

/** What is in the records of a client. */
function recordsOf({ version, words, changes, notify }: TlsPlan): Records {
  const count = words.reduce((sum, word) => sum + Math.ceil(word.byteLength / MOST_CONTENT), 0);
  const last = FIRST_WORD[version] + count - 1;
  const broken = changes.some(({ at, do: what }) =>
    at > last || (at === last && what === "double")
  );
  return { words: count, more: notify || broken, broken };
}

/** Bytes in JSON. */
const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

export const tls: Part<TlsPlan> = {
  about: "conversations over TLS 1.2 and 1.3, with changed records, beside the C agent",
  peers: ["agent", "inetd", "openssl"],
  batch: 200,
  start: (options) =>
    startTrial<TlsPlan>(options, {
      config(room) {
        const { cert, key } = makePki(room).server;
        return `ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n`;
      },
      args: [],
      make: planOf,
      voice: tlsVoice,
      goodVoice: (plan) =>
        tlsVoice({
          version: 0x0304,
          words: [sentBy(plan)!],
          changes: [],
          notify: false,
        }),
      expected: ({ words, changes }) =>
        changes.every(isHarmless) ? expectedOf(Buffer.concat(words)) : "as the C agent",
      excuse: (plan, ours, theirs) =>
        excuseFor(Buffer.concat(plan.words), ours, theirs, recordsOf(plan)),
    }),
  write: ({ words, changes, ...rest }) => ({
    ...rest,
    words: words.map(shown),
    changes: changes.map((change) =>
      change.do === "insert" ? { ...change, bytes: shown(change.bytes) } : change
    ),
  }),
  read(written) {
    const { words, changes, ...rest } = written as {
      version: TlsPlan["version"];
      notify: boolean;
      words: string[];
      changes: (RecordChange & { bytes: string })[];
    };
    return {
      ...rest,
      words: words.map((word) => encodeBytes(word)),
      changes: changes.map((change) =>
        change.do === "insert" ? { ...change, bytes: encodeBytes(change.bytes) } : change
      ) as RecordChange[],
    };
  },
};
