import { createServer, type Socket } from "node:net";

/** A host that tells the users of its connections. */
export interface Ident extends AsyncDisposable {
  /** How many questions there have been at once. */
  readonly most: () => number;
}

/**
 * Answers every question of RFC 1413 to an address with the name of one user.
 * @param pause How long an answer takes, in milliseconds.
 */
export async function startIdent(address: string, user: string, pause = 0): Promise<Ident> {
  const connections = new Set<Socket>();
  let [open, most] = [0, 0];
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(socket));
    socket.on(
      "data",
      async (query) => {
        most = Math.max(most, ++open);
        if (pause > 0) await Bun.sleep(pause);
        // The agent closes the connection when it has the answer, of which this end hears later.
        open--;
        socket.end(`${String(query).trim()} : USERID : UNIX : ${user}\r\n`);
      },
    );
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(113, address, resolve);
  await promise;
  return {
    most: () => most,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}
