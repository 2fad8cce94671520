import { cleanStart, leaveConnection } from "./lib/system/clean_start.ts";
import { byteStringOf, encodeBytes } from "./lib/bytes.ts";
import { type Invocation, parseCommandLine, PROGRAMS, TOOL_OPTIONS } from "./lib/cli.ts";
import { hasRuntimeVariables } from "./lib/command/environment.ts";
import { CANNOT_SERVE } from "./lib/exit_status.ts";
import { serveInetd } from "./lib/serve/inetd.ts";
import { openEarlyLog } from "./lib/serve/start.ts";
import { ownCapabilities } from "./lib/system/capabilities.ts";
import { mapHeapAhead } from "./lib/system/heap.ts";
import { bindingFailure, userAndGroup, writeAll } from "./lib/system/libc.ts";
import { Stdio } from "./lib/system/linux.ts";

/** The exit status of an invocation that is not to serve: UNKNOWN to Nagios. */
const TEXT_PRINTED = 3;

/**
 * Does what the arguments ask for, and returns the exit status. Only the code for a plain check under
 * inetd, which must start fast, is loaded at once.
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
  const name = process.execPath.slice(process.execPath.lastIndexOf("/") + 1);
  if (PROGRAMS.includes(name)) return await runProgram(name, args);
  for (const arg of args) if (TOOL_OPTIONS.includes(arg)) return await runTool(arg, args);
  const invocation = parseCommandLine(args);
  if (invocation.kind === "look up") {
    const { answerLookUps } = await import("./lib/access/answer_look_up.ts");
    return answerLookUps();
  }
  if (invocation.kind !== "serve") return await printText(invocation);
  serving = true;
  // Root's go when it becomes the agent's user; another user has no use for any.
  if (userAndGroup().uid !== 0 && ownCapabilities() !== "none") {
    const { leaveCapabilities } = await import("./lib/serve/leave_capabilities.ts");
    leaveCapabilities(invocation.config);
  }
  if (hasRuntimeVariables()) {
    const { startAgain } = await import("./lib/serve/start_again.ts");
    startAgain([]);
  }
  if (invocation.mode === "inetd") {
    mapHeapAhead();
    leaveConnection();
  }
  cleanStart();
  if (invocation.mode === "inetd") return await serveInetd(invocation);
  const { serveAsDaemon, serveInForeground } = await import("./lib/serve/daemon.ts");
  return await (invocation.mode === "daemon" ? serveAsDaemon : serveInForeground)(invocation);
}

async function runProgram(name: string, args: readonly string[]): Promise<number> {
  switch (name) {
    case "check_nrpe": {
      const { checkNrpe } = await import("./lib/client/check_nrpe.ts");
      return await checkNrpe(args);
    }
    case "tcpd": {
      const { runTcpd } = await import("./lib/wrap/tcpd.ts");
      return await runTcpd();
    }
    case "tcpdmatch": {
      const { tcpdmatch } = await import("./lib/diagnose/tcpdmatch.ts");
      return await tcpdmatch(args);
    }
    default: {
      const { tcpdchk } = await import("./lib/diagnose/tcpdchk.ts");
      return await tcpdchk(args);
    }
  }
}

async function runTool(option: string, args: readonly string[]): Promise<number> {
  switch (option) {
    case "--check-config": {
      const { checkConfigFile } = await import("./lib/diagnose/config/check_config.ts");
      return await checkConfigFile(args);
    }
    case "--doctor": {
      const { doctor } = await import("./lib/diagnose/doctor/doctor.ts");
      return await doctor(args);
    }
    case "--probe": {
      const { runProbe } = await import("./lib/client/run_probe.ts");
      return await runProbe(args);
    }
    case "--run": {
      const { runCommandOnce } = await import("./lib/diagnose/run/run_command.ts");
      return runCommandOnce(args);
    }
    case "--wrap": {
      const { runWrap } = await import("./lib/wrap/tcpd.ts");
      return await runWrap();
    }
    default: {
      const { checkAccess } = await import("./lib/diagnose/check_access.ts");
      return await checkAccess(args);
    }
  }
}

/** Prints the text that the arguments ask for, or what is wrong with them. */
async function printText(
  invocation: Exclude<Invocation, { readonly kind: "serve" | "look up" }>,
): Promise<number> {
  const texts = await import("./lib/help.ts");
  if (invocation.kind === "usage") {
    const { sayUsage } = await import("./lib/serve/last_words.ts");
    sayUsage(invocation.problem, texts.usageText(invocation.problem), openEarlyLog);
  } else writeAll(Stdio.output, encodeBytes(texts.TEXTS[invocation.kind]));
  return TEXT_PRINTED;
}

let serving = false;

/** Ends the program after an unexpected exception. Nothing is sent to a client. */
async function fail(error: unknown): Promise<void> {
  try {
    const { sayUnexpected } = await import("./lib/serve/last_words.ts");
    sayUnexpected(error, serving ? openEarlyLog : undefined);
  } finally {
    process.exit(CANNOT_SERVE);
  }
}

main().then((status) => process.exit(status), fail);
