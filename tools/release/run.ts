/** How long a step of a release may take, in milliseconds. */
const LIMIT = 600_000;

/**
 * Runs a command and returns its standard output.
 *
 * @param cwd Where it is run.
 * @throws {Error} with its standard error when it fails.
 */
export function run(cwd: string, ...command: readonly string[]): string {
  const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync([...command], {
    cwd,
    timeout: LIMIT,
  });
  if (exitCode === 0) return stdout.toString();
  throw new Error(`${command.join(" ")} ended with ${signalCode ?? exitCode}: ${stderr}`);
}
