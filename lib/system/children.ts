import { isReadable, now, Poll, waitFor } from "./libc.ts";
import { type ProcessEnd, reapAny, signalReadable } from "./process.ts";

/*
 * The event loop of the runtime cannot wait for a pipe or a process that it has not made itself. So
 * the kernel rings with a signal, SIGCHLD or SIGIO, and what happened is asked for then.
 */

const children = new Map<number, (end: ProcessEnd) => void>();
const pipes = new Map<number, () => void>();
let listening = false;

/** Begins to listen for the signals; to be said before the first child is started. */
export function listenForChildren(): void {
  if (listening) return;
  process.on("SIGCHLD", reapChildren);
  process.on("SIGIO", readPipes);
  listening = true;
}

/**
 * Calls a function once, when a child has ended; it is reaped by then. To be asked for in the same turn
 * of the event loop as the child's start.
 */
export function onceEnded(pid: number, ended: (end: ProcessEnd) => void): void {
  children.set(pid, ended);
}

/**
 * Calls a function whenever a pipe has something to read or its end; it is to read all there is, or
 * no further call comes. Reading the pipe no longer waits.
 */
export function onReadable(pipe: number, readable: () => void): void {
  pipes.set(pipe, readable);
  signalReadable(pipe);
  // What came before the kernel was asked to announce it is not announced.
  if (isReadable(pipe)) readable();
}

/** Calls no more; to be said before the pipe is closed. */
export function unwatchPipe(pipe: number): void {
  pipes.delete(pipe);
}

function reapChildren(): void {
  for (let found = reapAny(); found !== undefined; found = reapAny()) {
    const ended = children.get(found.pid);
    children.delete(found.pid);
    ended?.(found.end);
  }
}

function readPipes(): void {
  const watched = [...pipes];
  const ready = waitFor(watched.map(([fd]) => ({ fd, events: Poll.in })), now());
  watched.forEach(([fd, readable], at) => {
    // An earlier one's turn may have closed this one.
    if (ready[at] !== 0 && pipes.get(fd) === readable) readable();
  });
}
