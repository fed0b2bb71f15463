/** What the commands that insist on committed code have in common: their options, and how they complain. */
import type {
  CheckMode,
  CheckProblem,
  CheckReport,
  UntrackedPolicy,
} from '../../../provenance/check';
import type { OptionDefinition } from '../../command';
import { labelled, note, visible } from '../../ui/output';

/** The values of {@link gateOptions}. */
export interface GateOptions {
  mode?: CheckMode;
  untracked?: UntrackedPolicy;
}

/** `--mode` and `--untracked`. */
export const gateOptions: readonly OptionDefinition[] = [
  {
    flags: '--mode <mode>',
    summary: 'What uncommitted code is; default: theta.provenance.mode, else relaxed.',
    choices: ['strict', 'relaxed'],
  },
  {
    flags: '--untracked <policy>',
    summary:
      'What untracked code is: nothing, a warning, or uncommitted code; default: theta.provenance.untracked, else warn.',
    choices: ['ignore', 'warn', 'fail'],
  },
];

/** More paths are not listed. */
const LISTED = 5;

function describe({ message, paths }: CheckProblem): string {
  if (paths.length === 0) return message;
  const listed = paths.slice(0, LISTED).map(visible).join(', ');
  return `${message}: ${listed}${paths.length > LISTED ? ', …' : ''}`;
}

/** Tells what is wrong on standard error. */
export function noteProblems({ ok, problems }: CheckReport): void {
  for (const problem of problems) note(labelled(problem.level, describe(problem)));
  if (!ok) note('hint: Commit the code before you train.');
}
