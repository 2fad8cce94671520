import { encodeBytes } from "../bytes.ts";
import { type Log, Severity } from "../log.ts";
import { FileRefused, replaceFile } from "../system/private_file.ts";

/** How often the file is written, in milliseconds. */
const INTERVAL = 15_000;
/** node_exporter reads it as a user of its own. */
const MODE = 0o644;

/** The file that `metrics_file` names. */
export interface MetricsFile {
  /** Writes it now, if there is to be one. To be called when its path may have changed. */
  readonly write: () => void;
  /** Writes it for the last time. */
  readonly end: () => void;
}

/**
 * Keeps a file up to date, which is replaced as a whole each time, for node_exporter's textfile
 * collector. A failure is logged once as long as its reason stays the same.
 *
 * @param path The path of the file; undefined while there is to be none.
 */
export function keepMetricsFile(
  path: () => string | undefined,
  content: () => string,
  log: Log,
): MetricsFile {
  let said: string | undefined;
  let timer: Timer | undefined;
  const write = () => {
    const file = path();
    if (file === undefined) stop();
    // It keeps no process alive.
    else (timer ??= setInterval(write, INTERVAL)).unref();
    const problem = file === undefined ? undefined : replace(file, content());
    if (problem !== said && file !== undefined) {
      if (problem !== undefined) {
        log(Severity.warning, `Warning: Cannot write metrics_file '${file}': ${problem}`);
      } else log(Severity.notice, `metrics_file '${file}' is written again`);
    }
    said = problem;
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  write();
  return {
    write,
    end() {
      write();
      stop();
    },
  };
}

/** Replaces the file; returns why that failed. */
function replace(path: string, content: string): string | undefined {
  try {
    replaceFile(path, encodeBytes(content), MODE);
    return undefined;
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    return error.message;
  }
}
