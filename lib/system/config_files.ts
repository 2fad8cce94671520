import { decodeBytes } from "../bytes.ts";
import type { ConfigFiles, FileResult } from "../config/load_config.ts";
import { canonicalPath, listDirectory } from "./directory.ts";
import { describeErrno, readFile, SystemError } from "./libc.ts";

/** The largest configuration file that is read, in bytes. */
const LARGEST = 16 * 1024 * 1024;

/** The files of this host, for loadConfig(). */
export const configFiles: ConfigFiles = {
  read: (path) =>
    attempt(() => {
      const bytes = readFile(path, LARGEST);
      if (bytes.byteLength > LARGEST) return `it is larger than ${LARGEST} bytes`;
      return { content: decodeBytes(bytes) };
    }),
  list: (path) => attempt(() => ({ content: listDirectory(path) })),
  identify: (path) => canonicalPath(path) ?? path,
};

function attempt<Content>(
  read: () => { readonly content: Content } | string,
): FileResult<Content> {
  try {
    const result = read();
    if (typeof result === "string") return { kind: "failure", reason: result };
    return { kind: "content", content: result.content };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { kind: "failure", reason: describeErrno(error.errno) };
  }
}
