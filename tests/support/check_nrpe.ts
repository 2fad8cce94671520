import { decodeBytes } from "../../lib/bytes.ts";
import { PEERS } from "./peers.ts";

/** How long check_nrpe may wait, in seconds; by itself it gives up after ten. */
export const CHECK_PATIENCE = "120";

/** What the real check_nrpe made of an answer. */
export interface CheckResult {
  readonly status: number;
  /** Its standard output, a byte string. */
  readonly output: string;
}

/** Runs check_nrpe against a plain agent on loopback. */
export async function checkNrpe(port: number, ...args: readonly string[]): Promise<CheckResult> {
  const check = Bun.spawn(
    [
      ...[PEERS.checkNrpe.path, "-n", "-H", "127.0.0.1", "-p", String(port)],
      ...["-t", CHECK_PATIENCE, ...args],
    ],
    { stdout: "pipe", stderr: "inherit", stdin: "ignore" },
  );
  const output = decodeBytes(new Uint8Array(await new Response(check.stdout).arrayBuffer()));
  return { status: await check.exited, output };
}
