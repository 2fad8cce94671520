import { readFileSync } from "node:fs";
import { closeFile, SystemError } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";

const LOWEST = 10_000;
/** The kernel gives ports from here on to connections, and could take one before its service does. */
const LIMIT = Math.max(
  2 * LOWEST,
  Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1")),
);

/** Each worker of a run has ports of its own: those with its number as the remainder. */
const WORKERS = 16;
const worker = Number(process.env.BUN_TEST_WORKER_ID ?? 0) % WORKERS;
const first = LOWEST - LOWEST % WORKERS + worker + WORKERS;

let next = first + WORKERS * Math.floor(Math.random() * (LIMIT - first) / WORKERS);

/** Ports that no process listens on, each given out once. */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    if (isFree(next)) ports.push(next);
    next = next + WORKERS < LIMIT ? next + WORKERS : first;
  }
  return ports;
}

function isFree(port: number): boolean {
  try {
    closeFile(listenOn([0, 0, 0, 0], port, 1));
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return false;
  }
}

/** Whether each of some TCP ports is listened on, of IPv4 or IPv6. */
export function isListening(...ports: readonly number[]): boolean {
  const sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFileSync(path, "latin1"));
  const listening = new Set(
    sockets.join("").matchAll(/^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ 0A /gm)
      .map(([, port]) => Number.parseInt(port!, 16)),
  );
  return ports.every((port) => listening.has(port));
}

/** Whether each of some UDP ports of IPv4 is bound. */
export function isBound(...ports: readonly number[]): boolean {
  const sockets = readFileSync("/proc/net/udp", "latin1");
  const bound = new Set(
    sockets.matchAll(/^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) /gm)
      .map(([, port]) => Number.parseInt(port!, 16)),
  );
  return ports.every((port) => bound.has(port));
}
