import { describe, expect, test } from "bun:test";
import { explainFailure } from "../../lib/tls/explain_failure.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const complaint = (number: string, name: string) =>
  `error:${number}:SSL routines:OPENSSL_internal:${name}`;
const failed = (reason: string, heard = "") =>
  explainFailure({ kind: "failed", reason, heard: bytes(heard) }, 0);

describe("explainFailure()", () => {
  const refused = "the client does not accept the agent's certificate";

  test.each([
    ["TLSV1_ALERT_UNKNOWN_CA", "10000418", "", `${refused} (alert unknown_ca)`],
    ["SSLV3_ALERT_CERTIFICATE_EXPIRED", "10000415", "", `${refused} (alert certificate_expired)`],
    [
      "SSLV3_ALERT_HANDSHAKE_FAILURE",
      "10000410",
      "",
      "the client gave the handshake up (alert handshake_failure)",
    ],
    ["SOMETHING_NEW", "100004e7", "", "the client gave the handshake up (alert number 255)"],
    [
      "BAD_PACKET_LENGTH",
      "1000008b",
      "14 03 03 00 01 01 15 03 03 00 02 02 30",
      `${refused} (alert unknown_ca)`,
    ],
    ["BAD_PACKET_LENGTH", "1000008b", "17 03 03 00 02 aa bb", "SSL routines:BAD_PACKET_LENGTH"],
  ])("explains the failure %s (%s, with %j received) as %j", (name, number, heard, words) => {
    expect(failed(complaint(number, name), heard)).toBe(words);
  });

  test.each([
    [
      "WRONG_VERSION_NUMBER",
      /^this is not TLS: a plain client\? .*check_nrpe without -n.*-n or ssl_enabled=0$/,
    ],
    ["NO_SHARED_CIPHER", /anonymous DH/],
    ["UNSUPPORTED_PROTOCOL", /ssl_version$/],
    ["PEER_DID_NOT_RETURN_A_CERTIFICATE", /^the client did not present a certificate$/],
  ])("explains the failure %s", (name, words) => {
    expect(failed(complaint("100000f0", name))).toMatch(words);
  });

  test("explains a time-out and a client that goes away", () => {
    const nothing = { reason: "", heard: bytes("") };
    expect(explainFailure({ kind: "timed out" }, 2.4)).toBe("timeout 2 seconds");
    expect(explainFailure({ kind: "closed" }, 0)).toBe("the client closed the connection");
    expect(explainFailure({ kind: "failed", ...nothing }, 0)).toBe("");
  });
});
