/** fish: `complete` lines for `git theta`, beside fish's own completion of git. */
import type { CompletionCommand } from './tree';

function quoted(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}

// Words are compared in order: `provenance status` is another command than `status`.
const FUNCTIONS = `function __git_theta_words
    set -l words (commandline -opc)
    set -l at (contains -i -- theta $words)
    or return 1
    printf '%s\\n' $words[$at..-1]
end

function __git_theta_needs
    set -l words (__git_theta_words)
    test "$words" = "theta $argv" -o "$words" = "theta$argv"
end

function __git_theta_using
    set -l words (__git_theta_words)
    string match -q -- "theta $argv *" "$words "
end`;

/** The lines of a command; `before` are the words that it stands behind. */
function commandLines(command: CompletionCommand, before: string): string[] {
  const { name, summary, options, words, members } = command;
  const all = before === '' ? name : `${before} ${name}`;
  const needs = quoted(`__git_theta_needs ${before}`.trim());
  const lines = [`complete -c git -f -n ${needs} -a ${name} -d ${quoted(summary)}`];
  const using = `complete -c git -n '__git_theta_using ${all}'`;
  for (const { long, summary: about, value } of options) {
    lines.push(`${using} -l ${long.slice(2)}${value ? ' -r' : ''} -d ${quoted(about)}`);
  }
  if (words.length > 0) lines.push(`${using} -f -a ${quoted(words.join(' '))}`);
  for (const member of members) lines.push(...commandLines(member, all));
  return lines;
}

/** The script. */
export function fishCompletion(commands: readonly CompletionCommand[]): string {
  const lines = [
    '# fish completion for git theta',
    '',
    FUNCTIONS,
    '',
    "complete -c git -n __fish_git_needs_command -a theta -d 'Version checkpoints by tensor'",
  ];
  for (const command of commands) lines.push('', ...commandLines(command, ''));
  return `${lines.join('\n')}\n`;
}
