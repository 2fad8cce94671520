import { jsonLine } from "../../json_line.ts";
import { printable } from "../../log.ts";
import type { DoctorFinding, Status } from "./finding.ts";

const ORDER: readonly Status[] = ["problem", "warning", "hint", "ok"];
const COLOURS: Readonly<Record<Status, number>> = { problem: 31, warning: 33, hint: 36, ok: 32 };
const WIDTH = 9;

/** Problems that keep no check from being answered. Stock files of the C agent have the first. */
const LAST: readonly string[] = ["allowed-hosts-inetd", "unknown-directive"];

/** Worst first; within a status in the order of the walk, but what keeps checks from being answered first. */
export function inOrder(findings: readonly DoctorFinding[]): readonly DoctorFinding[] {
  const isLast = ({ code }: DoctorFinding) => LAST.includes(code);
  return ORDER.flatMap((status) => {
    const found = findings.filter((finding) => finding.status === status);
    return [...found.filter((finding) => !isLast(finding)), ...found.filter(isLast)];
  });
}

/** One object a line. */
export function findingsJson(findings: readonly DoctorFinding[]): string {
  return inOrder(findings).map((finding) => jsonLine(finding)).join("");
}

/** Findings for a person: what is so, what it rests on, and the line that mends it. */
export function findingsText(findings: readonly DoctorFinding[], colour: boolean): string {
  const blocks = inOrder(findings).map(({ status, code, message, evidence, fix }) => {
    const word = status.padEnd(WIDTH);
    const head = colour ? `\x1b[1;${COLOURS[status]}m${word}\x1b[0m` : word;
    const lines = [`${head}${printable(message)} [${code}]`];
    if (evidence !== "" && status !== "ok") {
      lines.push(`${" ".repeat(WIDTH)}${printable(evidence)}`);
    }
    if (fix !== null) lines.push(`${"   fix".padEnd(WIDTH)}${printable(fix)}`);
    return `${lines.join("\n")}\n`;
  });
  return `${blocks.join("")}\n${summary(findings)}\n`;
}

function summary(findings: readonly DoctorFinding[]): string {
  const counts = ORDER.slice(0, 3).flatMap((status) => {
    const count = findings.filter((finding) => finding.status === status).length;
    return count === 0 ? [] : [`${count} ${status}${count === 1 ? "" : "s"}`];
  });
  if (counts.length === 0) return "Nothing is wrong.";
  const first = findings.some(({ status }) => status === "problem");
  return `${counts.join(", ")}.${first ? " Mend the first problem first, then ask again." : ""}`;
}
