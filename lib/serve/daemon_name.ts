import { byteStringOf } from "../bytes.ts";

/** The name that access rules know this service by: its program's, as whoever started it called it. */
export function daemonName(): string {
  return byteStringOf(process.argv0.slice(process.argv0.lastIndexOf("/") + 1));
}
