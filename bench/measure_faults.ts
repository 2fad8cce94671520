import { decodeBytes } from "../lib/bytes.ts";
import { findAccount } from "../lib/system/account.ts";
import {
  bindLibc,
  closeFile,
  lastErrno,
  Open,
  openFile,
  readFile,
  SystemError,
} from "../lib/system/libc.ts";
import { listenOn } from "../lib/system/listen_socket.ts";
import { awaitEnd } from "../lib/system/process.ts";
import { freePorts } from "../tests/support/ports.ts";
import { ask, ONCE } from "./ask.ts";
import { interleave } from "./extent.ts";
import { awaitZombie, expectEnd, prepare, type Program, type Spawn } from "./run_programs.ts";
import { addSample, FLOOR, type Samples } from "./samples.ts";
import { emptyProgram, ownArguments, QUESTIONS, type Setting, USER, versionOf } from "./sides.ts";

const libc = bindLibc({
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  syscall: { args: ["i64", "i64", "i64", "i64"], returns: "i64" },
});

const SOCK_CLOEXEC = 0o2000000;
const [SYS_SETRESUID, SYS_SETRESGID] = process.arch === "x64" ? [117, 119] as const : [147, 149];
const SUBJECT = "echo";

/**
 * Counts the page faults of the agent's process alone, not those of its plugin: up to its end, or up to
 * its response where it stays. This process starts it as inetd does. A child of inetd has page faults
 * before it executes the agent.
 */
export function measureFaults(setting: Setting): Samples {
  const { room, extent, empty } = setting;
  const samples: Samples = new Map();
  const whole = (program: Program) => {
    const spawn = prepare(program);
    return () => countOfWhole(program, spawn);
  };
  const argv = [...ownArguments(setting.configs("faults").inetd), "-n"];
  const agent = prepare({ file: room.binary, argv, status: 0 });
  const counts = [
    [...FLOOR, whole(emptyProgram(empty))],
    ["-V", "start", whole(versionOf(room.binary))],
    ["nowait", SUBJECT, () => countOfService(setting, agent, false)],
    ["first of wait", SUBJECT, () => countOfService(setting, agent, true)],
  ] as const;
  interleave(
    counts.map(([side, subject, count]) => () => addSample(samples, side, subject, count())),
    extent.faultRounds,
    () => samples.clear(),
  );
  return samples;
}

function countOfWhole(program: Program, spawn: Spawn): number {
  const nothing = openFile("/dev/null", Open.readWrite);
  const pid = spawn([nothing, nothing, nothing]);
  closeFile(nothing);
  awaitZombie(program.file, pid);
  const faults = faultsOf(pid);
  expectEnd(program, pid);
  return faults;
}

/** Counts those of an agent that gets a connection, or the listening socket, as inetd passes them. */
function countOfService({ syslog }: Setting, spawn: Spawn, wait: boolean): number {
  const [port] = freePorts(1) as [number];
  const listener = listenOn([127, 0, 0, 1], port, 1);
  let pid: number | undefined;
  try {
    ask({ name: "the agent", port, tls: false }, QUESTIONS[SUBJECT], ONCE, [syslog], () => {
      const socket = wait ? listener : accept(listener);
      pid = asUser(() => spawn([socket, socket, socket]));
      if (!wait) closeFile(socket);
    });
    if (!wait) awaitZombie("the agent", pid!);
    return faultsOf(pid!);
  } finally {
    closeFile(listener);
    if (pid !== undefined) {
      process.kill(pid, "SIGKILL");
      awaitEnd(pid);
    }
  }
}

function accept(listener: number): number {
  const fd = libc.accept4(listener, null, null, SOCK_CLOEXEC);
  if (fd < 0) throw new SystemError("accept4", lastErrno());
  return fd;
}

/**
 * Starts a process as the agents' user. The system calls change the calling thread alone, where the C
 * library's functions change all; the saved user stays root, so that they can be undone.
 */
function asUser(start: () => number): number {
  const { uid, gid } = findAccount(USER)!;
  const set = (call: number, id: number) => {
    if (libc.syscall(BigInt(call), BigInt(id), BigInt(id), 0n) !== 0n) {
      throw new SystemError("setresuid", lastErrno(), String(id));
    }
  };
  set(SYS_SETRESGID, gid);
  set(SYS_SETRESUID, uid);
  try {
    return start();
  } finally {
    set(SYS_SETRESUID, 0);
    set(SYS_SETRESGID, 0);
  }
}

/** A process's page faults so far, without those of its children, see proc(5) on stat. */
function faultsOf(pid: number): number {
  const text = decodeBytes(readFile(`/proc/${pid}/stat`));
  // The state is field 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [minor, major] = [fields[10 - 3], fields[12 - 3]];
  return Number(minor) + Number(major);
}
