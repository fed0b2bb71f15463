/** bash: the function `_git_theta`, which git's completion calls for `git theta`. */
import type { CompletionCommand } from './tree';

/** The branches that complete what follows a command. */
function caseLines({ name, options, words, members }: CompletionCommand, indent: string): string[] {
  const longs = [...options.map((option) => option.long), '--help'].join(' ');
  if (members.length > 0) {
    const names = members.map((member) => member.name).join(' ');
    return [
      `${indent}${name},*)`,
      `${indent}  local member="$(__git_find_on_cmdline "${names}")"`,
      `${indent}  case "$member,$cur" in`,
      `${indent}  ,*) __gitcomp "${names} ${longs}" ;;`,
      ...members.flatMap((member) => caseLines(member, `${indent}  `)),
      `${indent}  *) COMPREPLY=() ;;`,
      `${indent}  esac`,
      `${indent}  ;;`,
    ];
  }
  const lines = [`${indent}${name},-*) __gitcomp "${longs}" ;;`];
  if (words.length > 0) lines.push(`${indent}${name},*) __gitcomp "${words.join(' ')}" ;;`);
  return lines;
}

/** The script. Every word in it is ours and needs no quoting. */
export function bashCompletion(commands: readonly CompletionCommand[]): string {
  const names = commands.map((command) => command.name).join(' ');
  const cases = commands.flatMap((command) => caseLines(command, '  '));
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
