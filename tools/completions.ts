/** The completions of bash, zsh and fish, made from the help texts. */
import { PROGRAMS } from "../lib/cli.ts";
import { type HelpedOption, type Program, PROGRAM_OPTIONS } from "./program_options.ts";

/** tcpd has no options of its own. */
const COMPLETED = ["nrpe", ...PROGRAMS.filter((name) => name !== "tcpd")];
const TOOLS = PROGRAM_OPTIONS.filter(({ name }) => name.startsWith("-")).map(({ name }) => name);

const MADE = "# Made from the help texts by tools/completions.ts: do not edit.";

/** The files of deploy/completion/ with their contents. */
export function completionFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["deploy/completion/nrpe.bash", bash()],
    ["deploy/completion/_nrpe", zsh()],
    ["deploy/completion/nrpe.fish", fish()],
  ]);
}

/** Whether the value is a file, a choice, all words that follow, or something else. */
type ValueKind = "file" | "host" | "rest" | "other";

function valueKind({ value }: HelpedOption): ValueKind | undefined {
  if (value === undefined) return undefined;
  if (value === "FILE") return "file";
  if (value === "HOST") return "host";
  return value.endsWith("...") ? "rest" : "other";
}

/** The words of all options whose values are of a kind, `-c --config` say. */
function wordsOf({ options }: Program, kind: ValueKind): string {
  return options.filter((option) => valueKind(option) === kind).flatMap(({ words }) => words)
    .join(" ");
}

function bash(): string {
  const cases = PROGRAM_OPTIONS.map((program) => {
    const { name, options, words } = program;
    const lines = [`    ${name})`];
    lines.push(`      options='${options.flatMap((option) => option.words).join(" ")}'`);
    for (const kind of ["file", "host", "rest", "other"] as const) {
      const found = wordsOf(program, kind);
      if (found !== "") lines.push(`      ${kind}='${found}'`);
    }
    lines.push(`      words=${words} ;;`);
    return lines.join("\n");
  });
  return `# Completion of ${COMPLETED.join(", ")} in bash(1).
${MADE}

# Completes the lines of standard input that begin with the current word. They are quoted: a name may
# hold characters of the shell.
_nrpe_lines() {
  local line
  while IFS= read -r line; do
    [[ -n $line && $line == "$current"* ]] && COMPREPLY+=("$(printf %q "$line")")
  done
}

# Prints the names of the commands in the file that -c names on the command line.
_nrpe_commands() {
  local at file config=()
  for ((at = 1; at < \${#COMP_WORDS[@]} - 1; at++)); do
    case \${COMP_WORDS[at]} in
      --config | -c | -[!-]*c)
        [[ \${COMP_WORDS[at + 1]} == = ]] && at=$((at + 1))
        file=\${COMP_WORDS[at + 1]//[\\\\\\"\\']/}
        config=(-c "\${file/#\\~\\//$HOME/}") ;;
    esac
  done
  "$1" --run --list "\${config[@]}" 2> /dev/null
}

_nrpe() {
  local current=$2 before=$3 program=\${1##*/} word given=0 at
  local options='' file='' host='' rest='' other='' words=none
  COMPREPLY=()
  # What follows --config= is a word of its own, and so is the equals sign.
  [[ $current == = ]] && current='' before='='
  [[ $before == = ]] && before=\${COMP_WORDS[COMP_CWORD - 2]}
  [[ $before == = ]] && before=\${COMP_WORDS[COMP_CWORD - 3]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case $word in
      ${TOOLS.join(" | ")}) program=$word; break ;;
    esac
  done
  case $program in
${cases.join("\n")}
  esac
  # Words that stand before this one and are neither options nor their values.
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    # Of joined letters the last one may take a value.
    [[ $word == -[!-]?* ]] && word=-\${word: -1}
    case " $rest " in *" $word "*) return ;; esac
    case " $file $host $other " in
      *" $word "*) at=$((at + 1)); [[ \${COMP_WORDS[at]} == = ]] && at=$((at + 1)) ;;
      *) [[ $word == -* || $word == = ]] || given=$((given + 1)) ;;
    esac
  done
  [[ $before == -[!-]?* ]] && before=-\${before: -1}
  case " $file " in *" $before "*) words=files given=0 ;; esac
  case " $host " in *" $before "*) words=hosts given=0 ;; esac
  case " $other " in *" $before "*) return ;; esac
  if [[ $current == -* && $words != files && ($words != programs || $given == 0) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  case $words in
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    hosts) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
    commands) ((given == 0)) && _nrpe_lines < <(_nrpe_commands "$1") ;;
    programs)
      compopt -o filenames
      if ((given > 0)) || [[ $current == */* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
      fi ;;
  esac
}

complete -F _nrpe ${COMPLETED.join(" ")}
`;
}

/** A text in single quotes, for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function zsh(): string {
  const specs = (program: Program) => {
    const lines = program.options.flatMap((option) => {
      const kind = valueKind(option);
      const description = option.description.replace(/[[\]\\:]/g, "\\$&");
      return option.words.map((word) => {
        const long = kind !== undefined && kind !== "rest" && word.startsWith("--") ? "=" : "";
        return quoted(`${word}${long}[${description}]${ZSH_VALUES[kind ?? "none"]}`);
      });
    });
    if (program.words !== "none") lines.push(quoted(ZSH_WORDS[program.words]));
    // What started the tool is no word of it.
    if (program.name.startsWith("-")) lines.push(quoted(`!${program.name}`));
    return lines.map((line) => ` \\\n        ${line}`).join("");
  };
  const cases = PROGRAM_OPTIONS.map((program) =>
    `    ${program.name})\n      _arguments -s -S${specs(program)} ;;`
  );
  return `#compdef ${COMPLETED.join(" ")}
# Completion of ${COMPLETED.join(", ")} in zsh(1).
${MADE}

# Completes the names of the commands in the file that -c names on the command line.
_nrpe_commands() {
  local -a config names
  integer at
  for ((at = 2; at < CURRENT; at++)); do
    case $words[at] in
      --config=*) config=(-c \${(Q)words[at]#--config=}) ;;
      --config | -c | -[^-]*c) config=(-c \${(Q)words[at + 1]}) ;;
    esac
  done
  names=(\${(f)"$(\${(Q)_nrpe_program} --run --list $config 2> /dev/null)"})
  compadd -a names
}

_nrpe() {
  local program=$service word _nrpe_program=$words[1]
  for word in $words[2,CURRENT-1]; do
    case $word in
      (${TOOLS.join("|")}) program=$word; break ;;
    esac
  done
  case $program in
${cases.join("\n")}
  esac
}

_nrpe "$@"
`;
}

const ZSH_VALUES: Readonly<Record<ValueKind | "none", string>> = {
  none: "",
  file: ":file:_files",
  host: ":host:_hosts",
  rest: ":*:argument: ",
  other: ":value: ",
};

const ZSH_WORDS: Readonly<Record<Exclude<Program["words"], "none">, string>> = {
  hosts: "*:host:_hosts",
  commands: "1:command:_nrpe_commands",
  programs: "*::program:_normal",
  files: "*:file:_files",
};

function fish(): string {
  const lines = PROGRAM_OPTIONS.flatMap((program) => {
    const { name, options, words } = program;
    const isTool = name.startsWith("-");
    const command = isTool ? "nrpe" : name;
    const when = command === "nrpe" ? ` -n '__nrpe_is ${name}'` : "";
    const begin = `complete -c ${command}${when}`;
    return [
      "",
      `${begin} -f${words === "none" ? "" : FISH_WORDS[words]}`,
      ...options.flatMap((option) => fishOption(begin, option)),
    ];
  });
  return `# Completion of ${COMPLETED.join(", ")} in fish(1).
${MADE}

# Whether the words so far start this program: an option such as --doctor, or the agent itself.
function __nrpe_is
    for word in (commandline -opc)[2..-1]
        if contains -- $word ${TOOLS.join(" ")}
            test $word = $argv[1]
            return
        end
    end
    test $argv[1] = nrpe
end

# Prints the names of the commands in the file that -c names on the command line.
function __nrpe_commands
    set -l words (commandline -opc)
    set -l config
    for at in (seq 2 (count $words))
        if string match -qr -- '^(-[^-]*c|--config)$' $words[$at]; and set -q words[(math $at + 1)]
            set config -c $words[(math $at + 1)]
        else if string match -q -- '--config=*' $words[$at]
            set config -c (string replace -- --config= '' $words[$at])
        end
    end
    $words[1] --run --list $config 2> /dev/null
end
${lines.join("\n")}
`;
}

const FISH_WORDS: Readonly<Record<Exclude<Program["words"], "none">, string>> = {
  hosts: " -a '(__fish_print_hostnames)'",
  commands: " -a '(__nrpe_commands)'",
  programs: " -F -a '(__fish_complete_command)'",
  files: " -F",
};

const FISH_VALUES: Readonly<Record<ValueKind, string>> = {
  file: " -r -F",
  host: " -x -a '(__fish_print_hostnames)'",
  rest: " -x",
  other: " -x",
};

/** Options of one line in a row each, unless they are the letter and the name of one. */
function fishOption(begin: string, option: HelpedOption): readonly string[] {
  const kind = valueKind(option);
  const rest = `${kind === undefined ? "" : FISH_VALUES[kind]} -d ${quoted(option.description)}`;
  const written = option.words.map((word) =>
    word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`
  );
  const pair = option.words.length === 2 && option.words[1]!.startsWith("--");
  return (pair ? [written.join(" ")] : written).map((words) => `${begin} ${words}${rest}`);
}
