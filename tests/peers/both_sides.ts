/**
 * The C agent behind tcpd, and the agent alone, under one inetd with the same access tables, for the
 * same clients.
 */
import { readFileSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { type InetdKind, type Service, startInetd } from "../support/inetd.ts";
import { PEERS } from "../support/peers.ts";
import type { Room } from "../support/room.ts";

const HOSTS = `127.0.0.1 localhost
127.0.0.2 two.example two
127.0.0.3 false.example
127.0.0.9 false.example
::1 six.example
`;

/** A case: what follows its service's name in hosts.allow and in hosts.deny. */
export interface Case {
  readonly allow?: string;
  readonly deny?: string;
  /** The server's address that rules name with the service. */
  readonly server?: string;
}

/** The two sides: the C agent behind tcpd, and the agent alone. */
export const SIDES = ["tcpd", "nrpe"] as const;

/** One of the two sides. */
export type Side = (typeof SIDES)[number];

/** What a side has logged for a client, in a form that both have in common. */
export interface LoggedLine {
  readonly facility: number;
  readonly severity: number;
  readonly text: string;
}

/** Both sides, serving every case. */
export interface BothSides extends AsyncDisposable {
  /** What a client got: the text of the response, or the bytes of something else. */
  ask(side: Side, name: string, client: string): Promise<string>;
  /** Asks, and returns what was logged about it. */
  logged(side: Side, name: string, client: string): Promise<readonly LoggedLine[]>;
  /** The lines that commands of a case have written, sorted. */
  spawned(side: Side, name: string): readonly string[];
}

/**
 * Starts both sides.
 *
 * @param cases In a value, `@DIR@` is the room, and `@NAME@` the side's own file in it.
 * @param dual Whether clients of both families come to one socket.
 */
export async function startBothSides(
  room: Room,
  cases: Readonly<Record<string, Case>>,
  { kind, dual }: { readonly kind: InetdKind; readonly dual: boolean },
): Promise<BothSides> {
  room.file("clients", "127.0.0.1 .example\n");
  Bun.spawnSync(["mkdir", "-p", join(room.path, "banners")]);
  const command = 'command[x]=echo "$$GREETING umask `umask` nice `nice` user `id -un`"\n';
  const tables = { allow: "", deny: "" };
  const services: Service[] = [];
  const keys: string[] = [];
  const familyOf = (client: string) => dual ? "dual" : client.includes(":") ? 6 : 4;
  for (const [name, entry] of Object.entries(cases)) {
    for (const side of SIDES) {
      const daemon = `${name}.${side}`;
      room.file(`banners/${daemon}`, "Go away, %c\nat %a\n");
      room.file(`${daemon}.spawned`, "", 0o666);
      for (const table of ["allow", "deny"] as const) {
        const text = entry[table]?.replaceAll("@DIR@", room.path)
          .replaceAll("@NAME@", join(room.path, daemon));
        const at = entry.server === undefined ? "" : `@${entry.server}`;
        if (text !== undefined) tables[table] += `${daemon}${at}: ${text}\n`;
      }
      // tcpd knows its service by argv[0], and the C agent no directive of this kind.
      const own = side === "tcpd" ? "" : `daemon_name=${daemon}\n`;
      const config = room.file(`${daemon}.cfg`, own + command);
      const argv0 = side === "tcpd" ? join(room.path, daemon) : "nrpe";
      if (side === "tcpd") symlinkSync(PEERS.agent.path, argv0);
      for (const family of dual ? ["dual"] as const : [4, 6] as const) {
        services.push({
          user: "nagios",
          program: side === "tcpd" ? PEERS.tcpd.path : room.binary,
          argv: [argv0, "-n", "-c", config, "--inetd"],
          family,
        });
        keys.push(`${side} ${name} ${family}`);
      }
    }
  }
  const inetd = await startInetd(room, services, {
    kind,
    files: {
      "/etc/hosts.allow": tables.allow,
      "/etc/hosts.deny": tables.deny,
      "/etc/hosts": HOSTS,
      "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    },
  });
  const ports = new Map(keys.map((key, at) => [key, inetd.ports[at]!]));
  // tcpd holds those that it refuses, so many have to ask it at once. The agent is asked by one at a
  // time: looking up a name has five seconds, which are short for many on a busy machine.
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (side: Side, name: string, client: string) => {
    const port = ports.get(`${side} ${name} ${familyOf(client)}`)!;
    if (side === "tcpd") return askFrom(port, client);
    const answer = turn.then(() => askFrom(port, client));
    turn = answer;
    return answer;
  };
  return {
    ask,
    async logged(side, name, client) {
      inetd.syslog.take();
      // tcpd holds a refused client for five seconds, and has logged everything by then.
      void ask(side, name, client);
      const lines = await inetd.syslog.until(/: (refused )?connect from |: twist /);
      return lines.map(({ facility, severity, text }) => ({
        facility,
        severity,
        text: text.replace(/^[^:]*: /, "").replaceAll(`${name}.${side}`, name)
          .replace(/line \d+/, "line N"),
      })).filter(({ text }) => /connect from|twist|^warning: |^error: /.test(text));
    },
    spawned: (side, name) =>
      readFileSync(join(room.path, `${name}.${side}.spawned`), "latin1").split("\n")
        .filter((line) => line !== "").map((line) => line.replaceAll(`${name}.${side}`, name))
        .sort(),
    [Symbol.asyncDispose]: () => inetd[Symbol.asyncDispose](),
  };
}

/** Asks a port of loopback from an address of loopback. */
export async function askFrom(port: number, from: string): Promise<string> {
  const query = encodeQuery({ version: 4, text: "x" });
  const { promise, resolve } = Promise.withResolvers<string>();
  const parts: Buffer[] = [];
  const socket = connect({ port, host: from === "::1" ? "::1" : "127.0.0.1", localAddress: from });
  socket.on("connect", () => socket.write(query));
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
  const answer = await promise;
  return answer.startsWith("\0\x04\0\x02") ? `answer: ${answer.slice(16)}` : answer;
}
