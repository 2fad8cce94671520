import { cleanStart, leaveConnection } from "./lib/system/clean_start.ts";
import { byteStringOf, encodeBytes } from "./lib/bytes.ts";
import { type Invocation, parseCommandLine } from "./lib/cli.ts";
import { CANNOT_SERVE } from "./lib/exit_status.ts";
import { serveInetd } from "./lib/serve/inetd.ts";
import { openEarlyLog } from "./lib/serve/start.ts";
import { mapHeapAhead } from "./lib/system/heap.ts";
import { bindingFailure, writeAll } from "./lib/system/libc.ts";

const STDOUT = 1;
const STDERR = 2;
/** The exit status of an invocation that serves nobody, as UNKNOWN is to Nagios. */
const NOTHING_SERVED = 3;

/**
 * Does what the arguments ask for, and returns the exit status. Only a plain check under inetd, which
 * has to be quick, is at hand; everything else is loaded when it is asked for.
 */
async function main(): Promise<number> {
  const failure = bindingFailure();
  if (failure !== undefined) {
    const { sayCannotStart } = await import("./lib/serve/last_words.ts");
    sayCannotStart(failure);
    return CANNOT_SERVE;
  }
  const args: string[] = [];
  for (const arg of process.argv.slice(2)) args.push(byteStringOf(arg));
  if (args.includes("--check-access")) {
    const { checkAccess } = await import("./lib/diagnose/check_access.ts");
    return await checkAccess(args);
  }
  const invocation = parseCommandLine(args);
  if (invocation.kind === "look up") {
    const { answerLookUp } = await import("./lib/access/answer_look_up.ts");
    return answerLookUp(invocation.words);
  }
  if (invocation.kind !== "serve") return await explain(invocation);
  serving = true;
  if (invocation.mode === "inetd") {
    mapHeapAhead();
    leaveConnection();
  }
  cleanStart();
  if (invocation.mode === "inetd") return await serveInetd(invocation);
  const { serveAsDaemon, serveInForeground } = await import("./lib/serve/daemon.ts");
  return await (invocation.mode === "daemon" ? serveAsDaemon : serveInForeground)(invocation);
}

/** Prints what an invocation that serves nobody asks for, or why it makes no sense. */
async function explain(
  invocation: Exclude<Invocation, { readonly kind: "serve" | "look up" }>,
): Promise<number> {
  const texts = await import("./lib/help.ts");
  if (invocation.kind === "usage") {
    writeAll(STDERR, encodeBytes(texts.usageText(invocation.problem)));
  } else writeAll(STDOUT, encodeBytes(texts.TEXTS[invocation.kind]));
  return NOTHING_SERVED;
}

let serving = false;

/** Ends the program after an exception that nobody was prepared for; no client hears of it. */
async function giveUp(error: unknown): Promise<void> {
  try {
    const { sayUnexpected } = await import("./lib/serve/last_words.ts");
    sayUnexpected(error, serving ? openEarlyLog : undefined);
  } finally {
    process.exit(CANNOT_SERVE);
  }
}

main().then((status) => process.exit(status), giveUp);
