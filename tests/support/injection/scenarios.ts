import type { Room } from "../room.ts";

/** The access tables, and a client that they decide about. */
export interface Scenario {
  readonly granted: boolean;
  readonly allow: string;
  readonly deny: string;
  /** The client's address, the same or another one each time. */
  readonly client: () => string;
}

/** The names of the addresses 127.0.9.1 and on. */
export const HOSTS: Readonly<Record<string, string>> = {
  "/etc/hosts": "127.0.0.1 localhost\n" +
    Array.from({ length: 250 }, (_, at) => `127.0.9.${at + 1} h${at + 1}.bad.example\n`).join(""),
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

const same = () => "127.0.0.1";
let named = 0;
/** Names are cached for some seconds. */
const another = () => `127.0.9.${named++ % 250 + 1}`;

/** The tables by what they do. */
export const SCENARIOS = {
  "grant": () => ({ granted: true, allow: "nrpe: 127.0.0.1\n", deny: "ALL: ALL\n", client: same }),
  "deny": () => ({ granted: false, allow: "nrpe: 192.0.2.1\n", deny: "nrpe: ALL\n", client: same }),
  "deny in hosts.allow": () => ({
    granted: false,
    allow: "nrpe: 127.0.0.1: deny\n",
    deny: "",
    client: same,
  }),
  "deny by name": () => ({
    granted: false,
    allow: "",
    deny: "nrpe: .bad.example\n",
    client: another,
  }),
  "grant by name": () => ({
    granted: true,
    allow: "nrpe: .bad.example\n",
    deny: "ALL: ALL\n",
    client: another,
  }),
  "deny by file": (room: Room) => ({
    granted: false,
    allow: "",
    deny: `nrpe: ${room.file("clients", "192.0.2.1\n127.0.0.1\n")}\n`,
    client: same,
  }),
  "deny at an address": () => ({
    granted: false,
    allow: "",
    deny: "nrpe@127.0.0.1: ALL\n",
    client: same,
  }),
} as const satisfies Readonly<Record<string, (room: Room) => Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;
