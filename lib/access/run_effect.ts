import { FACILITIES, LEVELS } from "../log.ts";
import { SystemError } from "../system/libc.ts";
import type { DueEffect, EffectEnd } from "../wrappers/decide.ts";
import { expand } from "../wrappers/expand.ts";
import type { Effect } from "../wrappers/option.ts";
import type { Request } from "../wrappers/request.ts";
import { twistLine } from "../wrappers/verdict_line.ts";
import { complain, type Consultation, logLine } from "./consultation.ts";
import { findFact } from "./find_fact.ts";

/** Runs the effect of an option. One that fails is logged, and denies. */
export async function runEffect(consultation: Consultation, due: DueEffect): Promise<EffectEnd> {
  const { runner, variables } = consultation;
  const { effect, request, rule } = due;
  try {
    switch (effect.option) {
      case "allow":
      case "deny":
      case "rfc931":
        return "done";
      case "severity":
        consultation.priority = priorityOf(effect);
        return "done";
      case "setenv":
        variables.push(`${effect.name}=${effect.value}`);
        return "done";
      case "banners":
        await sendBanner(consultation, effect.directory, request);
        return "done";
      case "spawn":
        await runner.runCommand(effect.command, variables);
        return "done";
      case "aclexec":
        return await runner.runCommand(effect.command, variables) ? "done" : "aclexec failed";
      case "twist":
        logLine(consultation, twistLine(effect.command, request));
        return runner.twist(effect.command, variables);
      default:
        await runner.apply(effect);
        return "done";
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    complain(consultation, "error", rule.table, rule.line, error.message);
    return "error";
  }
}

function priorityOf({ level, facility }: Extract<Effect, { readonly option: "severity" }>): number {
  return (facility === undefined ? 0 : FACILITIES[facility]) + LEVELS[level];
}

/** Sends the daemon's file of a banner directory, if it has one, its newlines as CR LF. */
async function sendBanner(
  consultation: Consultation,
  directory: string,
  asked: Request,
): Promise<void> {
  const { connection, tables } = consultation;
  const file = tables.read(`${directory}/${connection.daemon}`);
  if (file.kind !== "text") return;
  let request = asked;
  let expansion = expand(file.text, request, asked);
  while (expansion.kind === "needs") {
    request = await findFact(consultation, expansion.fact, request);
    expansion = expand(file.text, request, asked);
  }
  const text = expansion.kind === "text" ? expansion.text : file.text;
  await consultation.runner.send(text.replaceAll("\n", "\r\n"));
  consultation.bannerSent = true;
}
