import { describe, expect, test } from "bun:test";
import { enforceAllowList } from "../../lib/access/allowed_names.ts";
import { parseAllowedHosts } from "../../lib/config/allowed_hosts.ts";

describe("enforceAllowList()", () => {
  test("lets every client in where there is no list", () => {
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
