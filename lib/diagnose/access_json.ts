import { jsonLine } from "../json_line.ts";
import { explainClient, explainDaemon } from "../wrappers/explain.ts";
import type { RuleTrial } from "../wrappers/find_rule.ts";
import type { PatternTrial } from "../wrappers/match_list.ts";
import { type Host, isUnknown, type Request, UNKNOWN } from "../wrappers/request.ts";
import type { AgentPolicy } from "./agent_policy.ts";
import type { AccessStep, AccessTrace, TableTrace, TableWarning } from "./access_trace.ts";
import type { BoundedList } from "./bounded_list.ts";
import { allowedHostsProblem } from "./lint/nrpe_cfg.ts";

/**
 * A trace as one line of JSON.
 *
 * @param policy What nrpe.cfg says; undefined where the command line names none.
 */
export function accessJson(trace: AccessTrace, policy?: AgentPolicy): string {
  const { request, rule } = trace;
  const place = rule ?? trace.refusedAt;
  return jsonLine({
    daemon: request.daemon,
    server: serverJson(request.server),
    client: {
      address: knownOrNull(request.client.address),
      name: nameJson(request.client),
      user: knownOrNull(request.user ?? UNKNOWN),
    },
    access: trace.verdict,
    file: place?.file ?? null,
    line: place?.line ?? null,
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

function policyJson({ file, tables, list, subjects, command }: AgentPolicy): unknown {
  const listJson = (one: AgentPolicy["list"]) =>
    one === undefined ? null : { ...one.position, allowed: one.allows };
  return {
    file,
    tcp_wrappers: tables,
    allowed_hosts: listJson(list),
    ssl_allowed_subjects: listJson(subjects),
    command: command === undefined ? null : {
      name: command.definition.name,
      ...command.definition.position,
      allowed: command.refusals.length === 0,
      refusals: command.refusals.map(({ directive, position, why }) => ({
        directive,
        ...position,
        why,
      })),
    },
  };
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
      ? ruleJson(file, step.trial, request)
      : { file, skipped: { first: step.first, last: step.last } };
  return listJson(steps, json, (omitted) => ({ file, omitted }));
}

function warningsJson({ file, warnings }: TableTrace): unknown[] {
  const json = ({ line, message }: TableWarning) => ({ file, line: line ?? null, message });
  return listJson(
    warnings,
    json,
    (omitted) => json({ line: undefined, message: `${omitted} more warnings` }),
  );
}

function listJson<Item>(
  { first, omitted, last }: BoundedList<Item>,
  json: (item: Item) => unknown,
  gap: (omitted: number) => unknown,
): unknown[] {
  return [...first.map(json), ...omitted > 0 ? [gap(omitted)] : [], ...last.map(json)];
}

function ruleJson(file: string, trial: RuleTrial, request: Request): unknown {
  const patterns = (trials: readonly PatternTrial[], explain: typeof explainClient) =>
    trials.map((tried) => ({ ...tried, why: explain(tried.pattern, tried.matched, request) }));
  return {
    file,
    line: trial.line,
    rule: trial.text.trim(),
    matches: trial.clientMatches,
    daemonMatches: trial.daemonMatches,
    daemons: patterns(trial.daemons, explainDaemon),
    clients: patterns(trial.clients, explainClient),
  };
}
