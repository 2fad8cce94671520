import { createServer, type Socket } from "node:net";

/** What a server does with a connection once a query, or a ClientHello, has come. */
export interface Answer {
  (socket: Socket, connection: number): void;
}

/** A server of loopback that answers as a test says. */
export interface FakeAgent extends AsyncDisposable {
  readonly port: number;
}

/** Starts a server. Connections are counted from 0. */
export async function startFakeAgent(answer: Answer): Promise<FakeAgent> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const number = count++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => answer(socket, number));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
