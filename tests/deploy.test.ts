/** deploy/: what its files name is there, in the code and in docs/. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CHECK_OPTIONS } from "../lib/client/check_nrpe_cli.ts";
import { COMMAND_DIRECTIVES, DIRECTIVES } from "../lib/config/settings.ts";
import { readOptions } from "../lib/options.ts";
import { type ConnectionEnd, makeMetrics } from "../lib/serve/metrics.ts";
import { PROGRAM_OPTIONS } from "../tools/program_options.ts";
import { parseExposition } from "./support/exposition.ts";
import { ROOT } from "./support/room.ts";

const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** All files below a directory of the checkout, by their paths there. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { recursive: true }).map((name) =>
    `${directory}/${name}`
  ).filter((path) => statSync(join(ROOT, path)).isFile()).sort();
}

const PAGES = ["README.md", ...filesOf("docs").filter((path) => path.endsWith(".md"))];

test("each file of deploy/, or its directory, is named in README.md or docs/", () => {
  const text = PAGES.map(textOf).join("\n");
  const named = new Set(text.match(/deploy\/[\w@./*-]*/g)!.map((path) => path.replace(/\*.*/, "")));
  const unnamed = filesOf("deploy").filter((path) => {
    const places = path.split("/").map((_, at, all) => all.slice(0, at).join("/") + "/");
    return !named.has(path) && !places.slice(2).some((place) => named.has(place));
  });
  expect(unnamed).toEqual([]);
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const RULES = "deploy/prometheus/nrpe.rules.yml";
const SELECTOR = /\b((?:nrpe|node)_\w+)(?:\{([^}]*)\})?/g;

/** A sample of every series that the agent writes. */
function samples(): readonly string[] {
  const text = makeMetrics(0).exposition({
    connections: 0,
    running: 0,
    waiting: 0,
    certificateExpiry: 1,
    crlExpiry: 1,
  });
  return [...parseExposition(text).keys()];
}

/** Whether a series of the agent has a name and labels; a value may be a regular expression. */
function isWritten(name: string, labels: string): boolean {
  const wanted = [...labels.matchAll(/(\w+)(=~?)"([^"]*)"/g)]
    .filter(([, label]) => !["instance", "file"].includes(label!));
  const alternatives = wanted.map(([, label, how, value]) =>
    (how === "=~" ? value!.split("|") : [value!]).map((one) => `${label}="${one}"`)
  );
  const series = samples().filter((sample) => sample.split("{")[0] === name);
  return series.length > 0 &&
    alternatives.every((ones) =>
      ones.every((one) =>
        one.startsWith("version=") || series.some((sample) => sample.includes(one))
      )
    );
}

describe("the rules for Prometheus", () => {
  const { groups } = Bun.YAML.parse(textOf(RULES)) as { groups: { rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  test.each(["rules", "rules.test"])("nrpe.%s.yml names series that the agent writes", (name) => {
    const text = textOf(`deploy/prometheus/nrpe.${name}.yml`);
    const unknown = [...text.replaceAll(/^ *#.*|runbook:.*/gm, "").matchAll(SELECTOR)]
      .filter(([, series]) => series!.startsWith("nrpe_"))
      .filter(([, series, labels = ""]) => !isWritten(series!, labels));
    expect(unknown.map(([selector]) => selector)).toEqual([]);
    expect(isWritten("nrpe_refusals_total", 'reason=~"access_tables|mood"')).toBeFalse();
    expect(isWritten("nrpe_moods_total", "")).toBeFalse();
  });

  test("are tried by promtool, every one", () => {
    const tried = textOf("deploy/prometheus/nrpe.rules.test.yml");
    expect(rules.map(({ alert }) => alert).filter((alert) => !tried.includes(`${alert}\n`)))
      .toEqual([]);
  });

  test.each(rules)(
    "$alert says what is wrong, how much it matters, and where to read on",
    (rule) => {
      const { summary, description, runbook } = rule.annotations;
      expect([summary, description].map((text) => (text ?? "").length > 20)).toEqual([true, true]);
      expect(["critical", "warning", "info"]).toContain(rule.labels.severity!);
      const [page, anchor] = runbook!.split("#");
      const anchors = [...textOf(page!).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
      );
      expect(anchors).toContain(anchor!);
    },
  );

  test("have an alert for every end of a connection and every refusal that is no good one", () => {
    const good: readonly ConnectionEnd[] = ["answered", "no query"];
    const labels = samples().flatMap((sample) =>
      /(?:outcome|reason)="(\w+)"/.exec(sample)?.[1] ?? []
    )
      .filter((label) => !good.some((end) => end.replace(" ", "_") === label))
      // One by one, as refusals.
      .filter((label) => label !== "refused");
    const exprs = rules.map(({ expr }) => expr).join("\n");
    expect(labels.filter((label) => !exprs.includes(label))).toEqual([]);
  });
});

/** The letters of a plugin's getopts. */
const AGENT_LETTERS = /getopts (\S+) /.exec(textOf("deploy/monitoring/check_nrpe_agent"))![1]!;

describe("the objects of monitoring servers", () => {
  const nagios = textOf("deploy/monitoring/nagios/nrpe-agents.cfg");
  const icinga = textOf("deploy/monitoring/icinga2/nrpe-agents.conf");

  test("give check_nrpe options that it knows", () => {
    const values = [...nagios.matchAll(/^ +_NRPE_OPTIONS +(.*)$/gm)].map(([, value]) => value!);
    const lines = [...nagios.matchAll(/check_nrpe (-.*)$/gm)].map(([, line]) => line!);
    expect([values.length, lines.length]).toEqual([2, 3]);
    for (const line of lines) {
      for (const value of values) {
        const words = line.replace("$_HOSTNRPE_OPTIONS$", value).split(/ +/);
        expect(readOptions(CHECK_OPTIONS, words)).toMatchObject({ kind: "options", words: [] });
      }
    }
  });

  test("give check_nrpe_agent options that it knows", () => {
    const lines = nagios.matchAll(/check_nrpe_agent (-.*)$/gm);
    const object = /"nrpe_agent" \{([^]*?)\n\}/.exec(icinga)![1]!;
    const given = [...lines].flatMap(([line]) => line.match(/(?<= -)\w/g) ?? [])
      .concat(object.match(/(?<="-)\w/g)!);
    expect(given.length).toBeGreaterThan(8);
    expect(given.filter((letter) => !AGENT_LETTERS.includes(letter))).toEqual([]);
    const help = textOf("deploy/monitoring/check_nrpe_agent").match(/(?<=^ -)\w/gm);
    expect([...AGENT_LETTERS.replaceAll(/[:h]/g, "")].sort()).toEqual([...help!].sort());
  });

  test("ask for commands of the sample nrpe.cfg, or say that theirs is an example", () => {
    const asked = [
      ...nagios.matchAll(/nrpe-command!(\w+)$/gm),
      ...icinga.matchAll(/nrpe_command = "(\w+)"/g),
    ];
    const known = textOf("deploy/nrpe.cfg").match(/(?<=^command\[)\w+/gm)!;
    const names = asked.map(([, name]) => name!);
    expect(names.filter((name) => name !== "_NRPE_CHECK" && !known.includes(name))).toEqual([]);
  });
});

describe("the role for Ansible", () => {
  const files = filesOf("deploy/ansible").filter((path) => !path.endsWith(".md"));
  const lines = files.flatMap((path) => textOf(path).split("\n"))
    .filter((line) => !/^\s*#|sha256sum|systemctl|no-pager|ansible-playbook/.test(line));

  test("gives the agent options that it knows", () => {
    const known = new Set(
      PROGRAM_OPTIONS.flatMap(({ options }) => options.flatMap((one) => one.words)),
    );
    const given = lines.flatMap((line) => line.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? []);
    expect(given).toContain("--check-access");
    // --check is ansible-playbook's, in a message.
    expect(given.filter((word) => word !== "--check" && !known.has(word))).toEqual([]);
  });

  test("writes directives that the agent knows", () => {
    const template = textOf("deploy/ansible/roles/nrpe/templates/nrpe.cfg.j2");
    const written = [...template.matchAll(/^(\w+)=/gm)].map(([, name]) => name!);
    expect(written).toContain("tls_state_file");
    const others = ["include_dir", ...Object.keys(COMMAND_DIRECTIVES)];
    expect(written.filter((name) => !(name in DIRECTIVES) && !others.includes(name))).toEqual([]);
  });

  test("specifies each of its variables, and describes each", () => {
    const role = "deploy/ansible/roles/nrpe";
    const defaults = Object.keys(Bun.YAML.parse(textOf(`${role}/defaults/main.yml`)) as object);
    const specified = Bun.YAML.parse(textOf(`${role}/meta/argument_specs.yml`)) as {
      argument_specs: { main: { options: object } };
    };
    expect(Object.keys(specified.argument_specs.main.options)).toEqual(defaults);
    const readme = textOf(`${role}/README.md`);
    expect(defaults.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});
