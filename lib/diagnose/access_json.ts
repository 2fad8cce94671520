import { explainClient, explainDaemon } from "../wrappers/explain.ts";
import type { RuleTrial } from "../wrappers/find_rule.ts";
import { equalIgnoringCase, type Host, type Request, UNKNOWN } from "../wrappers/request.ts";
import { type OwnGate, withoutList } from "./agent_policy.ts";
import type { AccessFinding, AccessStep, TableFinding, TableWarning } from "./access_finding.ts";

/**
 * A finding as one line of JSON, in ASCII unless all of it is UTF-8.
 * @param gate What nrpe.cfg says, where one was named.
 */
export function accessJson(finding: AccessFinding, gate?: OwnGate): string {
  const { request, rule } = finding;
  const line = JSON.stringify({
    daemon: request.daemon,
    server: serverJson(request.server),
    client: {
      address: known(request.client.address),
      name: nameOf(request.client),
      user: known(request.user ?? UNKNOWN),
    },
    access: finding.verdict,
    file: rule?.file ?? null,
    line: rule?.line ?? null,
    rule: rule?.text.trim() ?? null,
    effects: finding.effects.map(({ effect, value }) => ({
      option: effect.option,
      value: value ?? null,
    })),
    trace: [...traceOf(finding.tables.allow, request), ...traceOf(finding.tables.deny, request)],
    warnings: [
      ...warningsOf(finding.tables.allow),
      ...warningsOf(finding.tables.deny),
      ...gateWarnings(gate),
    ],
    ...(gate === undefined ? {} : { agent: gateJson(gate) }),
  });
  return `${escapeUnlessUtf8(line)}\n`;
}

function gateJson({ file, tables, list }: OwnGate): unknown {
  const allowedHosts = list === undefined ? null : { ...list.position, allowed: list.allows };
  return { file, tcp_wrappers: tables, allowed_hosts: allowedHosts };
}

function gateWarnings(gate: OwnGate | undefined): unknown[] {
  if (gate?.list === undefined) return [];
  return [{ ...gate.list.position, message: withoutList(gate.tables).message }];
}

function known(text: string): string | null {
  return equalIgnoringCase(text, UNKNOWN) ? null : text;
}

function serverJson(server: Host): unknown {
  const address = known(server.address);
  const name = nameOf(server);
  return address === null && (name ?? UNKNOWN) === UNKNOWN ? null : { address, name };
}

/** The name; however `unknown` was spelled in the question, it is the same answer. */
function nameOf({ name }: Host): string | null {
  return typeof name === "string" ? known(name) ?? UNKNOWN : null;
}

function traceOf({ file, steps }: TableFinding, request: Request): unknown[] {
  const json = (step: AccessStep) =>
    step.kind === "rule"
      ? trialJson(file, step.trial, request)
      : { file, skipped: { first: step.first, last: step.last } };
  const gap = steps.omitted > 0 ? [{ file, omitted: steps.omitted }] : [];
  return [...steps.first.map(json), ...gap, ...steps.last.map(json)];
}

function warningsOf({ file, warnings }: TableFinding): unknown[] {
  const json = ({ line, message }: TableWarning) => ({ file, line: line ?? null, message });
  const gap = warnings.omitted > 0
    ? [{ file, line: null, message: `${warnings.omitted} more warnings` }]
    : [];
  return [...warnings.first.map(json), ...gap, ...warnings.last.map(json)];
}

function trialJson(file: string, trial: RuleTrial, request: Request): unknown {
  return {
    file,
    line: trial.line,
    rule: trial.text.trim(),
    matches: trial.clientMatches,
    daemonMatches: trial.daemonMatches,
    daemons: trial.daemons.map(({ pattern, matched, exceptions }) => ({
      pattern,
      matched,
      exceptions,
      why: explainDaemon(pattern, matched, request),
    })),
    clients: trial.clients.map(({ pattern, matched, exceptions }) => ({
      pattern,
      matched,
      exceptions,
      why: explainClient(pattern, matched, request),
    })),
  };
}

/** A line of JSON whose bytes above 0x7f are UTF-8, or else written as escapes. */
export function escapeUnlessUtf8(line: string): string {
  // deno-lint-ignore no-control-regex -- the question is exactly whether there are other bytes
  if (/^[\x00-\x7f]*$/.test(line) || isUtf8(line)) return line;
  return line.replace(/[\x80-\xff]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}

/** Whether a byte string is valid UTF-8. */
export function isUtf8(text: string): boolean {
  return !Buffer.from(text, "latin1").toString("utf8").includes("\ufffd");
}
