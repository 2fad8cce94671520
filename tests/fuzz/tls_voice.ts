/** A client of TLS whose records can be changed on their way: OpenSSL's library, with the network in memory. */
import { dlopen, type Pointer } from "bun:ffi";
import type { Voice } from "./clients.ts";
import type { Step } from "./packets.ts";

const { symbols: ssl } = dlopen("libssl.so.3", {
  TLS_client_method: { args: [], returns: "ptr" },
  SSL_CTX_new: { args: ["ptr"], returns: "ptr" },
  SSL_CTX_ctrl: { args: ["ptr", "i32", "i64", "ptr"], returns: "i64" },
  SSL_new: { args: ["ptr"], returns: "ptr" },
  SSL_set_bio: { args: ["ptr", "ptr", "ptr"], returns: "void" },
  SSL_set_connect_state: { args: ["ptr"], returns: "void" },
  SSL_do_handshake: { args: ["ptr"], returns: "i32" },
  SSL_write: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  SSL_read: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  SSL_get_error: { args: ["ptr", "i32"], returns: "i32" },
  SSL_shutdown: { args: ["ptr"], returns: "i32" },
  SSL_free: { args: ["ptr"], returns: "void" },
});
const { symbols: crypto } = dlopen("libcrypto.so.3", {
  BIO_s_mem: { args: [], returns: "ptr" },
  BIO_new: { args: ["ptr"], returns: "ptr" },
  BIO_read: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  BIO_write: { args: ["ptr", "buffer", "i32"], returns: "i32" },
  ERR_clear_error: { args: [], returns: "void" },
});

const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const SSL_ERROR_WANT_READ = 2;
const HEADER_LENGTH = 5;

/** A version of TLS, as on the wire. */
export type WireVersion = 0x0303 | 0x0304;

/** What becomes of a client's record; `at` counts them from 0. */
export type RecordChange =
  | { readonly at: number; readonly do: "flip"; readonly offset: number; readonly bit: number }
  | { readonly at: number; readonly do: "drop" | "double" | "close" | "reset" | "end" | "stall" }
  /** Sends it in two pieces; the second comes after others have been served. */
  | { readonly at: number; readonly do: "split"; readonly offset: number }
  /** Sends so much of it, and then no more. */
  | {
    readonly at: number;
    readonly do: "cut";
    readonly offset: number;
    readonly then: "close" | "reset" | "end" | "stall";
  }
  /** Sends bytes before it. */
  | { readonly at: number; readonly do: "insert"; readonly bytes: Uint8Array };

/** What a client of TLS does. */
export interface TlsPlan {
  readonly version: WireVersion;
  /** What it has to say, in so many records. */
  readonly words: readonly Uint8Array[];
  readonly changes: readonly RecordChange[];
  /** Whether it says goodbye when it has said all, before it ends its sending direction. */
  readonly notify: boolean;
}

const contexts = new Map<WireVersion, Pointer>();

function contextOf(version: WireVersion): Pointer {
  let context = contexts.get(version);
  if (context === undefined) {
    context = ssl.SSL_CTX_new(ssl.TLS_client_method()) as Pointer;
    for (const control of [SSL_CTRL_SET_MIN_PROTO_VERSION, SSL_CTRL_SET_MAX_PROTO_VERSION]) {
      ssl.SSL_CTX_ctrl(context, control, BigInt(version), null);
    }
    contexts.set(version, context);
  }
  return context;
}

const buffer = new Uint8Array(70_000);

/** A client that does what the plan says. */
export function tlsVoice({ version, words, changes, notify }: TlsPlan): Voice {
  let session: Pointer | undefined;
  let [incoming, outgoing]: (Pointer | undefined)[] = [];
  let stage: "handshake" | "words" | "goodbye" | "over" = "handshake";
  let spoken = 0;
  let records = 0;
  let astray = false;
  const steps: Step[] = [];
  const heard: Uint8Array[] = [];

  const begin = () => {
    session = ssl.SSL_new(contextOf(version)) as Pointer;
    [incoming, outgoing] = [0, 0].map(() => crypto.BIO_new(crypto.BIO_s_mem()) as Pointer);
    ssl.SSL_set_bio(session, incoming!, outgoing!);
    ssl.SSL_set_connect_state(session);
  };
  /** What the library's call came to: done, to be repeated when more has arrived, or failed. */
  const outcome = (result: number): "done" | "wait" | "failed" => {
    if (result > 0) return "done";
    return ssl.SSL_get_error(session!, result) === SSL_ERROR_WANT_READ ? "wait" : "failed";
  };
  const call = (act: () => number) => {
    crypto.ERR_clear_error();
    const came = outcome(act());
    take(steps, records, changes, recordsIn(outgoing!), (count) => records = count);
    return came;
  };
  const advance = () => {
    if (session === undefined) begin();
    if (stage === "handshake") {
      const came = call(() => ssl.SSL_do_handshake(session!));
      if (came === "wait") {
        const isAstray = changes.some((change) => change.at < records && leadsAstray(change));
        // The agent may wait for the rest of a record that is longer now, and the client for an answer.
        if (isAstray && !astray) steps.push({ do: "send", bytes: FILLING }, { do: "end" });
        astray ||= isAstray;
        return;
      }
      stage = came === "done" ? "words" : "over";
      // A client that gives up waits for the agent to do so, too.
      if (came === "failed") steps.push({ do: "end" });
      return;
    }
    if (stage === "words") {
      const word = words[spoken++];
      if (word === undefined) stage = "goodbye";
      else if (call(() => ssl.SSL_write(session!, word, word.byteLength)) === "failed") {
        stage = "goodbye";
      }
      return;
    }
    if (stage === "goodbye") {
      stage = "over";
      if (notify) call(() => ssl.SSL_shutdown(session!));
      steps.push({ do: "end" });
    }
  };
  return {
    next() {
      for (let tries = 0; steps.length === 0 && stage !== "over" && tries < 4; tries++) {
        const before = stage;
        advance();
        if (before === "handshake" && stage === "handshake") break;
      }
      return steps.shift();
    },
    take(bytes) {
      if (session === undefined) begin();
      crypto.BIO_write(incoming!, bytes, bytes.byteLength);
      if (stage === "handshake") return;
      for (;;) {
        crypto.ERR_clear_error();
        const count = ssl.SSL_read(session!, buffer, buffer.byteLength);
        if (count <= 0) return;
        heard.push(buffer.slice(0, count));
      }
    },
    heard: () => heard.length === 1 ? heard[0]! : Buffer.concat(heard),
    end() {
      if (session !== undefined) ssl.SSL_free(session);
      session = undefined;
    },
  };
}

/** As much as a record can hold, and more. */
const FILLING = new Uint8Array(20_000);

/** Whether a change may leave the agent waiting for bytes that the client does not have. */
function leadsAstray({ do: what }: RecordChange): boolean {
  return what === "flip" || what === "drop" || what === "insert";
}

/** Takes what the library has to send, as records; the last may not be whole. */
function recordsIn(outgoing: Pointer): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (;;) {
    const count = crypto.BIO_read(outgoing, buffer, buffer.byteLength);
    if (count <= 0) break;
    parts.push(buffer.slice(0, count));
  }
  const bytes = Buffer.concat(parts);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const length = HEADER_LENGTH + (bytes[at + 3]! << 8 | bytes[at + 4]!);
    records.push(Uint8Array.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return records;
}

/** Turns records into steps, with what is to become of them. */
function take(
  steps: Step[],
  first: number,
  changes: readonly RecordChange[],
  records: readonly Uint8Array[],
  counted: (count: number) => void,
): void {
  counted(first + records.length);
  const send = (bytes: Uint8Array) =>
    void (bytes.byteLength > 0 && steps.push({ do: "send", bytes }));
  records.forEach((record, at) => {
    let bytes = record;
    let after: Step | undefined;
    for (const change of changes) {
      if (change.at !== first + at) continue;
      switch (change.do) {
        case "flip":
          if (bytes.byteLength > 0) bytes[change.offset % bytes.byteLength]! ^= 1 << change.bit;
          break;
        case "drop":
          bytes = bytes.subarray(0, 0);
          break;
        case "double":
          send(bytes.slice());
          break;
        case "split":
          send(bytes.slice(0, change.offset % bytes.byteLength));
          steps.push({ do: "wait" });
          bytes = bytes.subarray(change.offset % bytes.byteLength);
          break;
        case "insert":
          send(change.bytes);
          break;
        case "cut":
          bytes = bytes.subarray(0, change.offset % (bytes.byteLength + 1));
          after = { do: change.then };
          break;
        default:
          after = { do: change.do };
      }
    }
    send(bytes);
    if (after !== undefined) steps.push(after);
  });
}
