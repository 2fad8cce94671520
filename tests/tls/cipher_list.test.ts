import { describe, expect, test } from "bun:test";
import { readCipherList } from "../../lib/tls/cipher_list.ts";

describe("readCipherList()", () => {
  const cases: readonly [list: string, ciphers: string | undefined, newestOnly: boolean][] = [
    ["HIGH:!aNULL", "HIGH:!aNULL", false],
    // All separators of openssl-ciphers(1), and more than one of them.
    ["HIGH,!MD5 +RSA;@STRENGTH::-3DES", "HIGH:!MD5:+RSA:@STRENGTH:-3DES", false],
    ["ALL:!MD5:@SECLEVEL=0", "ALL:!MD5", false],
    ["@seclevel=2:ALL", "ALL", false],
    ["@SECLEVEL=0", undefined, false],
    ["TLS_AES_256_GCM_SHA384", undefined, true],
    ["TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:@SECLEVEL=1", undefined, true],
    ["TLS_AES_256_GCM_SHA384:ECDHE+AESGCM", "ECDHE+AESGCM", false],
    ["", undefined, false],
    [": ,", undefined, false],
  ];

  test.each(cases)(
    "reads %j as %p, with newestOnly %p",
    (list, ciphers, newestOnly) => {
      const dropped = list.split(":").filter((word) => /seclevel/i.test(word));
      expect(readCipherList(list)).toEqual({ ciphers, newestOnly, dropped });
    },
  );

  test("leaves the library its own list where nrpe.cfg has none", () => {
    expect(readCipherList(undefined)).toEqual({
      ciphers: undefined,
      newestOnly: false,
      dropped: [],
    });
  });
});
