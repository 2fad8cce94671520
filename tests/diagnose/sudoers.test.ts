import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { askSudoers, readSudoers } from "../../lib/diagnose/config/sudoers.ts";
import { makeRoom, type Room } from "../support/room.ts";

let room: Room;
beforeAll(() => {
  room = makeRoom();
  mkdirSync(join(room.path, "sudoers.d"));
});
afterAll(() => room[Symbol.dispose]());

const QUESTION = {
  user: "nagios",
  uid: 102,
  groups: [{ name: "nagios", gid: 105 }, { name: "monitoring", gid: 200 }],
  host: "web",
  target: "root",
  file: "/usr/lib/nagios/plugins/check_x",
  args: ["-w", "5"],
};
const X = "/usr/lib/nagios/plugins/check_x";

describe("sudoers", () => {
  const CASES: readonly [text: string, answer: string][] = [
    ["", "no rule"],
    [`nagios ALL=(root) NOPASSWD: ${X}`, "runs"],
    [`nagios ALL=NOPASSWD:${X}`, "runs"],
    [`nagios ALL=(ALL:ALL) NOPASSWD: ALL`, "runs"],
    [`nagios ALL=(ALL) ${X}`, "password"],
    [`nagios ALL=(ALL) NOPASSWD: /bin/ls, ${X}`, "runs"],
    [`nagios ALL=(ALL) NOPASSWD: /bin/ls, PASSWD: ${X}`, "password"],
    [`nagios ALL=(www) NOPASSWD: ${X}`, "no rule"],
    [`root ALL=(ALL) NOPASSWD: ALL`, "no rule"],
    [`#102 ALL=(root) NOPASSWD: ${X}`, "runs"],
    [`%monitoring ALL=(root) NOPASSWD: ${X}`, "runs"],
    [`%#200 ALL=(root) NOPASSWD: ${X}`, "runs"],
    [`nagios db=(root) NOPASSWD: ${X}`, "no rule"],
    [`nagios web, db = (root) NOPASSWD: ${X}`, "runs"],
    [`nagios db=(root) NOPASSWD: ALL : web=(root) ${X}`, "password"],
    [`nagios ALL=(root) NOPASSWD: ${X} -w 5`, "runs"],
    [`nagios ALL=(root) NOPASSWD: ${X} -w 6`, "no rule"],
    [`nagios ALL=(root) NOPASSWD: ${X} ""`, "no rule"],
    [`nagios ALL=(root) NOPASSWD: ${X} *`, "runs"],
    [`nagios ALL=(root) NOPASSWD: /usr/lib/nagios/plugins/`, "runs"],
    [`nagios ALL=(root) NOPASSWD: /usr/lib/nagios/plugins/check_*`, "runs"],
    [`nagios ALL=(root) NOPASSWD: ALL, !${X}`, "no rule"],
    [`nagios ALL=(root) NOPASSWD: ${X}\nnagios ALL=(root) ${X}`, "password"],
    [
      `Cmnd_Alias CHECKS = /bin/ls, \\\n  ${X}\nUser_Alias MON = nagios\nMON ALL=(root) NOPASSWD: CHECKS`,
      "runs",
    ],
    [`Defaults:nagios !authenticate\nnagios ALL=(root) ${X}`, "runs"],
    [`Defaults requiretty\nnagios ALL=(root) NOPASSWD: ${X}`, "requiretty"],
    [`Defaults requiretty\nDefaults:nagios !requiretty\nnagios ALL=(root) NOPASSWD: ${X}`, "runs"],
    [`# nagios ALL=(root) NOPASSWD: ${X}`, "no rule"],
    [`nagios ALL=(root) NOPASSWD: ${X} # a comment`, "runs"],
    [`@includedir DIR/sudoers.d`, "runs"],
    [`#includedir DIR/sudoers.d`, "runs"],
    [`@include DIR/sudoers.d/nagios`, "runs"],
  ];

  test.each(CASES)("%j", (text, answer) => {
    room.file("sudoers.d/nagios", `nagios ALL=(root) NOPASSWD: ${X}\n`);
    room.file("sudoers.d/ignored.dpkg-old", "nagios ALL=(root) ALL\n");
    const path = room.file("sudoers", `${text.replaceAll("DIR", room.path)}\n`);
    expect(askSudoers(readSudoers(path, "/none"), QUESTION).kind as string).toBe(answer);
  });

  test("that cannot be read, or that a directory adds to, leave the answer open", () => {
    expect(askSudoers(readSudoers(join(room.path, "none"), "/none"), QUESTION)).toEqual({
      kind: "not known",
      reason: `${room.path}/none: No such file or directory`,
    });
    const nsswitch = room.file("nsswitch.conf", "sudoers: files sss\n");
    expect(askSudoers(readSudoers(room.file("sudoers", ""), nsswitch), QUESTION).kind)
      .toBe("not known");
  });
});
