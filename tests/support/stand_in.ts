import { join } from "node:path";
import { ROOT } from "./room.ts";

/** The demo's stand-in for inetd, serving on a loopback port. */
export interface StandIn extends AsyncDisposable {
  readonly port: number;
}

/** Starts a program under the stand-in for inetd. */
export async function startStandIn(
  program: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StandIn> {
  const process_ = Bun.spawn(
    [process.execPath, join(ROOT, "demo", "inetd.ts"), program, ...argv],
    { stdout: "pipe", stderr: "inherit", cwd: "/", env: { PATH: process.env.PATH ?? "", ...env } },
  );
  const { value } = await process_.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  if (!(port > 0)) throw new Error("The stand-in for inetd did not start");
  return {
    port,
    async [Symbol.asyncDispose]() {
      process_.kill();
      await process_.exited;
    },
  };
}
