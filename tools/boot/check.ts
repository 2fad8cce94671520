import type { Machine } from "./machine.ts";

/** Something that a booted host has to do. It begins with a host as at first. */
export interface Check {
  readonly name: string;
  /** @throws {Error} when the host does otherwise. */
  readonly run: (machine: Machine) => Promise<void>;
}

/** @throws {Error} when a claim does not hold. */
export function expectThat(claim: string, holds: boolean): void {
  if (!holds) throw new Error(`Not so: ${claim}`);
}

/** @throws {Error} when a text is another one. */
export function expectEqual(expected: string, text: string): void {
  if (text !== expected) {
    throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(text)}`);
  }
}
