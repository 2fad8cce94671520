import { describe, expect, test } from "bun:test";
import { splitDefinition } from "../../lib/config/definition_words.ts";
import { expandWords } from "../../lib/config/macros.ts";
import { seededRandom } from "../support/random.ts";

/** The arguments of a program that a definition and some arguments make. */
function argvOf(definition: string, args: readonly string[] = []): readonly string[] {
  const splitting = splitDefinition(definition, true);
  if (splitting.kind !== "words") throw new Error(splitting.reason);
  return expandWords(splitting.words, args);
}

describe("splitDefinition()", () => {
  test.each([
    ["/a", ["/a"]],
    ["/a b  c\td", ["/a", "b", "c", "d"]],
    ["/a 'b  c' \"d  e\" f\\ g", ["/a", "b  c", "d  e", "f g"]],
    ["/a b'c'\"d\"\\e", ["/a", "bcde"]],
    ["/a '' \"\" ''\"\"", ["/a", "", "", ""]],
    ["/a '|&;<>()`$(x)~*?[{#!' x", ["/a", "|&;<>()`$(x)~*?[{#!", "x"]],
    ['/a "|&;<>()~*?[{#!\'"', ["/a", "|&;<>()~*?[{#!'"]],
    ["/a \\| \\& \\; \\< \\> \\( \\) \\` \\~ \\* \\? \\[ \\{ \\# \\' \\\" \\\\", [
      ...[
        "/a",
        "|",
        "&",
        ";",
        "<",
        ">",
        "(",
        ")",
        "`",
        "~",
        "*",
        "?",
        "[",
        "{",
        "#",
        "'",
        '"',
        "\\",
      ],
    ]],
    ['/a \'\\\' "\\x\\$\\`\\"\\\\" \\x', ["/a", "\\", '\\x$`"\\', "x"]],
    ["/a b#c d= =e ^f g} h] !", ["/a", "b#c", "d=", "=e", "^f", "g}", "h]", "!"]],
    ["/a A=b", ["/a", "A=b"]],
    ["a b", ["a", "b"]],
    ["./a b", ["./a", "b"]],
    ["'/a b' c", ["/a b", "c"]],
    ["/a $ 5$ x$", ["/a", "$", "5$", "x$"]],
    ['/a "$" "5$ x" \'$$HOME\' \\$HOME', ["/a", "$", "5$ x", "$HOME", "$HOME"]],
    ["/a '$USER1$' '$FOO$'", ["/a", "$USER1$", "$FOO$"]],
    ["/a \xe4\xa0\xff '\xa0'", ["/a", "\xe4\xa0\xff", "\xa0"]],
    ["/a \v\f", ["/a", "\v\f"]],
  ])("splits %j as sh(1) does", (definition, words) => {
    expect(argvOf(definition)).toEqual(words);
    // The shell itself, with nothing that it could expand in the text.
    const { stdout } = Bun.spawnSync([
      ...[
        "/bin/sh",
        "-c",
        `show() { printf '%s\\0' "$@"; }; show ${definition.replaceAll("$$", "$")}`,
      ],
    ]);
    if (/[\x80-\xff]/.test(definition)) return;
    expect(stdout.toString("latin1").split("\0").slice(0, -1)).toEqual(words);
  });

  const shellSyntax: readonly [definition: string, reason: string][] = [
    ["/a | b", "| is a pipe"],
    ["/a |b", "| is a pipe"],
    ["/a& ", "& is a background command"],
    ["/a; b", "; is a second command"],
    ["/a\nb", "\n is a second command"],
    ["/a <b", "< is a redirection"],
    ["/a 2>&1", "> is a redirection"],
    ["(/a)", "( is a subshell"],
    ["/a )", ") is a subshell"],
    ["/a `b`", "` is a command substitution"],
    ['/a "`b`"', "` is a command substitution"],
    ["/a $(b)", "$( is a command substitution"],
    ['/a "$(b)"', "$( is a command substitution"],
    ["/a $$(b)", "$( is a command substitution"],
    ["/a $HOME", "$ is a variable"],
    ["/a $$HOME", "$ is a variable"],
    ['/a "$HOME"', "$ is a variable"],
    ["/a ${HOME}", "$ is a variable"],
    ["/a $1 $2", "$ is a variable"],
    ["/a $?", "$ is a variable"],
    ["/a $'b'", "$ is a variable"],
    ["/a $USER1$", "$ is a variable"],
    ["/a $$$ARG1$", "$ is a variable"],
    ["/a ~", "~ is a home directory"],
    ["/a --b=~/c", "~ is a home directory"],
    ["/a *", "* is a pattern of file names"],
    ["/a b?", "? is a pattern of file names"],
    ["/a [b]", "[ is a pattern of file names"],
    ["/a {b,c}", "{ is a list of words"],
    ["/a # b", "# is a comment"],
    ["#", "# is a comment"],
    ["A=b /c", "A= is a variable for /usr/bin/env to set"],
    ["_1= /c", "_1= is a variable for /usr/bin/env to set"],
    ["exec /a", "exec is a part of the shell"],
    ["cd /a", "cd is a part of the shell"],
    ["! /a", "! is a part of the shell"],
  ];

  test.each(shellSyntax)("leaves %j to a shell", (definition, reason) => {
    expect(splitDefinition(definition, true)).toEqual({ kind: "shell syntax", reason });
  });

  test.each([
    ["/a 'b", "the quote ' is not closed"],
    ['/a "b', 'the quote " is not closed'],
    ['/a "b\\"', 'the quote " is not closed'],
    ["/a b\\", "it ends with a backslash"],
    ["/a \\$ARG1\\$", "a backslash stands before a macro: leave it out"],
    ['/a "\\$ARG1$"', "a backslash stands before a macro: leave it out"],
    ["$ARG1$ b", "a client would choose the program by $ARG1$"],
    ["/a/$ARG2$", "a client would choose the program by $ARG2$"],
    ["'$ARG1$'", "a client would choose the program by $ARG1$"],
    ["''", "it names no program"],
    ["$ARG$", "it names no program"],
  ])("refuses %j", (definition, reason) => {
    expect(splitDefinition(definition, true)).toEqual({ kind: "broken", reason });
  });

  test("asks for the program of a definition behind a prefix as well", () => {
    expect(splitDefinition("$ARG1$", false).kind).toBe("broken");
    expect(splitDefinition("A=b /c", false).kind).toBe("words");
    expect(splitDefinition("exec", false).kind).toBe("words");
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ["/a -w$ARG1$ --x=$ARG2$:y", ["1", "2"], ["/a", "-w1", "--x=2:y"]],
    ["/a '$ARG1$' \"$ARG1$\" $ARG1$", ["b c"], ["/a", "b c", "b c", "b c"]],
    ["/a $ARG1$ b", [], ["/a", "b"]],
    ["/a $ARG1$$ARG2$ b", [], ["/a", "b"]],
    ["/a '$ARG1$' \"$ARG2$\" ''$ARG3$ b", [], ["/a", "", "", "", "b"]],
    ["/a -w $ARG1$ -c $ARG2$", ["", "5"], ["/a", "-w", "-c", "5"]],
    ["/a $ARG16$ $ARG17$ $ARG01$ $ARG$x", Array(16).fill("z"), ["/a", "z", "z", "x"]],
    ["/a $ARG1$", ["$ARG2$ 'x' $(id) \\"], ["/a", "$ARG2$ 'x' $(id) \\"]],
  ])("makes of %j with %j the arguments %j", (definition, args, argv) => {
    expect(argvOf(definition, args)).toEqual(argv);
  });
});

test("what is split means the same in a shell, whatever the quotes", () => {
  const seed = Number(process.env.NRPE_WORDS_SEED ?? 1);
  const random = seededRandom(seed);
  const pieces = [
    "a",
    " ",
    "  ",
    "'",
    '"',
    "\\",
    "$",
    "|",
    "#",
    "=",
    "~",
    "*",
    "b c",
    "-",
    "\t",
    "!",
  ];
  const scripts: string[] = [];
  const expected: (readonly string[])[] = [];
  let refused = 0;
  for (let number = 0; number < 3000; number++) {
    let text = "/a ";
    for (let left = random.below(10); left > 0; left--) text += random.pick(pieces);
    const definition = text.trim();
    const splitting = splitDefinition(definition, true);
    if (splitting.kind !== "words") {
      refused++;
      continue;
    }
    expected.push([definition, ...expandWords(splitting.words, [])]);
    scripts.push(`show ${definition.replaceAll("$$", "$")}\n`);
  }
  const show = "show() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }\n";
  const { stdout } = Bun.spawnSync(["/bin/sh", "-c", show + scripts.join("")], { cwd: "/" });
  const got = stdout.toString("latin1").split("\x01\0").slice(0, -1)
    .map((words) => words.split("\0").slice(0, -1));
  expect(got.length, `seed ${seed}`).toBe(expected.length);
  for (const [at, [definition, ...words]] of expected.entries()) {
    expect(got[at], `seed ${seed}: ${definition}`).toEqual(words);
  }
  expect(expected.length).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(500);
});
