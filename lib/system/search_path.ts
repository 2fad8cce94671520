import { bindLater, cString } from "./libc.ts";

const libc = bindLater({ access: { args: ["buffer", "i32"], returns: "i32" } });

const X_OK = 1;

/** access(2): whether this process may execute a file, or search a directory; errno says why not. */
export function mayExecute(path: string): boolean {
  return libc().access(cString(path), X_OK) === 0;
}

/**
 * Finds a program in the directories of PATH, see POSIX.1-2017, XBD 8.3. Entries that are not absolute
 * are passed over: they mean something else in each working directory.
 * @returns Its path; undefined where there is none that may be executed.
 */
export function findInPath(program: string, path: string): string | undefined {
  for (const directory of path.split(":")) {
    const file = `${directory}/${program}`;
    // What has a directory in it is one.
    if (directory.startsWith("/") && mayExecute(file) && !mayExecute(`${file}/.`)) return file;
  }
  return undefined;
}
