/** fish: `complete` lines for `git theta`, beside fish's own completion of git. */
import type { CompletionCommand } from './tree';

function quoted(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}

/** The script. */
export function fishCompletion(commands: readonly CompletionCommand[]): string {
  const names = commands.map((command) => command.name).join(' ');
  const lines = [
    '# fish completion for git theta',
    '',
    'function __git_theta_needs_command',
    '    __fish_git_using_command theta',
    `    and not __fish_seen_subcommand_from ${names}`,
    'end',
    '',
    'function __git_theta_using',
    '    __fish_git_using_command theta',
    '    and __fish_seen_subcommand_from $argv',
    'end',
    '',
    "complete -c git -n __fish_git_needs_command -a theta -d 'Version checkpoints by tensor'",
  ];
  for (const { name, summary, options, words } of commands) {
    lines.push(
      '',
      `complete -c git -f -n __git_theta_needs_command -a ${name} -d ${quoted(summary)}`,
    );
    const using = `complete -c git -n '__git_theta_using ${name}'`;
    for (const { long, summary: about, value } of options) {
      lines.push(`${using} -l ${long.slice(2)}${value ? ' -r' : ''} -d ${quoted(about)}`);
    }
    if (words.length > 0) lines.push(`${using} -f -a ${quoted(words.join(' '))}`);
  }
  return `${lines.join('\n')}\n`;
}
