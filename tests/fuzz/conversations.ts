/** Whole conversations, plain: the agent in every mode, the decoder and the C agent have to agree. */
import { encodeBytes } from "../../lib/bytes.ts";
import { readRequest } from "../../lib/command/request.ts";
import { DIRECTIVES } from "../../lib/config/settings.ts";
import { decodeQuery } from "../../lib/protocol/decode.ts";
import { longestText, type Response } from "../../lib/protocol/packet.ts";
import { truncate } from "../../lib/protocol/truncate.ts";
import { VERSION } from "../../lib/version.ts";
import { plainVoice } from "./clients.ts";
import { startTrial } from "./conversation_trial.ts";
import { type Difference, excuseFor } from "./differences.ts";
import { COMMANDS, type Plan, planOf, type Step } from "./packets.ts";
import type { Part } from "./part.ts";

/** What an agent makes of the bytes of a client that stays: a response, or undefined for none. */
export function expectedOf(bytes: Uint8Array): Response | undefined {
  const decoding = decodeQuery(bytes);
  if (decoding.kind !== "packet") return undefined;
  const { version, text } = decoding.packet;
  const request = readRequest(text, RULES);
  switch (request.kind) {
    case "invalid":
      return undefined;
    case "version":
      return { version, code: 0, text: `NRPE v${VERSION}` };
    case "undefined command":
      return cut({ version, code: 3, text: `NRPE: Command '${request.name}' not defined` });
    case "command": {
      const { code, text } = COMMANDS[request.name]!;
      return cut({ version, code, text });
    }
  }
}

/** A response as its version carries it. */
function cut(response: Response): Response {
  return { ...response, text: truncate(response.text, longestText(response.version)) };
}

const RULES = {
  commands: {
    get: (name: string) => {
      const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
      return command && { name, line: command.line, position: { file: "", line: 0 } };
    },
  },
  commandSettings: new Map(),
  nasty_metachars: DIRECTIVES.nasty_metachars.byDefault,
  dont_blame_nrpe: false,
  allow_bash_command_substitution: false,
  command_prefix: undefined,
};

/** All bytes of a plan; undefined where the client does not stay for an answer. */
export function sentBy(plan: Plan): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (const step of plan) {
    if (step.do === "send") parts.push(step.bytes);
    else if (step.do !== "wait" && step.do !== "end") return undefined;
  }
  return Buffer.concat(parts);
}

export const conversations: Part<Plan> = {
  about: "plain conversations with the daemon, wait and nowait, beside the C agent",
  peers: ["agent", "inetd"],
  batch: 1000,
  start: (options) =>
    startTrial(options, {
      config: () => "",
      args: ["-n"],
      make: planOf,
      voice: plainVoice,
      goodVoice: plainVoice,
      expected: (plan) => {
        const bytes = sentBy(plan);
        return bytes === undefined ? "left" : expectedOf(bytes);
      },
      excuse: (plan, ours, theirs): Difference | undefined =>
        excuseFor(sentBy(plan) ?? new Uint8Array(0), ours, theirs),
    }),
  write: (plan) =>
    plan.map((step) => step.do === "send" ? Buffer.from(step.bytes).toString("latin1") : step),
  read: (written) =>
    (written as readonly (string | Step)[]).map((step) =>
      typeof step === "string" ? { do: "send", bytes: encodeBytes(step) } : step
    ),
};
