import type { Room } from "./room.ts";

let count = 0;

/**
 * Writes a program that does something in Perl, with POSIX at hand, and then becomes the agent. Whatever
 * starts agents can start it instead.
 */
export function perlStarter(room: Room, code: string): string {
  return room.file(
    `starter-${++count}`,
    `#!/usr/bin/perl\nuse POSIX;\n${code}\nexec { "${room.binary}" } "nrpe", @ARGV or die;\n`,
    0o755,
  );
}

/** The same in shell text; `agent`, if given, is what the shell becomes. */
export function shellStarter(room: Room, code: string, agent = room.binary): string {
  return room.file(`starter-${++count}`, `#!/bin/sh\n${code}\nexec ${agent} "$@"\n`, 0o755);
}
