import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";

/** Files that are not part of what the same sources give the same bytes for. */
export const NOT_SUMMED: readonly string[] = ["SHA256SUMS", "SHA256SUMS.sig", "CHECKS.txt"];

/** The SHA-256 of a file, in hexadecimal digits. */
export async function sha256(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest("hex");
}

/** SHA256SUMS of a directory: a line of sha256sum(1) for each file, by name. */
export async function sumsOf(directory: string): Promise<string> {
  const names = readdirSync(directory).filter((name) => !NOT_SUMMED.includes(name)).sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(join(directory, name))}  ${name}\n`);
  return lines.join("");
}
