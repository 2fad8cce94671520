import { decodeBytes } from "../bytes.ts";
import { readFile, SystemError } from "./libc.ts";

/** The name of a service manager, which gives each service limits of its own. */
const SERVICE_MANAGER = "systemd";

/**
 * The soft limit of open files that the process which started this one has and passes on, see
 * getrlimit(2); undefined where that cannot be known. The runtime has raised the own one.
 */
export function startersOpenFiles(): number | undefined {
  const starter = `/proc/${process.ppid}`;
  try {
    if (decodeBytes(readFile(`${starter}/comm`)).trim() === SERVICE_MANAGER) return undefined;
    const limit = /^Max open files +([0-9]+|unlimited) /m.exec(
      decodeBytes(readFile(`${starter}/limits`)),
    )?.[1];
    return limit === undefined ? undefined : limit === "unlimited" ? Infinity : Number(limit);
  } catch (error) {
    // It has ended, or is hidden, see hidepid in proc(5).
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
}
