import { isReadable, now, Poll, waitFor } from "./libc.ts";
import { onSignal } from "./on_signal.ts";
import { type ProcessEnd, reapAny, setNonBlocking, signalReadable } from "./process.ts";

/*
 * The runtime's event loop cannot wait for a pipe or a process that it has not made itself. The kernel
 * sends SIGCHLD or SIGIO, and the handlers then look for what has happened.
 */

/**
 * How often it is looked without a signal, in milliseconds: the kernel may have had no memory for one
 * (SIGIO), or waiting for the child may have failed.
 */
const LOOK_INTERVAL = 1_000;

const children = new Map<number, (end: ProcessEnd) => void>();
const pipes = new Map<number, () => void>();
let listening = false;

/** Installs the signal handlers. To be called before the first child is started. */
export function listenForChildren(): void {
  if (listening) return;
  onSignal("SIGCHLD", reapChildren);
  onSignal("SIGIO", readPipes);
  setInterval(() => {
    if (children.size > 0) reapChildren();
    if (pipes.size > 0) readPipes();
  }, LOOK_INTERVAL).unref();
  listening = true;
}

/**
 * Calls a function after a child has ended and been reaped. To be called in the same turn of the event
 * loop as the child is started.
 */
export function onceEnded(pid: number, ended: (end: ProcessEnd) => void): void {
  children.set(pid, ended);
}

/**
 * How long no signal is asked for from a new pipe, in milliseconds; up to twice as long passes. Most
 * programs have ended by then, and their output is read at SIGCHLD.
 */
const QUIET_TIME = 20;

/** The pipes that send no signal yet: new ones, and those that were new one period ago. */
let fresh = new Map<number, () => void>();
let aged = new Map<number, () => void>();
let aging: Timer | undefined;

/**
 * Calls a function when a pipe becomes readable or its other end is closed, not at once where it is new.
 * The function must read until EAGAIN, or it is not called again. Reads from the pipe no longer block.
 *
 * @throws {SystemError} when they would.
 */
export function onReadable(pipe: number, readable: () => void): void {
  setNonBlocking(pipe);
  fresh.set(pipe, readable);
  aging ??= setTimeout(age, QUIET_TIME);
}

function age(): void {
  for (const [pipe, readable] of aged) signalFrom(pipe, readable);
  aged = fresh;
  fresh = new Map();
  aging = aged.size > 0 ? setTimeout(age, QUIET_TIME) : undefined;
}

function signalFrom(pipe: number, readable: () => void): void {
  pipes.set(pipe, readable);
  signalReadable(pipe);
  // For what arrived before there is no signal.
  if (isReadable(pipe)) readable();
}

/** Makes the function of {@link onReadable} be called at once from now on. */
export function hurry(pipe: number): void {
  const readable = fresh.get(pipe) ?? aged.get(pipe);
  if (readable === undefined) return;
  fresh.delete(pipe);
  aged.delete(pipe);
  signalFrom(pipe, readable);
}

/** Ends these calls. To be called before the pipe is closed. */
export function unwatchPipe(pipe: number): void {
  pipes.delete(pipe);
  fresh.delete(pipe);
  aged.delete(pipe);
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
    // An earlier callback may have closed this one.
    if (ready[at] !== 0 && pipes.get(fd) === readable) readable();
  });
}
