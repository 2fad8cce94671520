import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./room.ts";

const DIRECTORY = join(ROOT, "docs/schema");

let validators: Map<string, ValidateFunction> | undefined;

/** The schemas of docs/schema by their names, such that no object may have a member more. */
function compile(): Map<string, ValidateFunction> {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  const names = readdirSync(DIRECTORY);
  for (const name of names) {
    const schema = JSON.parse(
      readFileSync(join(DIRECTORY, name), "utf8"),
      (_, value) =>
        value?.type === "object" && value.properties !== undefined
          ? { ...value, additionalProperties: false }
          : value,
    );
    ajv.addSchema(schema);
  }
  return new Map(names.map((name) => [name, ajv.getSchema(name)!]));
}

/** Expects that a value is as docs/schema/NAME.json says, with no member that is not there. */
export function expectSchema(name: string, value: unknown): void {
  validators ??= compile();
  const validate = validators.get(`${name}.json`)!;
  if (!validate(value)) expect({ value, errors: validate.errors }).toEqual({ value, errors: [] });
}

/** Reads lines of JSON, each of which must be as docs/schema/NAME.json says. */
export function readJsonLines(name: string, text: string) {
  const values = text.trimEnd().split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
  for (const value of values) expectSchema(name, value);
  return values;
}
