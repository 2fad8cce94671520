import { jsonLine } from "../json_line.ts";
import { explainClient, explainDaemon } from "../wrappers/explain.ts";
import type { RuleTrial } from "../wrappers/find_rule.ts";
import { type Host, isUnknown, type Request, UNKNOWN } from "../wrappers/request.ts";
import type { AgentPolicy } from "./agent_policy.ts";
import type { AccessStep, AccessTrace, TableTrace, TableWarning } from "./access_trace.ts";
import { allowedHostsProblem } from "./lint/nrpe_cfg.ts";

/**
 * A trace as one line of JSON.
 *
 * @param policy What nrpe.cfg says; undefined where the command line names none.
 */
export function accessJson(trace: AccessTrace, policy?: AgentPolicy): string {
  const { request, rule } = trace;
  return jsonLine({
    daemon: request.daemon,
    server: serverJson(request.server),
    client: {
      address: knownOrNull(request.client.address),
      name: nameJson(request.client),
      user: knownOrNull(request.user ?? UNKNOWN),
    },
    access: trace.verdict,
    file: rule?.file ?? null,
    line: rule?.line ?? null,
    rule: rule?.text.trim() ?? null,
    effects: trace.effects.map(({ effect, value }) => ({
      option: effect.option,
      value: value ?? null,
    })),
    trace: [...stepsJson(trace.tables.allow, request), ...stepsJson(trace.tables.deny, request)],
    warnings: [
      ...warningsJson(trace.tables.allow),
      ...warningsJson(trace.tables.deny),
      ...policyWarnings(policy),
    ],
    ...(policy === undefined ? {} : { agent: policyJson(policy) }),
  });
}

function policyJson({ file, tables, list }: AgentPolicy): unknown {
  const allowedHosts = list === undefined ? null : { ...list.position, allowed: list.allows };
  return { file, tcp_wrappers: tables, allowed_hosts: allowedHosts };
}

function policyWarnings(policy: AgentPolicy | undefined): unknown[] {
  if (policy?.list === undefined) return [];
  return [{ ...policy.list.position, message: allowedHostsProblem(policy.tables).message }];
}

function knownOrNull(text: string): string | null {
  return isUnknown(text) ? null : text;
}

function serverJson(server: Host): unknown {
  const address = knownOrNull(server.address);
  const name = nameJson(server);
  return address === null && (name ?? UNKNOWN) === UNKNOWN ? null : { address, name };
}

/** The name; `unknown` in any case is printed in small letters. */
function nameJson({ name }: Host): string | null {
  return typeof name === "string" ? knownOrNull(name) ?? UNKNOWN : null;
}

function stepsJson({ file, steps }: TableTrace, request: Request): unknown[] {
  const json = (step: AccessStep) =>
    step.kind === "rule"
      ? trialJson(file, step.trial, request)
      : { file, skipped: { first: step.first, last: step.last } };
  const gap = steps.omitted > 0 ? [{ file, omitted: steps.omitted }] : [];
  return [...steps.first.map(json), ...gap, ...steps.last.map(json)];
}

function warningsJson({ file, warnings }: TableTrace): unknown[] {
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
