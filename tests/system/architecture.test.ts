/** The numbers and structures of the kernel's interface, against its headers for both architectures. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Architecture, CALLS, FSTAT, OPEN_FLAGS } from "../../lib/system/architecture.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";

const missing = peersMissing("compiler", "headers", "arm64Headers");

const HEADERS: Readonly<Record<Architecture, readonly string[]>> = {
  x64: ["/usr/include/x86_64-linux-gnu", "/usr/include"],
  arm64: ["/usr/aarch64-linux-gnu/include"],
};

/** Constants that the program takes to be the same on both, and the header that has them. */
const COMMON = {
  fcntl: ["F_SETFD", "FD_CLOEXEC", "F_SETFL", "F_SETOWN", "F_WRLCK", "F_UNLCK"],
  socket: ["SOL_SOCKET", "SO_REUSEADDR", "SO_KEEPALIVE", "SO_LINGER", "SO_ACCEPTCONN"],
  resource: ["RLIMIT_NOFILE"],
  signal: ["SIGKILL", "SIGPIPE", "SIGTERM", "SIGXFSZ", "SIGCHLD", "SIGHUP", "SIGIO"],
  errno: ["EAGAIN", "ELOOP", "ENOTSOCK", "EADDRINUSE", "EINPROGRESS"],
  unistd: ["__NR_close_range", "__NR_pidfd_open"],
};

let room: Room;

beforeAll(() => {
  room = makeRoom();
});

afterAll(() => room[Symbol.dispose]());

/** What C expressions come to with an architecture's headers; the layouts of both are LP64. */
function evaluate(
  architecture: Architecture,
  headers: readonly string[],
  expressions: readonly string[],
): Readonly<Record<string, number>> {
  const lines = expressions.map((text, at) => `printf("${at} %ld\\n", (long) (${text}));`);
  const source = room.file(
    `${architecture}.c`,
    headers.map((name) => `#include <${name}>\n`).join("") +
      `int printf(const char *, ...);\nint main(void) { ${lines.join("\n")} return 0; }\n`,
  );
  const program = join(room.path, architecture);
  const paths = HEADERS[architecture].flatMap((path) => ["-isystem", path]);
  const compiled = Bun.spawnSync([
    // The kernel's name for the C library's O_ASYNC.
    ...[PEERS.compiler.path, "-DO_ASYNC=FASYNC", "-nostdinc", ...paths, "-o", program, source],
  ]);
  if (compiled.exitCode !== 0) throw new Error(compiled.stderr.toString());
  const output = Bun.spawnSync([program]).stdout.toString().trim().split("\n");
  return Object.fromEntries(
    output.map((line, at) => [expressions[at]!, Number(line.split(" ")[1])]),
  );
}

describe.skipIf(missing)("on x64 and arm64", () => {
  test.each<Architecture>(["x64", "arm64"])("the flags of open(2) are the header's (%s)", (one) => {
    const flags = OPEN_FLAGS[one];
    expect(evaluate(one, ["asm/fcntl.h"], Object.keys(flags))).toEqual(flags);
  });

  test.each<Architecture>(["x64", "arm64"])(
    "the structure of fstat(2) is the header's (%s)",
    (one) => {
      const { call, size, ...fields } = FSTAT[one];
      const offset = (field: string) => `__builtin_offsetof(struct stat, ${field})`;
      const expected: Record<string, number> = { "__NR_fstat": call, "sizeof(struct stat)": size };
      for (const [field, at] of Object.entries(fields)) expected[offset(field)] = at;
      const found = evaluate(one, ["asm/unistd.h", "asm/stat.h"], Object.keys(expected));
      expect(found).toEqual(expected);
    },
  );

  test.each<Architecture>(["x64", "arm64"])(
    "system calls have the header's numbers (%s)",
    (one) => {
      const expected = Object.fromEntries(
        Object.entries(CALLS[one]).map(([name, number]) => [`__NR_${name}`, number]),
      );
      expect(evaluate(one, ["asm/unistd.h"], Object.keys(expected))).toEqual(expected);
    },
  );

  test("all other constants of the program are the same", () => {
    const headers = Object.keys(COMMON).map((name) => `asm/${name}.h`);
    const [x64, arm64] = (["x64", "arm64"] as const).map((architecture) =>
      evaluate(architecture, headers, Object.values(COMMON).flat())
    );
    expect(arm64).toEqual(x64!);
  });
});
