/** zsh: the function `_git-theta`, which zsh's completion of git calls for `git theta`. */
import type { CompletionCommand } from './tree';

/** Text between single quotes, inside a specification where `:` and brackets have a meaning. */
function text(value: string): string {
  return value.replace(/[\\:[\]]/g, '\\$&').replace(/'/g, `'\\''`);
}

/** The script. */
export function zshCompletion(commands: readonly CompletionCommand[]): string {
  const described = describe(commands, '    ');
  const cases = commands.flatMap((command) => caseLines(command, '  '));
  return `#compdef git-theta

_git-theta () {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'git theta command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}

_git-theta "$@"
`;
}

function describe(commands: readonly CompletionCommand[], indent: string): string[] {
  return commands.map(({ name, summary }) => `${indent}'${name}:${text(summary)}'`);
}

/** The branch that completes what follows a command. */
function caseLines(command: CompletionCommand, indent: string): string[] {
  const { name, options, words, members } = command;
  if (members.length > 0) {
    return [
      `${indent}${name})`,
      `${indent}  commands=(`,
      ...describe(members, `${indent}    `),
      `${indent}  )`,
      `${indent}  if (( CURRENT == 2 )); then`,
      `${indent}    _describe -t commands 'git theta ${name} command' commands`,
      `${indent}    return`,
      `${indent}  fi`,
      `${indent}  command=$words[2]`,
      `${indent}  shift words`,
      `${indent}  (( CURRENT-- ))`,
      `${indent}  case $command in`,
      ...members.flatMap((member) => caseLines(member, `${indent}  `)),
      `${indent}  esac`,
      `${indent}  ;;`,
    ];
  }
  const specs = options.map(
    (option) =>
      `'${option.long}[${text(option.summary)}]${option.value ? `:${option.long.slice(2)}:_files` : ''}'`,
  );
  const rest = words.length > 0 ? `'*:word:(${words.join(' ')})'` : `'*:file:_files'`;
  return [`${indent}${name}) _arguments ${[...specs, rest].join(' \\\n      ')} ;;`];
}
