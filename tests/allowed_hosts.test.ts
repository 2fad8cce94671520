import { describe, expect, test } from "bun:test";
import { isInNets, parseAllowedHosts } from "../lib/allowed_hosts.ts";
import { enforceAllowList } from "../lib/serve/allowed_names.ts";

describe("isInNets()", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.77/31", "192.0.2.76", true],
    ["192.0.2.77/31", "192.0.2.78", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "192.0.2.1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["192.0.2.1,198.51.100.0/28", "198.51.100.15", true],
    ["mon.example", "192.0.2.1", false],
    ["192.0.2.1", "unknown", false],
  ])("with %s says of %s: %p", (list, address, expected) => {
    expect(isInNets(address, parseAllowedHosts(list).hosts)).toBe(expected);
  });
});

describe("enforceAllowList()", () => {
  test("without a list lets everyone in", () => {
    expect(enforceAllowList(undefined, () => Promise.reject(), () => {}).allows("x")).toBe(true);
  });

  test("looks names up, and keeps what it knew where that fails", async () => {
    const answers: (readonly string[])[] = [["192.0.2.1", "2001:db8::1"]];
    const failed: string[] = [];
    const { hosts } = parseAllowedHosts("mon.example,198.51.100.1");
    const lookUp = () => {
      const answer = answers.shift();
      return answer === undefined ? Promise.reject(new Error("gone")) : Promise.resolve(answer);
    };
    const list = enforceAllowList(hosts, lookUp, (name) => void failed.push(name));
    expect(list.allows("198.51.100.1")).toBe(true);
    expect(await list.allows("2001:db8::1")).toBe(true);
    expect(await list.allows("192.0.2.2")).toBe(false);
    expect(list.allows("192.0.2.1")).toBe(true);
    list.close();
    const none = enforceAllowList(hosts, lookUp, (name) => void failed.push(name));
    expect(await none.allows("192.0.2.1")).toBe(false);
    expect(failed).toEqual(["mon.example"]);
    none.close();
  });
});
