import { describe, expect, test } from "bun:test";
import { isClientHello } from "../../lib/protocol/client_hello.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("isClientHello()", () => {
  test.each([
    ["TLS 1.0 to 1.3", "16 03 01 00 dc 01 00 00 d8 03 03", true],
    ["a record of TLS 1.2", "16 03 03 00 dc 01", true],
    ["SSL 3.0", "16 03 00 00 31 01", true],
    ["no more than the beginning", "16 03", true],
    ["SSL 2.0 that offers TLS", "80 2e 01 03 01 00 15", true],
    ["SSL 2.0 alone", "80 2e 01 00 02 00 15", true],
    ["an alert", "15 03 01 00 02 02 46", false],
    ["a ServerHello", "16 03 03 00 50 02", false],
    ["a record of no version", "16 16 16 16", false],
    ["SSL 2.0 of no version", "80 2e 01 05 00 00 15", false],
    ["SSL 2.0, too short to tell", "80 2e 01", false],
    ["HTTP", "47 45 54 20 2f 20 48 54", false],
    ["nothing", "", false],
  ])("of %s (%s) is %p", (_, hex, expected) => {
    expect(isClientHello(bytes(hex))).toBe(expected);
  });

  test.each([2, 3, 4] as const)(
    "is false for a query of version %d, wherever it is cut",
    (version) => {
      const query = encodeQuery({ version, text: "x".repeat(100) });
      for (let length = 0; length <= 64; length++) {
        expect(isClientHello(query.subarray(0, length))).toBe(false);
      }
    },
  );

  test("is true for what a TLS client sends, wherever it is cut after its second byte", async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, data) {
          resolve(Uint8Array.from(data));
          socket.terminate();
        },
      },
    });
    fetch(`https://127.0.0.1:${server.port}/`).catch(() => {});
    const hello = await promise;
    for (let length = 2; length <= hello.length; length++) {
      expect(isClientHello(hello.subarray(0, length))).toBe(true);
    }
  });
});
