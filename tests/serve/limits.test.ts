/** What bounds the clients of a process that serves many: slots, turns, and what is remembered of them. */
import { describe, expect, test } from "bun:test";
import { LEVELS, type Log, Severity } from "../../lib/log.ts";
import { makeClientLog } from "../../lib/serve/client_log.ts";
import { rememberDenials } from "../../lib/serve/denials.ts";
import { makeHandshakeTurns } from "../../lib/serve/handshake_turns.ts";
import { collectUnasked } from "../../lib/serve/making_room.ts";
import { makeSlots, NoSlot } from "../../lib/serve/slots.ts";

describe("makeClientLog()", () => {
  /** A log whose intervals end when the test says so. */
  function logged() {
    const lines: string[] = [];
    const log: Log = (priority, message, facts) =>
      void lines.push(`${priority} ${message} [${facts?.client ?? ""}]`);
    let pass: (() => void)[] = [];
    const clientLog = makeClientLog(log, (act) => void pass.push(act));
    const endInterval = () => {
      const due = pass;
      pass = [];
      for (const act of due) act();
      return due.length;
    };
    return { ...clientLog, take: () => lines.splice(0), endInterval };
  }

  test("logs 20 warnings and errors about a client, and counts the others", () => {
    const { about, take, endInterval } = logged();
    for (let time = 0; time < 100; time++) about("a")(Severity.error, `no ${time}`);
    about("b")(Severity.warning, "no");
    const lines = take();
    expect(lines.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, at) => `3 no ${at} [a]`));
    expect(lines.slice(20)).toEqual(["4 no [b]"]);
    expect(endInterval()).toBe(1);
    expect(take()).toEqual([
      "4 Warning: 80 more lines about a within ten seconds, the last one: no 99 [a]",
    ]);
    // Nothing is left to be said, and nothing is counted as long as no line comes.
    expect(endInterval()).toBe(0);
    about("a")(Severity.error, "again");
    expect(take()).toEqual(["3 again [a]"]);
  });

  test("logs what the administrator has asked for, however much it is", () => {
    const { about, take } = logged();
    for (let time = 0; time < 100; time++) about("a")(Severity.info, "Summary");
    for (let time = 0; time < 100; time++) about("a")(Severity.notice, "SSL Version");
    expect(take()).toHaveLength(200);
  });

  test("bounds refusals at the level that a rule gives them", () => {
    const { refusing, take, say } = logged();
    for (let time = 0; time < 22; time++) refusing("a")((16 << 3) + LEVELS.info, "refused");
    expect(take()).toHaveLength(20);
    say();
    expect(take()).toEqual([
      "4 Warning: 2 more lines about a within ten seconds, the last one: refused [a]",
    ]);
  });

  test("logs one line of a kind where one is enough", () => {
    const { once, about, take, say } = logged();
    for (let time = 0; time < 3; time++) once("a", "full", `full ${time}`);
    once("a", "late", "late");
    about("a")(Severity.error, "no");
    expect(take()).toEqual(["4 full 0 [a]", "4 late [a]", "3 no [a]"]);
    say();
    expect(take()).toEqual([
      "4 Warning: 2 more lines about a within ten seconds, the last one: full 2 [a]",
    ]);
  });

  test("logs no more of 100,000 clients than 500 lines, and names the ten that come most often", () => {
    const { about, take, endInterval } = logged();
    for (let client = 0; client < 100_000; client++) about(`c${client}`)(Severity.error, "no");
    for (let client = 0; client < 12; client++) {
      for (let time = 0; time <= client; time++) about(`c${client}`)(Severity.error, "no");
    }
    expect(take()).toHaveLength(500);
    endInterval();
    const lines = take();
    expect(lines).toHaveLength(11);
    expect(lines[0]).toContain("12 more lines about c11 ");
    // 78 were about the twelve; two of them, with one and two lines, are not named.
    const others = 100_000 - 500 + 78 - lines.slice(0, 10).reduce(
      (sum, line) => sum + Number(/\d+ more/.exec(line)![0].split(" ")[0]),
      0,
    );
    expect(lines[10]).toContain(`${others} more lines about other clients`);
  });
});

describe("makeSlots()", () => {
  const limits = { total: 4, perSource: 2 };

  test("resets a source at its limit when it arrives, and an IPv6 network is one source", () => {
    const slots = makeSlots(1000);
    for (const address of ["2001:db8::1", "2001:db8::2"]) slots.arrive(address, limits).admit();
    expect(() => slots.arrive("2001:db8::3", limits)).toThrow(
      "Connection from 2001:db8::3 refused: 2001:db8::/64 has 2 connections open",
    );
    slots.arrive("2001:db8:0:1::1", limits).admit();
  });

  test("gives a client the slot of one that makes room, and refuses it where none does", () => {
    const slots = makeSlots(1000);
    const first = slots.arrive("a", limits);
    first.admit();
    for (const address of ["a", "b", "b"]) slots.arrive(address, limits).admit();
    expect(() => slots.arrive("c", limits).admit(() => false)).toThrow(NoSlot);
    slots.arrive("c", limits).admit(() => {
      first.leave();
      return true;
    });
    expect(() => slots.arrive("d", limits).admit(() => false)).toThrow(NoSlot);
  });

  test("hears out no more than half of the refused for one source", () => {
    const slots = makeSlots(100_000);
    const refuse = (address: string) => slots.arrive(address, limits).refuse();
    const heard = Array.from({ length: 64 }, () => refuse("a")).filter((heard) => heard);
    expect(heard).toHaveLength(32);
    expect(refuse("b")).toBe(true);
  });
});

describe("rememberDenials()", () => {
  test("knows an address that was denied 32 times within a second, and forgets it then", () => {
    let time = 0;
    const { add, again, forget } = rememberDenials<string>(() => time);
    for (let denial = 0; denial < 31; denial++) add("a", "tables");
    expect(again("a")).toBeUndefined();
    add("a", "tables");
    expect(again("a")).toBe("tables");
    expect(again("b")).toBeUndefined();
    time = 999;
    expect(again("a")).toBe("tables");
    time = 1000;
    expect(again("a")).toBeUndefined();
    for (let denial = 0; denial < 32; denial++) add("a", "tables");
    forget();
    expect(again("a")).toBeUndefined();
  });

  test("remembers 4096 addresses at most", () => {
    const { add, again } = rememberDenials<string>(() => 0);
    for (let time = 0; time < 32; time++) {
      for (let at = 0; at < 5000; at++) add(String(at), "tables");
    }
    expect(Array.from({ length: 5000 }, (_, at) => again(String(at))).filter(Boolean))
      .toHaveLength(4096);
  });
});

describe("collectUnasked()", () => {
  test("has the oldest client of the source with most of them make room", () => {
    const unasked = collectUnasked();
    const gone: string[] = [];
    const add = (source: string, name: string) => {
      const client = { source, makeRoom: () => void gone.push(name) };
      unasked.add(client);
      return client;
    };
    expect(unasked.makeRoom("good")).toBe(false);
    add("b", "b1");
    const asking = add("a", "a1");
    add("a", "a2");
    add("a", "a3");
    unasked.delete(asking);
    for (let time = 0; time < 3; time++) expect(unasked.makeRoom("good")).toBe(true);
    expect(gone).toEqual(["a2", "b1", "a3"]);
    expect(unasked.makeRoom("good")).toBe(false);
    add("good", "g1");
    add("c", "c1");
    // No source takes from one that has no more than itself.
    expect(unasked.makeRoom("good")).toBe(false);
    expect(unasked.makeRoom("d")).toBe(true);
    expect(gone.at(-1)).toBe("g1");
  });
});

describe("makeHandshakeTurns()", () => {
  test("lets each source begin in turn where many are under way", async () => {
    const turns = makeHandshakeTurns();
    const begun: string[] = [];
    const take = async (source: string) => {
      const end = await turns.take(source);
      begun.push(source);
      return end;
    };
    const first = Array.from({ length: 128 }, () => take("many"));
    const waiting = [...Array.from({ length: 10 }, () => take("many")), take("one"), take("two")];
    // Before a handshake that takes long gives up its turn.
    expect(typeof turns.take("last")).toBe("object");
    const ends = await Promise.all(first);
    expect(begun).toHaveLength(128);
    for (const end of ends.slice(0, 3)) end();
    await Promise.resolve();
    await Promise.resolve();
    expect(begun.slice(128, 131)).toEqual(["many", "one", "two"]);
    // All have begun in the end, also where no handshake is over.
    await Promise.all(waiting);
    expect(begun).toHaveLength(140);
  });

  test("ends a turn once", async () => {
    const turns = makeHandshakeTurns();
    const ends = await Promise.all(Array.from({ length: 128 }, () => turns.take("a")));
    const two = [turns.take("a"), turns.take("a")];
    ends[0]!();
    ends[0]!();
    await two[0];
    const second = await Promise.race([two[1]!, Promise.resolve("waits")]);
    expect(second).toBe("waits");
    ends[1]!();
    await two[1];
  });
});
