// @ts-expect-error TypeScript takes the whole file only, and the binary would then hold all of it.
import { version } from "../deno.json" with { type: "json" };

/** The program's version, as deno.json has it. */
export const VERSION: string = version;
