/** A name server, as slow and as broken as a test wants it. */

/** Answers of RFC 1035 without a record. */
export const Answer = { serverFailure: 2, noSuchName: 3 } as const;

/** What a name server says: a name, for an address; an address, for a name; or why it says nothing. */
export type Said = string | (typeof Answer)[keyof typeof Answer];

/** A name server on loopback. */
export interface NameServer extends AsyncDisposable {
  /** The names that were asked for, `2.0.0.127.in-addr.arpa` for instance, in their order. */
  readonly asked: readonly string[];
  /** Files that make the C library ask it alone. */
  readonly files: Readonly<Record<string, string>>;
}

const TYPE_A = 1;
const TYPE_PTR = 12;
const CLASS_IN = 1;

/**
 * Answers questions at port 53 of an address.
 * @param say Called with each name; what it returns may take its time, and be nothing.
 */
export async function startNameServer(
  address: string,
  say: (name: string) => Said | undefined | Promise<Said | undefined>,
): Promise<NameServer> {
  const asked: string[] = [];
  const socket = await Bun.udpSocket({
    hostname: address,
    port: 53,
    socket: {
      async data(own, query, port, from) {
        const name = nameIn(query);
        asked.push(name);
        const said = await say(name);
        if (said !== undefined && !own.closed) own.send(responseTo(query, said), port, from);
      },
    },
  });
  return {
    asked,
    files: {
      "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: dns\n",
      "/etc/resolv.conf": `nameserver ${address}\noptions timeout:30 attempts:1\n`,
    },
    [Symbol.asyncDispose]() {
      socket.close();
      return Promise.resolve();
    },
  };
}

function nameIn(query: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0;) {
    const length = query[at]!;
    labels.push(Buffer.from(query.subarray(at + 1, at + 1 + length)).toString("latin1"));
    at += 1 + length;
  }
  return labels.join(".");
}

function responseTo(query: Buffer, said: Said): Buffer {
  // Header, the name with its final zero byte, type and class.
  const end = query.indexOf(0, 12) + 5;
  const type = query.readUInt16BE(end - 4);
  const header = Buffer.from(query.subarray(0, 12));
  const data = typeof said === "number" ? undefined : dataOf(type, said);
  header.writeUInt16BE(0x8580 | (typeof said === "number" ? said : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const question = query.subarray(12, end);
  if (data === undefined) return Buffer.concat([header, question]);
  const record = Buffer.alloc(12);
  // The name is the one that stands at byte 12.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt16BE(data.byteLength, 10);
  return Buffer.concat([header, question, record, data]);
}

function dataOf(type: number, said: string): Buffer | undefined {
  if (type === TYPE_A) return Buffer.from(said.split(".").map(Number));
  if (type !== TYPE_PTR) return undefined;
  const labels = said.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([...labels, 0]);
}
