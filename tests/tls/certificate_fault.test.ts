import { describe, expect, test } from "bun:test";
import { alertFor, explainCertificate } from "../../lib/tls/certificate_fault.ts";

describe("a client's certificate", () => {
  test.each([
    ["CERT_HAS_EXPIRED", 45, "it has expired"],
    ["CERT_NOT_YET_VALID", 42, "it is not valid yet"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48, "it is signed by no CA of ssl_cacert_file"],
    ["INVALID_PURPOSE", 43, "it is not meant for clients"],
    ["CERT_CHAIN_TOO_LONG", 42, "cert chain too long"],
  ])("with the fault %s gets alert %d and the words %j", (code, alert, words) => {
    expect(alertFor(code)).toBe(alert);
    expect(explainCertificate(code)).toBe(words);
  });
});
