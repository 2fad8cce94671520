import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { bindLibc } from "../../lib/system/libc.ts";

const libc = bindLibc({
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
});

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** Where tcpi_data_segs_in stands in `struct tcp_info` of <linux/tcp.h>. */
const DATA_SEGMENTS_IN = 152;

/** What an agent sends over TLS once it has been asked. */
export interface LastWords {
  /** In how many segments of TCP. */
  readonly segments: number;
  /** How many records of TLS (RFC 8446, 5.1) are in them. */
  readonly records: number;
}

/** Asks over TLS, by way of a relay that sees what the kernel sees. */
export async function tap(port: number, text: string, version: SecureVersion): Promise<LastWords> {
  const chunks: Uint8Array[] = [];
  const agent = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const relay = createServer((side) => {
    agent.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      side.write(chunk);
    });
    side.on("data", (chunk: Uint8Array) => void agent.write(chunk));
    side.on("error", () => {});
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const { port: entrance } = relay.address() as { port: number };
  const client = connectTls({
    port: entrance,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  try {
    await once(client, "secureConnect");
    const before = dataSegments(agent);
    chunks.length = 0;
    client.on("error", () => {}).resume().write(encodeQuery({ version: 4, text }));
    await once(agent, "end");
    return { segments: dataSegments(agent) - before, records: countRecords(chunks) };
  } finally {
    client.destroy();
    agent.destroy();
    relay.close();
  }
}

/** How many segments with data have arrived on a connection, see tcp(7) on TCP_INFO. */
function dataSegments(socket: Socket): number {
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const info = new Uint8Array(256);
  libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, new Uint32Array([info.byteLength]));
  return new DataView(info.buffer).getUint32(DATA_SEGMENTS_IN, true);
}

function countRecords(chunks: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(chunks);
  let count = 0;
  for (let at = 0; at < bytes.byteLength; at += 5 + bytes.readUInt16BE(at + 3)) count++;
  return count;
}
