/** Access tables: the engine, the program and the name tcpdmatch have to decide as tcpdmatch does. */
import { linkSync } from "node:fs";
import { join } from "node:path";
import { type AccessCase, accessCase } from "../peers/access_cases.ts";
import { compare } from "../peers/compare_access.ts";
import { BINARY, makeRoom } from "../support/room.ts";
import { type Fault, makeTally, type Part } from "./part.ts";

/** Of how many questions one is put to the program, and to the program by the name tcpdmatch. */
const EVERY = 10;

export const access: Part<AccessCase> = {
  about: "access tables, beside tcpdmatch",
  peers: ["tcpd"],
  batch: 1000,
  start() {
    const tally = makeTally();
    const room = makeRoom();
    const named = join(room.path, "tcpdmatch");
    linkSync(room.binary, named);
    return Promise.resolve({
      make: accessCase,
      async run(inputs, everywhere) {
        const faults: Fault<AccessCase>[] = [];
        for (const subject of ["engine", BINARY, named]) {
          const asked = subject === "engine"
            ? inputs
            : inputs.filter((_, at) => everywhere || at % EVERY === 0);
          const file = room.file("questions.json", JSON.stringify(asked));
          const { disagreements, count } = await compare(subject, "given", file);
          for (const [verdict, times] of Object.entries(count.verdicts)) tally.add(verdict, times);
          for (const { question, should, does } of disagreements) {
            const what = `${subject}: ${JSON.stringify(does)}, and not ${JSON.stringify(should)}`;
            faults.push({ what, input: question });
          }
        }
        return faults;
      },
      counts: tally.counts,
      [Symbol.asyncDispose]: () => Promise.resolve(room[Symbol.dispose]()),
    });
  },
  write: (question) => question,
  read: (written) => written as AccessCase,
};
