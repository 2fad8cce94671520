/** The samples of a text in Prometheus's exposition format (version 0.0.4), by name and labels. */
export type Samples = ReadonlyMap<string, number>;

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (NaN|[+-]Inf|[-+0-9.eE]+)$`);

/**
 * Parses such a text, more strictly than Prometheus does: each family has its help, then its type, then
 * its samples; no family and no sample comes twice; counters end with _total; the buckets of a
 * histogram are cumulative and end with the count.
 * @throws {Error} naming the line that is wrong.
 */
export function parseExposition(text: string): Samples {
  if (!text.endsWith("\n")) throw new Error("No newline at the end");
  const samples = new Map<string, number>();
  const families = new Set<string>();
  let help: string | undefined;
  let family: { readonly name: string; readonly type: string; samples: number } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (kind === "HELP") {
        if (family?.samples === 0) throw wrong("The family before has no sample");
        if (families.has(name)) throw wrong("The family comes twice");
        families.add(name);
        help = name;
        family = undefined;
      } else {
        if (name !== help || family !== undefined) throw wrong("No help before it");
        if (!["counter", "gauge", "histogram"].includes(rest)) throw wrong("No such type");
        if ((rest === "counter") !== name.endsWith("_total")) throw wrong("Named wrongly");
        family = { name, type: rest, samples: 0 };
      }
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw wrong("Not a sample");
    const [, name, labels = "", value] = sample as unknown as [string, string, string, string];
    if (family === undefined) throw wrong("A sample without a type");
    const suffixes = family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (!suffixes.some((suffix) => name === family!.name + suffix)) {
      throw wrong("A sample of another family");
    }
    if (samples.has(name + labels)) throw wrong("The sample comes twice");
    if (!Number.isFinite(Number(value))) throw wrong("Not a number");
    samples.set(name + labels, Number(value));
    family.samples++;
  }
  for (const name of families) checkHistogram(name, samples);
  return samples;
}

function checkHistogram(name: string, samples: Samples): void {
  const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket{`));
  if (buckets.length === 0) return;
  let [bound, count] = [-Infinity, 0];
  for (const [key, value] of buckets) {
    const text = /le="([^"]+)"/.exec(key)?.[1];
    const next = text === "+Inf" ? Infinity : Number(text);
    if (!(next > bound) || value < count) {
      throw new Error(`The buckets of ${name} are not in order`);
    }
    [bound, count] = [next, value];
  }
  if (bound !== Infinity) throw new Error(`${name} lacks its last bucket`);
  if (samples.get(`${name}_count`) !== count) throw new Error(`${name} has another count`);
  if (samples.get(`${name}_sum`) === undefined) throw new Error(`${name} has no sum`);
}
