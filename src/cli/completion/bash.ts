/** bash: the function `_git_theta`, which git's completion calls for `git theta`. */
import type { CompletionCommand } from './tree';

/** The script. Every word in it is ours and needs no quoting. */
export function bashCompletion(commands: readonly CompletionCommand[]): string {
  const names = commands.map((command) => command.name).join(' ');
  const cases = commands.flatMap(({ name, options, words }) => {
    const lines: string[] = [];
    const longs = [...options.map((option) => option.long), '--help'].join(' ');
    lines.push(`  ${name},-*) __gitcomp "${longs}" ;;`);
    if (words.length > 0) lines.push(`  ${name},*) __gitcomp "${words.join(' ')}" ;;`);
    return lines;
  });
  return `# bash completion for git theta

_git_theta () {
  local commands="${names}"
  local command="$(__git_find_on_cmdline "$commands")"
  case "$command,$cur" in
  ,*) __gitcomp "$commands" ;;
${cases.join('\n')}
  *) COMPREPLY=() ;;
  esac
}
`;
}
