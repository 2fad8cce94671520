/** `nrpe --probe`: what answers at a host, or at each of many. */
import { encodeBytes } from "../bytes.ts";
import { configFiles } from "../config/config_files.ts";
import { jsonLine } from "../json_line.ts";
import { printable } from "../log.ts";
import { writeAll } from "../system/libc.ts";
import { Stdio } from "../system/linux.ts";
import { probe } from "./probe.ts";
import { parseProbeQuestion, PROBE_HELP, PROBE_USAGE, readPlace } from "./probe_cli.ts";
import type { ProbeTarget } from "./probe_target.ts";
import { probeJson, probeLine, probeText } from "./probe_text.ts";

const EXIT_ANSWERED = 0;
const EXIT_NO_ANSWER = 1;
const EXIT_USAGE = 2;

/** How many hosts are asked at a time. */
const AT_ONCE = 32;

/**
 * Prints what answers, on stdout, in the order of the hosts.
 *
 * @param args The arguments of the program as byte strings, `--probe` among them.
 * @returns The exit status.
 */
export async function runProbe(args: readonly string[]): Promise<number> {
  const question = parseProbeQuestion(args);
  if (question.kind === "help") {
    writeAll(Stdio.output, encodeBytes(PROBE_HELP));
    return EXIT_ANSWERED;
  }
  if (question.kind === "usage") return sayUsage(question.problem);
  const { file, how, json } = question;
  const places = file === undefined ? question.hosts : readHosts(file);
  if (typeof places === "string") return sayUsage(places);
  const text = json
    ? (result: Result) => jsonLine(probeJson(result))
    : file
    ? probeLine
    : probeText;
  let status = EXIT_ANSWERED;
  for await (const result of probeAll(places.map((place) => ({ ...place, ...how })))) {
    if (result.outcome.kind === "failed") status = EXIT_NO_ANSWER;
    writeAll(Stdio.output, encodeBytes(text(result)));
  }
  return status;
}

type Result = Awaited<ReturnType<typeof probe>>;

/** The hosts of a file, or why there are none. Blank lines and those that begin with `#` count nothing. */
function readHosts(file: string): readonly Pick<ProbeTarget, "host" | "port">[] | string {
  const read = configFiles.read(file);
  if (read.kind !== "content") return `cannot read ${file}`;
  const places = [];
  for (const [at, line] of read.content.split("\n").entries()) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    const place = readPlace(text);
    if (place === undefined) return `${file}:${at + 1}: ${text} is no HOST[:PORT]`;
    places.push(place);
  }
  return places.length === 0 ? `${file} names no host` : places;
}

/** Probes targets, so many at a time; the results come in the targets' order. */
async function* probeAll(targets: readonly ProbeTarget[]): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  for (const target of targets) {
    if (running.length === AT_ONCE) yield await running.shift()!;
    running.push(probe(target));
  }
  for (const result of running) yield await result;
}

function sayUsage(problem: string): number {
  writeAll(Stdio.error, encodeBytes(`nrpe: ${printable(problem)}\n\n${PROBE_USAGE}`));
  return EXIT_USAGE;
}
