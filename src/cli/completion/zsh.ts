/** zsh: the function `_git-theta`, which zsh's completion of git calls for `git theta`. */
import type { CompletionCommand } from './tree';

/** Text between single quotes, inside a specification where `:` and brackets have a meaning. */
function text(value: string): string {
  return value.replace(/[\\:[\]]/g, '\\$&').replace(/'/g, `'\\''`);
}

/** The script. */
export function zshCompletion(commands: readonly CompletionCommand[]): string {
  const described = commands.map(({ name, summary }) => `    '${name}:${text(summary)}'`);
  const cases = commands.map(({ name, options, words }) => {
    const specs = options.map(
      (option) =>
        `'${option.long}[${text(option.summary)}]${option.value ? `:${option.long.slice(2)}:_files` : ''}'`,
    );
    const rest = words.length > 0 ? `'*:word:(${words.join(' ')})'` : `'*:file:_files'`;
    return `  ${name}) _arguments ${[...specs, rest].join(' \\\n      ')} ;;`;
  });
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
