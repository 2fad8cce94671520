import { jsonLine } from "../json_line.ts";
import { explainClient, explainDaemon } from "../wrappers/explain.ts";
import type { RuleTrial } from "../wrappers/find_rule.ts";
import { equalIgnoringCase, type Host, type Request, UNKNOWN } from "../wrappers/request.ts";
import type { OwnGate } from "./agent_policy.ts";
import type { AccessFinding, AccessStep, TableFinding, TableWarning } from "./access_finding.ts";
import { allowedHostsProblem } from "./lint/nrpe_cfg.ts";

/**
 * A finding as one line of JSON.
 * @param gate What nrpe.cfg says, where one was named.
 */
export function accessJson(finding: AccessFinding, gate?: OwnGate): string {
  const { request, rule } = finding;
  return jsonLine({
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
}

function gateJson({ file, tables, list }: OwnGate): unknown {
  const allowedHosts = list === undefined ? null : { ...list.position, allowed: list.allows };
  return { file, tcp_wrappers: tables, allowed_hosts: allowedHosts };
}

function gateWarnings(gate: OwnGate | undefined): unknown[] {
  if (gate?.list === undefined) return [];
  return [{ ...gate.list.position, message: allowedHostsProblem(gate.tables).message }];
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
