/** A daemon that moves to other addresses of the port that it has. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askOften } from "../support/ask.ts";
import { peersMissing } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** A daemon that root has started for the user nagios, on addresses of a port. */
async function startOn(port: number, addresses: string) {
  const logFile = room.file("nrpe.log", "", 0o666);
  const log = () => readFileSync(logFile, "latin1");
  const configure = (addresses: string) =>
    room.file(
      "nrpe.cfg",
      `server_port=${port}\nserver_address=${addresses}\nnrpe_user=nagios\nnrpe_group=nagios\n` +
        `log_file=${logFile}\ncommand[x]=echo ${addresses}\n`,
    );
  const path = configure(addresses);
  const agent = Bun.spawn([room.binary, "-n", "-c", path, "-f"], {
    cwd: "/",
    stdio: ["ignore", "ignore", "inherit"],
  });
  const end = async () => {
    agent.kill("SIGKILL");
    await agent.exited;
  };
  try {
    await waitUntil("the daemon serves", () => {
      if (agent.exitCode !== null) throw new Error(`The daemon ended: ${log()}`);
      return ask(port, "x").then(() => true, () => false);
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    /** Lets it reload with other addresses, and waits until the log says what came of it. */
    async move(addresses: string, said: RegExp) {
      configure(addresses);
      const from = log().length;
      agent.kill("SIGHUP");
      await waitUntil(`a log line like ${said}`, () => said.test(log().slice(from)));
    },
    [Symbol.asyncDispose]: end,
  };
}

const ALL = "0.0.0.0";
const ONE = "127.0.0.1";
/** An address that this machine does not have (RFC 5737). */
const FOREIGN = "192.0.2.1";

const REFUSED = /Bind to port [0-9]+ on [^]*the old configuration stays/;

describe.skipIf(peersMissing("agent"))("a reload", () => {
  test.each([[ALL, ONE], [ONE, ALL]])(
    "from %s to %s takes effect, and shares the port with no other process",
    async (old, fresh) => {
      const [port] = freePorts(1) as [number];
      await using daemon = await startOn(port, old);
      await daemon.move(fresh, /Listening for connections/);
      expect((await ask(port, "x")).text).toBe(fresh);
      for (const address of [ALL, ONE]) expect(bindShared(address, port)).toBe("EADDRINUSE");
      // And back: by now the sockets are the user's own.
      await daemon.move(old, /Listening for connections/);
      expect((await ask(port, "x")).text).toBe(old);
    },
  );

  test.each([
    [ALL, `${ONE},${FOREIGN}`],
    [ONE, `${ALL},${FOREIGN}`],
    [`${ONE},127.0.0.2`, `127.0.0.3,${FOREIGN}`],
  ])(
    "from %s to %s that fails halfway changes nothing, and turns no check away",
    async (old, fresh) => {
      const [port] = freePorts(1) as [number];
      await using daemon = await startOn(port, old);
      const answers = askOften(port, "x", { times: 100, atOnce: 4 });
      for (let time = 0; time < 5; time++) await daemon.move(fresh, REFUSED);
      expect(await answers).toEqual(new Map([[old, 100]]));
      expect(bindShared(ONE, port)).toBe("EADDRINUSE");
      expect(bindShared("127.0.0.3", port)).toBe(old === ALL ? "EADDRINUSE" : "bound");
    },
  );
});

/** What comes of it when another user's process binds the port and would share it. */
function bindShared(hostname: string, port: number): string {
  const options = JSON.stringify({ hostname, port, reusePort: true });
  const script = join(room.path, "bind.js");
  room.file(
    "bind.js",
    `try { Bun.serve({ ...${options}, fetch: () => new Response() }).stop(); console.log("bound") }` +
      "catch (error) { console.log(error.code) }",
  );
  const bind = Bun.spawnSync([
    ...["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"],
    process.execPath,
    script,
  ], { cwd: "/" });
  return bind.stdout.toString().trim() || bind.stderr.toString();
}
