import { createServer, type Socket } from "node:net";

/** A host that tells the users of its connections. */
export type Ident = AsyncDisposable;

/** Answers every question of RFC 1413 to an address with the name of one user. */
export async function startIdent(address: string, user: string): Promise<Ident> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(socket));
    socket.on(
      "data",
      (query) => socket.end(`${String(query).trim()} : USERID : UNIX : ${user}\r\n`),
    );
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(113, address, resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}
