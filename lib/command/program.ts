/** A program to start: its file, and its arguments from argv[0] on. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  /** Whether it is a shell that runs a command line. */
  readonly shell: boolean;
}

const SPACE = 0x20;
const TAB = 0x09;
const SHELL = "/bin/sh";

/** What runs a command: a line for a shell, or arguments from argv[0] on, which no shell sees. */
export type CommandLine = string | readonly string[];

/** The shell for a command line. */
export function shellProgram(line: string): Program {
  return { file: SHELL, argv: [SHELL, "-c", line], shell: true };
}

/**
 * The program of a command line. One of arguments may have to be looked for in PATH.
 *
 * The C agent passes every line to `/bin/sh -c`. A line that begins with `/` and consists of blanks and
 * characters that are plain to every shell does not need one, and starts faster without.
 */
export function programOf(line: CommandLine): Program {
  if (typeof line !== "string") return { file: line[0]!, argv: line, shell: false };
  if (line.charCodeAt(0) !== 0x2f) return shellProgram(line);
  const argv: string[] = [];
  let start = 0;
  for (let at = 0; at <= line.length; at++) {
    const byte = at < line.length ? line.charCodeAt(at) : SPACE;
    if (byte === SPACE || byte === TAB) {
      if (at > start) argv.push(line.slice(start, at));
      start = at + 1;
    } else if (!isPlain(byte)) return shellProgram(line);
  }
  return { file: argv[0]!, argv, shell: false };
}

/** Letters, digits and `% + , - . / : = @ _`. */
function isPlain(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x2b && byte <= 0x3a) || byte === 0x25 || byte === 0x3d || byte === 0x40 ||
    byte === 0x5f;
}
